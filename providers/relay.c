// Relays, by their tables.
#include "providers/relay.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/refusal.h"

static bool is_listed(const char *const *texts, const char *text, bool has_any_case)
{
    for (; texts != NULL && *texts != NULL; texts++)
        if ((has_any_case ? strcasecmp(*texts, text) : strcmp(*texts, text)) == 0)
            return true;
    return false;
}

static struct relay_action action_of(const struct relay *relay, const struct task *task)
{
    for (const struct relay_action *one = relay->actions; one != NULL && one->name != NULL; one++)
        if (strcmp(one->name, task->action) == 0)
            return *one;
    return (struct relay_action){.submit = relay->submit, .poll = relay->poll, .kind = relay->kind};
}

// Submits.

bool relay_check(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL && account->dialect->relay->shape(task, body, err);

    json_decref(body);
    return ok;
}

bool relay_build_submit(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    const struct relay *relay = account->dialect->relay;
    const char *model = provider_model(account, task->model);
    json_t *body = adapter_request_of(task, err);

    if (body == NULL)
        return false;
    if (model != NULL && *model != '\0')
        json_object_set_new(body, relay->model == NULL ? "model" : relay->model,
                            json_string(model));
    if (relay->shape != NULL && !relay->shape(task, body, err)) {
        json_decref(body);
        return false;
    }
    if (relay->own_id != NULL)
        json_object_set_new(body, relay->own_id, json_string(task->id));
    if (relay->callback != NULL && task->callback_url != NULL)
        json_object_set_new(body, relay->callback, json_string(task->callback_url));
    adapter_add_bearer(account, request);
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    if (relay->follow_up != NULL && task->upstream_parent != NULL)
        return http_post_json(request, account->base_url, body, err, relay->follow_up,
                              task->upstream_parent);
    return http_post_json(request, account->base_url, body, err, action_of(relay, task).submit);
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    const struct relay *relay = account->dialect->relay;

    return ((response->status < 300 || !relay->accepts_by_status) &&
            adapter_accept(response, body, relay->ids, outcome, err)) ||
           (relay->refuse != NULL && relay->refuse(task, response, body, outcome));
}

bool relay_read_submit(const struct task *task, const struct account *account,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err)
{
    bool ok = adapter_read_submit(task, account, response, read_submit_body, outcome, err);

    // What one relay hasn't got, or has no more, another may have. A model that it names as missing
    // is looked for elsewhere as it is, without a rest for the account, which is well.
    if (ok && account->dialect->relay->is_gone_elsewhere &&
        outcome->kind == OUTCOME_REFUSED_FINAL &&
        (outcome->code == NULL || strcmp(outcome->code, "model_not_found") != 0) &&
        (response->status == 404 || response->status == 410))
        outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
    return ok;
}

// Looking.

bool relay_build_poll(const struct task *task, const struct account *account,
                      struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, action_of(account->dialect->relay, task).poll,
                    task->upstream_id);
}

static const json_t *job_of(const struct relay *relay, const json_t *body)
{
    for (const char *const *place = relay->jobs; place != NULL && *place != NULL; place++)
        if (json_is_object(field_at(body, *place)))
            return field_at(body, *place);
    return body;
}

// The first of the places that has a link; NULL: none.
static const char *link_of(const json_t *job, const char *const *places)
{
    for (; places != NULL && *places != NULL; places++) {
        const char *link = field_str_or_empty(job, *places);

        if (strncmp(link, "http", 4) == 0)
            return link;
    }
    return NULL;
}

// Where the relay itself has a file of the job's; the caller frees it.
static char *own_link(const struct task *task, const struct account *account, const char *path)
{
    const char *mark = strstr(path, "%s");
    struct buf link = {0};

    buf_str(&link, account->base_url);
    buf_add(&link, path, (size_t)(mark - path));
    buf_percent(&link, task->upstream_id);
    buf_str(&link, mark + strlen("%s"));
    return buf_take(&link);
}

static void add_variants(const struct task *task, const struct account *account, bool has_cover,
                         struct outcome *outcome)
{
    const struct relay_variant *one = account->dialect->relay->variants;

    for (; one != NULL && one->name != NULL; one++) {
        char *link = own_link(task, account, one->path);

        if (!has_cover || strcmp(one->kind, "cover") != 0)
            outcome_add_variant(outcome, one->name, one->kind, link);
        free(link);
    }
}

// Where there is neither a link nor a path the file may come late.
void relay_add_file(const struct task *task, const struct account *account, const json_t *job,
                    struct outcome *outcome)
{
    const struct relay *relay = account->dialect->relay;
    const char *link = link_of(job, relay->links), *cover = link_of(job, relay->covers);
    char digits[FIELD_ID_DIGITS], *own = NULL;
    const char *next = "";

