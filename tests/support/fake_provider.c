// Vendors that answer in words.
#include "tests/support/fake_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/message/multipart_write.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/outcome.h"
#include "providers/provider.h"

enum { STEPS = 3 };

static bool build(struct http_request *request, enum http_method method,
                  const struct account *account, const char *path)
{
    struct buf url = {0};

    buf_fmt(&url, "%s/%s", account->base_url, path);
    request->method = method;
    request->url = buf_take(&url);
    return true;
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    if (task->request == NULL)
        return err_set(err, ERR_INTERNAL, "no request");
    if (strstr(task->request, "unfit") != NULL)
        return err_set(err, ERR_INVALID, "image: is unfit");
    buf_str(&request->body, task->request);
    for (size_t i = 0; i < task->input_count; i++)
        buf_fmt(&request->body, " %s", task->inputs[i].content_type);
    if (task->callback_url != NULL)
        buf_fmt(&request->body, " %s", task->callback_url);
    return build(request, HTTP_POST_, account, "jobs");
}

static bool build_form(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    struct multipart_write form;

    multipart_write_begin(&form, request);
    multipart_write_text(&form, "request", task->request);
    for (size_t i = 0; i < task->input_count; i++)
        multipart_write_gap(&form, "image[]", "a.gif", task->inputs[i].content_type, i,
                            task->inputs[i].bytes);
    multipart_write_end(&form);
    return http_post_form(request, account->base_url, &form, err, "/forms");
}

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    (void)err;
    return build(request, HTTP_GET_, account, task->upstream_id);
}

static bool build_poll_many(const struct task *const *tasks, size_t count,
                            const struct account *account, struct http_request *request,
                            struct err *err)
{
    struct buf path = {0};

    (void)err;
    for (size_t i = 0; i < count; i++)
        buf_fmt(&path, "%s%s", i == 0 ? "" : ",", tasks[i]->upstream_id);
    build(request, HTTP_GET_, account, path.data);
    buf_clear(&path);
    return true;
}

static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    if (task->upstream_id == NULL)
        return err_set(err, ERR_INTERNAL, "no id");
    return build(request, HTTP_DELETE_, account, task->upstream_id);
}

static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    struct buf path = {0};

    if (step >= STEPS)
        return err_set(err, ERR_UPSTREAM, "no such step");
    buf_fmt(&path, "search/%s/%d", task->id, step);
    build(request, HTTP_GET_, account, path.data);
    buf_clear(&path);
    return true;
}

static bool add_likeness(const struct task *task, const struct account *account,
                         struct buf *likeness)
{
    (void)account;
    buf_str(likeness, task->request);
    return true;
}

static bool build_next(const struct task *task, const struct account *account, const char *next,
                       struct http_request *request, struct err *err)
{
    struct buf path = {0};

    (void)task;
    if (strcmp(next, "nothing") == 0)
        return err_set(err, ERR_UPSTREAM, "nothing follows");
    buf_fmt(&path, "next/%s", next);
    build(request, HTTP_GET_, account, path.data);
    buf_clear(&path);
    return true;
}

static void build_fetch(const struct account *account, const char *url,
                        struct http_request *request)
{
    (void)url;
    http_add_header(request, "X-Key", account->name);
}

static char *input_at(const struct task *task, size_t index)
{
    static const char *const names[] = {"image", "mask"};
    json_t *request = index < 2 ? json_loads(task->request, 0, NULL) : NULL;
    const char *image = index < 2 ? field_str_or_empty(request, names[index]) : "";
    char *url = *image == '\0' ? NULL : mem_str(image);

    json_decref(request);
    return url;
}

// Reading.

