// Vendors' answers: whatever comes, an adapter says something that the worker
// can act on.
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/json_lenient.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/token.h"
#include "tests/fuzz/expect.h"

// As seeds.py writes them: provider, call, status - 100 in two bytes, action, step and 16 times the
// dialect's number (from 128 on the first line is a Retry-After), then the body.
enum { HEAD = 6 };
enum call { SUBMIT, POLL, POLL_MANY, LOOKUP, TOKEN, CALLBACK, NEXT, QUESTION, CALLS };

static const char *const actions[] = {
    "IMAGINE", "DESCRIBE", "SEED", "text2video", "generations", "MUSIC", "LYRICS", "CONCAT", "",
};

static bool is_one_of(const struct outcome *outcome, unsigned kinds)
{
    return (kinds & 1u << outcome->kind) != 0;
}

static void check(struct outcome *outcome, bool is_read, bool may_be_bare, unsigned kinds,
                  const struct err *err)
{
    char *result = outcome_result(outcome);

    EXPECT(result != NULL);
    if (is_read) {
        EXPECT(is_one_of(outcome, kinds));
        if (outcome->kind == OUTCOME_ACCEPTED)
            EXPECT(outcome->upstream_id != NULL && *outcome->upstream_id != '\0');
        if (outcome->kind == OUTCOME_NEXT && (kinds & 1u << OUTCOME_RUNNING) != 0)
            EXPECT(outcome->next != NULL && *outcome->next != '\0');
        if (outcome->kind == OUTCOME_SUCCEEDED && !may_be_bare)
            EXPECT(outcome->source_count > 0);
        // People are to read why: where nothing is said the worker has words, for an empty text
        // not.
        if (outcome->kind == OUTCOME_FAILED)
            EXPECT(outcome->reason != NULL && *outcome->reason != '\0');
        if (outcome->kind == OUTCOME_NEXT && (kinds & 1u << OUTCOME_RUNNING) != 0)
            EXPECT(outcome->next != NULL && *outcome->next != '\0');
        if (outcome->kind == OUTCOME_REFUSED_FINAL)
            EXPECT(outcome->reason == NULL || *outcome->reason != '\0');
    } else {
        EXPECT(*err->message != '\0' && strchr(err->message, '\n') == NULL);
    }
    free(result);
    outcome_clear(outcome);
}

static struct task *make_task(uint8_t action, int number)
{
    struct task *task = task_new();

    snprintf(task->id, sizeof task->id, "task_0%d", number);
    task->action = mem_str(actions[action % (sizeof actions / sizeof actions[0])]);
    task->upstream_id = mem_str(number == 1 ? "1731900000123456" : "1731900000123457");
    task->created_ms = 1774805076166;
    task->sent_ms = task->doubt_ms = 1774539107000; // as in the fixtures of searches by likeness
    task->model = mem_str("wan2.5-t2v-preview");
    task->request = mem_str("{\"input\":{\"prompt\":\"a red kite\"}}");
    task->doubts = action >> 7;
    return task;
}

// The last, where there are no more.
static const struct dialect *dialect_of(const struct provider *provider, unsigned number)
{
    const struct dialect *const *at = provider->dialects;

    while (number-- > 0 && at[1] != NULL)
        at++;
    return *at;
}