    if (link == NULL && relay->content != NULL)
        link = own = own_link(task, account, relay->content);
    if (link == NULL && *(next = field_first_id(job, relay->nexts, digits)) != '\0') {
        outcome->kind = OUTCOME_NEXT;
        mem_set_str(&outcome->next, next);
    }
    if (link != NULL)
        outcome_add_source(outcome, action_of(relay, task).kind, link);
    if (link != NULL && cover != NULL)
        outcome_add_part(outcome, "cover", cover, NULL, true);
    if (own != NULL)
        add_variants(task, account, cover != NULL, outcome);
    free(own);
}

// A number, or "45%".
static int progress_of(const json_t *job)
{
    int progress = adapter_progress(job, "progress");

    return progress >= 0 ? progress : adapter_percent(field_str_or_empty(job, "progress"));
}

static void read_failure(const struct relay *relay, const json_t *job, const char *status,
                         struct outcome *outcome)
{
    static const char *const error_code[] = {"error.code", NULL};
    const char *reason = field_first_str(job, relay->reasons);
    char digits[FIELD_ID_DIGITS];
    const char *code =
        field_first_id(job, relay->codes == NULL ? error_code : relay->codes, digits);

    outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
    if (*code != '\0' && is_listed(relay->filters, code, false))
        outcome->code = "content_filter";
    if (relay->explain != NULL)
        relay->explain(status, code, outcome);
}

static bool is_gone(const struct relay *relay, const struct http_response *response,
                    const json_t *body, const json_t *job)
{
    return (relay->gone != NULL &&
            adapter_is_text(field_first_str(job, relay->reasons), relay->gone)) ||
           (relay->is_missing != NULL && relay->is_missing(response, body));
}

static bool read_job(const struct task *task, const struct account *account,
                     const struct http_response *response, const json_t *body,
                     struct outcome *outcome, struct err *err)
{
    const struct relay *relay = account->dialect->relay;
    const json_t *job = job_of(relay, body);
    const char *status = field_first_str(job, relay->statuses);

    if (is_gone(relay, response, body, job)) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, refusal_words(body));
    if (relay->number != NULL && refusal_number(body, relay->number) != 0)
        return err_set(err, ERR_UPSTREAM, "code %lld: %.160s",
                       (long long)refusal_number(body, relay->number), refusal_words(body));
    if (!(relay->has_any_case ? outcome_from_word_of_any_case : outcome_from_word)(
            outcome, relay->words, relay->word_count, status, err))
        return false;
    outcome->progress = progress_of(job);
    outcome->has_started = is_listed(relay->started, status, relay->has_any_case);
    if (outcome->kind == OUTCOME_SUCCEEDED)
        (relay->add_files == NULL ? relay_add_file : relay->add_files)(task, account, job, outcome);
    else if (outcome->kind == OUTCOME_FAILED)
        read_failure(relay, job, status, outcome);
    return true;
}

bool relay_read_poll(const struct task *task, const struct account *account,
                     const struct http_response *response, struct outcome *outcome, struct err *err)
{
    return adapter_read_poll(task, account, response, action_of(account->dialect->relay, task).kind,
                             read_job, outcome, err);
}

bool relay_build_next(const struct task *task, const struct account *account, const char *next,
                      struct http_request *request, struct err *err)
{
    (void)task;
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, account->dialect->relay->next, next);
}

static bool read_file(const struct task *task, const struct account *account,
                      const struct http_response *response, const json_t *body,
                      struct outcome *outcome, struct err *err)
{
    const struct relay *relay = account->dialect->relay;
    const char *link = link_of(job_of(relay, body), relay->links);

    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, refusal_words(body));
    outcome->kind = OUTCOME_SUCCEEDED;
    if (link != NULL)
        outcome_add_source(outcome, action_of(relay, task).kind, link);
    return true;
}

bool relay_read_next(const struct task *task, const struct account *account,
                     const struct http_response *response, struct outcome *outcome, struct err *err)
{
    return adapter_read_poll(task, account, response, action_of(account->dialect->relay, task).kind,
                             read_file, outcome, err);
}

bool relay_read_callback(const struct task *task, const struct account *account, const json_t *body,
                         struct buf *upstream_id, struct err *err)
{
    (void)task;
    return adapter_callback_id(body, account->dialect->relay->ids, upstream_id, err);
}

void relay_build_fetch(const struct account *account, const char *url, struct http_request *request)
{
    if (url_same_origin(url, account->base_url))
        adapter_add_bearer(account, request);
}