static const struct word {
    const char *word;
    enum outcome_kind kind;
    bool has_started, is_modal;
} words[] = {
    {"accepted", OUTCOME_ACCEPTED, false, false},
    {"modal_accepted", OUTCOME_ACCEPTED, false, true},
    {"busy", OUTCOME_REFUSED_RETRY, false, false},
    {"absent", OUTCOME_REFUSED_RETRY, false, false},
    {"elsewhere", OUTCOME_REFUSED_ELSEWHERE, false, false},
    {"refused", OUTCOME_REFUSED_FINAL, false, false},
    {"no_model", OUTCOME_REFUSED_FINAL, false, false},
    {"bad_key", OUTCOME_BAD_KEY, false, false},
    {"doubt", OUTCOME_DOUBT, false, false},
    {"waiting", OUTCOME_RUNNING, false, false},
    {"rendering", OUTCOME_RUNNING, true, false},
    {"modal", OUTCOME_RUNNING, true, true},
    {"succeeded", OUTCOME_SUCCEEDED, true, false},
    {"failed", OUTCOME_FAILED, true, false},
    {"cancelled", OUTCOME_CANCELLED, true, false},
    {"next", OUTCOME_NEXT, false, false},
    {"alike", OUTCOME_ALIKE, false, false},
    {"missing", OUTCOME_MISSING, false, false},
};

static void add_marks(struct outcome *outcome, char *list)
{
    char *rest, *item;

    for (item = strtok_r(list, " ", &rest); item != NULL; item = strtok_r(NULL, " ", &rest))
        outcome_add_mark(outcome, item);
}

// "image=https://… ?cover=https://… small?cover=https://… image=!why"
static void add_sources(struct outcome *outcome, char *list)
{
    char *rest, *item;

    for (item = strtok_r(list, " ", &rest); item != NULL; item = strtok_r(NULL, " ", &rest)) {
        char *url = strchr(item, '='), *mark;

        if (url == NULL)
            continue; // a file in the answer to a call
        *url++ = '\0';
        mark = strchr(item, '?');
        if (*url == '!') {
            outcome_add_missing(outcome, item, "content_filter", url + 1);
        } else if (mark == NULL || mark == item) {
            outcome_add_part(outcome, mark == NULL ? item : item + 1, url, NULL, mark != NULL);
        } else {
            *mark = '\0';
            outcome_add_variant(outcome, item, mark + 1, url);
        }
    }
}

char *fake_result(const char *sources)
{
    struct outcome outcome = {0};
    char *copy = mem_str(sources), *result;

    add_sources(&outcome, copy);
    result = outcome_result(&outcome);
    outcome_clear(&outcome);
    free(copy);
    return result;
}

static bool read_words(const char *text, size_t len, struct outcome *outcome, struct err *err)
{
    char *copy = mem_strn(text, len), *rest = copy + strcspn(copy, " ");
    const struct word *word = NULL;

    if (*rest != '\0')
        *rest++ = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, copy) == 0)
            word = &words[i];
    *outcome = (struct outcome){.progress = -1};
    if (word != NULL) {
        outcome->kind = word->kind;
        outcome->has_started = word->has_started;
        outcome->is_modal = word->is_modal;
        if (strcmp(word->word, "no_model") == 0)
            outcome->code = "model_not_found";
        if (word->kind == OUTCOME_ACCEPTED)
            outcome->upstream_id = mem_str(rest);
        else if (word->kind == OUTCOME_ALIKE)
            add_marks(outcome, rest);
        else if (word->kind == OUTCOME_NEXT && *rest != '\0')
            outcome->next = mem_str(rest);
        else if (word->kind == OUTCOME_RUNNING && *rest != '\0')
            outcome->progress = (int)strtol(rest, NULL, 10);
        else if (word->kind == OUTCOME_SUCCEEDED)
            add_sources(outcome, rest);
        else if (*rest != '\0')
            outcome_set_reason(outcome, rest);
    }
    free(copy);
    return word != NULL || err_set(err, ERR_UPSTREAM, "unreadable");
}

