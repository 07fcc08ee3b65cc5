// What goes wrong is asked for by words in a job's prompt.
#include "tests/sim/words.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/sim.h"

enum { SLOW_ANSWER_MS = 3000 };

bool words_has(const char *prompt, const char *word)
{
    size_t len = strlen(word);

    for (; (prompt = strchr(prompt, '[')) != NULL; prompt++)
        if (strncmp(prompt + 1, word, len) == 0 && prompt[len + 1] == ']')
            return true;
    return false;
}

double words_times(const char *prompt)
{
    static const char begin[] = "[times-";
    const char *at = strstr(prompt, begin);
    double times = at == NULL ? 1 : strtod(at + strlen(begin), NULL);

    if (words_has(prompt, "slow"))
        times *= 10;
    if (words_has(prompt, "fast"))
        times /= 10;
    return times;
}

bool words_refuse(struct http_exchange *exchange, const char *prompt, unsigned tried,
                  const struct refusal *refusals, size_t count)
{
    if (words_has(prompt, "cut-unaccepted")) {
        http_exchange_abort(exchange);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        const char *body = refusals[i].body;

        if (tried >= refusals[i].times || !words_has(prompt, refusals[i].word))
            continue;
        if (body == NULL)
            http_exchange_answer(exchange, refusals[i].status, NULL, NULL, 0);
        else
            http_exchange_answer(exchange, refusals[i].status,
                                 *body == '{' ? "application/json" : "text/plain", body,
                                 strlen(body));
        return true;
    }
    return false;
}

void words_answer(struct sim *sim, struct http_exchange *exchange, const char *prompt,
                  const struct buf *json)
{
    static const char page[] = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    double delay_ms = sim->speed > 0 ? SLOW_ANSWER_MS / sim->speed : 0;

    if (words_has(prompt, "cut") ||
        (words_has(prompt, "cut-reused") && http_exchange_serial(exchange) > 1))
        http_exchange_abort(exchange);
    else if (words_has(prompt, "502"))
        http_exchange_answer(exchange, 502, "text/html", page, sizeof page - 1);
    else if (words_has(prompt, "html"))
        http_exchange_answer(exchange, 200, "text/html", page, sizeof page - 1);
    else if (words_has(prompt, "empty"))
        http_exchange_answer(exchange, 200, "application/json", NULL, 0);
    else if (words_has(prompt, "slow-answer"))
        answer_later(sim, exchange, (int64_t)delay_ms, 200, "application/json", json->data,
                     json->len);
    else
        http_exchange_answer(exchange, 200, "application/json", json->data, json->len);
}
