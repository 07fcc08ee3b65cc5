// The answers to calls.
#include "tests/sim/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { CALL_MS = 2000, NEVER_MS = 86400000 };

long calls_number(const char *prompt, const char *word)
{
    char begin[32];
    const char *at;

    snprintf(begin, sizeof begin, "[%s-", word);
    at = strstr(prompt, begin);
    return at == NULL ? 0 : strtol(at + strlen(begin), NULL, 10);
}

int64_t calls_delay_ms(const struct sim *sim, const struct job *job)
{
    double ms =
        (CALL_MS + 1000.0 * (double)calls_number(job->prompt, "after")) * words_times(job->prompt);

    if (words_has(job->prompt, "never"))
        return NEVER_MS;
    return sim->speed > 0 ? (int64_t)(ms / sim->speed) : 0;
}

void calls_begin_chunked(struct http_exchange *exchange, const char *type, const char *data,
                         size_t len)
{
    char size[32];

    http_exchange_add_header(exchange, "Transfer-Encoding", "chunked");
    http_exchange_begin(exchange, 200, type, -1);
    snprintf(size, sizeof size, "%zx\r\n", len);
    http_exchange_write(exchange, size, strlen(size), NULL, NULL);
    http_exchange_write(exchange, data, len, NULL, NULL);
    http_exchange_write(exchange, "\r\n", 2, NULL, NULL);
}

// With a length that is never reached, or in chunks of which the last never comes.
bool calls_cut(struct http_exchange *exchange, const struct job *job, const char *type,
               const struct buf *body)
{
    if (words_has(job->prompt, "cut-chunks")) {
        calls_begin_chunked(exchange, type, body->data, body->len / 2);
    } else if (words_has(job->prompt, "cut-length")) {
        http_exchange_begin(exchange, 200, type, (int64_t)body->len);
        http_exchange_write(exchange, body->data, body->len / 2, NULL, NULL);
    } else {
        return false;
    }
    http_exchange_abort(exchange);
    return true;
}

static bool is_for_words(const char *prompt)
{
    static const char *const words[] = {"cut", "502", "html", "empty", "cut-reused", "slow-answer"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words_has(prompt, words[i]))
            return true;
    return false;
}

void calls_answer(struct sim *sim, struct http_exchange *exchange, const struct job *job,
                  const char *type, const struct buf *body)
{
    if (calls_cut(exchange, job, type, body))
        return;
    if (is_for_words(job->prompt))
        words_answer(sim, exchange, job->prompt, body);
    else
        answer_later(sim, exchange, calls_delay_ms(sim, job), 200, type, body->data, body->len);
}