static bool read_answer(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    (void)task;
    (void)account;
    outcome->retry_after_ms = 0;
    if (!read_words(buf_text(&response->body), response->body.len, outcome, err))
        return false;
    outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

static bool read_step(const struct task *task, const struct account *account, int step,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    (void)step;
    return read_answer(task, account, response, outcome, err);
}

static bool read_poll_many(const struct task *const *tasks, size_t count,
                           const struct account *account, const struct http_response *response,
                           struct outcome *outcomes, struct err *err)
{
    const char *line = buf_text(&response->body);

    (void)account;
    for (size_t i = 0; i < count; i++)
        outcomes[i] = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    for (; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t id = strcspn(line, " \n"), len = strcspn(line, "\n");

        if (id == len)
            return err_set(err, ERR_UPSTREAM, "unreadable");
        for (size_t i = 0; i < count; i++)
            if (strlen(tasks[i]->upstream_id) == id &&
                strncmp(tasks[i]->upstream_id, line, id) == 0 &&
                !read_words(line + id + 1, len - id - 1, &outcomes[i], err))
                return false;
    }
    return true;
}

static bool read_callback(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err)
{
    (void)task, (void)account, (void)err;
    buf_str(upstream_id, field_str_or_empty(body, "id"));
    return true;
}

// The registry.

static const char *const nothing[] = {NULL};
static const char *const inline_keys[] = {"file", NULL};

#define SPOKEN                                                                                     \
    .name = "plain", .build_submit = build_submit, .read_submit = read_answer,                     \
    .build_poll = build_poll, .read_poll = read_answer

const struct dialect fake_many_dialect = {
    SPOKEN,
    .poll_many_max = 10,
    .build_poll_many = build_poll_many,
    .read_poll_many = read_poll_many,
    .build_cancel = build_cancel,
    .build_lookup = build_lookup,
    .read_lookup = read_step,
    .add_likeness = add_likeness,
};
const struct dialect fake_stops_dialect = {
    SPOKEN,
    .build_cancel = build_cancel,
    .cancels_running = true,
};
static const char *const *linked_fields(const struct task *task)
{
    static const char *const fields[] = {"image", NULL};

    (void)task;
    return fields;
}

const struct dialect fake_links_dialect = {
    SPOKEN,
    .linked_fields = linked_fields,
};
static bool is_call(const struct task *task, const struct account *account)
{
    (void)task, (void)account;
    return true;
}

const struct dialect fake_calls_dialect = {
    SPOKEN,
    .is_call = is_call,
    .inline_keys = inline_keys,
};
const struct dialect fake_forms_dialect = {
    .name = "plain",
    .is_call = is_call,
    .build_submit = build_form,
    .read_submit = read_answer,
    .input_at = input_at,
    .streams_inputs = true,
};
const struct dialect fake_one_dialect = {
    SPOKEN,
    .build_next = build_next,
    .read_next = read_answer,
    .input_at = input_at,
    .build_fetch = build_fetch,
    .inline_keys = inline_keys,
    .read_callback = read_callback,
};

#define COMMON                                                                                     \
    .models = nothing, .poll_first_ms = FAKE_POLL_FIRST_MS, .poll_max_ms = 5000,                   \
    .typical_ms = FAKE_TYPICAL_MS, .submit_timeout_ms = 30000, .poll_timeout_ms = 15000,           \
    .missing_grace_ms = FAKE_MISSING_GRACE_MS, .link_life_ms = FAKE_LINK_LIFE_MS

const struct provider fake_many = {COMMON, .name = "many"};
const struct provider fake_one = {COMMON, .name = "one"};

int provider_poll_max(const struct account *account)
{
    return account->dialect->poll_many_max > 0 ? account->dialect->poll_many_max : 1;
}

bool provider_serves(const struct account *account, const char *model)
{
    bool serves = account->model_count == 0;

    for (size_t i = 0; i < account->model_count && !serves; i++)
        serves = model != NULL && strcmp(account->models[i].name, model) == 0;
    return serves;
}

bool provider_can_cancel(const struct account *account)
{
    return account != NULL && account->dialect->build_cancel != NULL;
}

// The family of all tasks here.

static const char *word(enum task_phase phase, bool is_modal)
{
    if (is_modal)
        return "modal";
    return phase == TASK_SUBMITTED ? "submitted" : task_status(phase);
}

const struct family *family_find(const char *name)
{
    static const struct family family = {.name = "fake", .word = word};

    (void)name;
    return &family;
}