static void add_message(struct http_response *response, bool has_header, const char *text,
                        size_t len)
{
    const char *line = has_header && len > 0 ? memchr(text, '\n', len) : NULL;
    size_t head = line == NULL ? 0 : (size_t)(line - text) + 1;

    if (head > 0) {
        buf_str(&response->headers, "retry-after: ");
        buf_add(&response->headers, text, head);
    }
    buf_add(&response->body, text + head, len - head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        OF_SUBMIT = 1u << OUTCOME_ACCEPTED | 1u << OUTCOME_REFUSED_RETRY |
                    1u << OUTCOME_REFUSED_ELSEWHERE | 1u << OUTCOME_REFUSED_FINAL |
                    1u << OUTCOME_BAD_KEY | 1u << OUTCOME_DOUBT | 1u << OUTCOME_SUCCEEDED |
                    1u << OUTCOME_FAILED, // of a question, or a call
        OF_LOOK = 1u << OUTCOME_RUNNING | 1u << OUTCOME_SUCCEEDED | 1u << OUTCOME_FAILED |
                  1u << OUTCOME_CANCELLED | 1u << OUTCOME_MISSING,
        OF_LOOKUP = 1u << OUTCOME_ACCEPTED | 1u << OUTCOME_REFUSED_RETRY | 1u << OUTCOME_NEXT |
                    1u << OUTCOME_ALIKE | 1u << OUTCOME_MISSING,
    };
    const struct provider *provider;
    const struct dialect *dialect;
    struct account account = {.name = (char *)"a", .base_url = (char *)"http://v"};
    struct http_response response = {0};
    struct outcome outcomes[2] = {0};
    struct task *tasks[2];
    struct err err = {0};
    bool is_read, may_be_bare;

    if (size < HEAD || (provider = provider_at(data[0])) == NULL || data[1] >= CALLS)
        return -1;
    may_be_bare = data[1] == SUBMIT; // a question has an answer instead
    dialect = dialect_of(provider, data[5] / 16 % 8);
    account.provider = provider;
    account.dialect = dialect;
    response.status = 100 + (data[2] << 8 | data[3]) % 500;
    tasks[0] = make_task(data[4], 1);
    tasks[1] = make_task(data[4], 2);
    add_message(&response, data[5] >= 128, (const char *)data + HEAD, size - HEAD);

    if (data[1] == SUBMIT) {
        is_read = dialect->read_submit(tasks[0], &account, &response, &outcomes[0], &err);
        check(&outcomes[0], is_read, may_be_bare, OF_SUBMIT, &err);
        if (dialect->is_token_refused != NULL)
            dialect->is_token_refused(&response);
    } else if (data[1] == POLL) {
        unsigned next = dialect->build_next == NULL ? 0 : 1u << OUTCOME_NEXT;

        is_read = dialect->read_poll(tasks[0], &account, &response, &outcomes[0], &err);
        check(&outcomes[0], is_read, may_be_bare, OF_LOOK | next, &err);
    } else if (data[1] == NEXT && dialect->read_next != NULL) {
        is_read = dialect->read_next(tasks[0], &account, &response, &outcomes[0], &err);
        check(&outcomes[0], is_read, may_be_bare, OF_LOOK, &err);
    } else if (data[1] == POLL_MANY && dialect->read_poll_many != NULL) {
        is_read = dialect->read_poll_many((const struct task *const *)tasks, 2, &account, &response,
                                          outcomes, &err);
        // What can't be read of one of them is nobody's news.
        check(&outcomes[0], is_read, may_be_bare, OF_LOOK | 1u << OUTCOME_NONE, &err);
        check(&outcomes[1], is_read, may_be_bare, OF_LOOK | 1u << OUTCOME_NONE, &err);
    } else if (data[1] == LOOKUP && dialect->read_lookup != NULL) {
        is_read =
            dialect->read_lookup(tasks[0], &account, data[5] % 4, &response, &outcomes[0], &err);
        check(&outcomes[0], is_read, may_be_bare, OF_LOOKUP, &err);
    } else if (data[1] == TOKEN && dialect->read_token != NULL) {
        struct token token = {0};

        if (!dialect->read_token(&response, 1774805076166, &token, &err))
            EXPECT(*err.message != '\0');
        token_clear(&token);
    } else if (data[1] == CALLBACK && dialect->read_callback != NULL) {
        json_auto_t *body = json_lenient_read(response.body.data, response.body.len);
        struct buf id = {0};

        if (body != NULL && dialect->read_callback(tasks[0], &account, body, &id, &err))
            EXPECT(id.len > 0);
        buf_clear(&id);
    } else if (data[1] == QUESTION && dialect->answer_callback != NULL) {
        json_auto_t *body = json_lenient_read(response.body.data, response.body.len);
        struct buf json = {0};

        if (body != NULL && dialect->answer_callback(body, &json)) {
            json_auto_t *answer = json_loads(buf_text(&json), 0, NULL);

            EXPECT(answer != NULL);
        }
        buf_clear(&json);
    }
    for (int i = 0; i < 2; i++) {
        outcome_clear(&outcomes[i]);
        task_free(tasks[i]);
    }
    http_response_clear(&response);
    return 0;
}
