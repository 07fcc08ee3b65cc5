// Tells clients of each change of their jobs.
#include "tests/sim/callbacks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "tests/sim/jobs.h"
#include "tests/sim/sim.h"

enum { TIMEOUT_MS = 10000, CHALLENGE_MS = 3000 };

struct watch {
    struct callbacks *callbacks;
    struct watch *next, **link;
    const struct job *job; // borrowed, outlives us
    char *url;             // ours
    callback_json_fn add_json;
    char challenge[32]; // is to come back before anything is told; "": it has, or needn't
    const struct callback_end *end; // NULL: each change is told
    unsigned tries;                 // of the call at the end so far
    bool is_told;                   // the client was told that the job is `status`
    enum job_status status;
    // What we wait for: between events exactly one of these is set.
    struct loop_timer *timer;
    struct http_call *call;
};

struct callbacks {
    struct sim *sim; // borrowed, outlives us
    struct http_client *client;
    struct watch *all;
};

static void drop(struct watch *watch)
{
    loop_cancel(&watch->timer);
    http_cancel(&watch->call);
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    free(watch->url);
    free(watch);
}

struct callbacks *callbacks_new(struct sim *sim)
{
    struct callbacks *callbacks = mem_new(struct callbacks);

    callbacks->sim = sim;
    callbacks->client = http_client_new(sim->loop, "spool-sim/" SPOOL_VERSION);
    return callbacks;
}

void callbacks_drop(struct callbacks **callbacks)
{
    if (*callbacks == NULL)
        return;
    while ((*callbacks)->all != NULL)
        drop((*callbacks)->all);
    http_client_drop(&(*callbacks)->client);
    free(*callbacks);
    *callbacks = NULL;
}

static void on_due(void *ctx);

// Waits for the job's next change, or ends.
static void go_on(struct watch *watch)
{
    struct sim *sim = watch->callbacks->sim;
    struct job_view view = jobs_view(sim->jobs, watch->job);
    bool is_wanted = watch->end == NULL || job_is_over(view.status);
    bool is_news = is_wanted && (!watch->is_told || view.status != watch->status);
    int64_t delay_ms = is_news ? 0 : view.until_ms - clock_wall_ms();

    if (view.status == JOB_CANCELLED || (!is_news && view.until_ms == INT64_MAX))
        drop(watch);
    else
        watch->timer = loop_after(sim->loop, delay_ms > 0 ? delay_ms : 0, on_due, watch);
}

static bool has_come_back(const struct watch *watch, const struct http_response *response)
{
    json_auto_t *body =
        json_loadb(buf_text(&response->body), response->body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(body, "challenge"));

    return response->status == 200 && text != NULL && strcmp(text, watch->challenge) == 0;
}

static void on_answered(void *ctx, const struct http_response *response,
                        const struct http_failure *failure)
{
    struct watch *watch = ctx;
    bool is_taken = failure == NULL && response->status / 100 == 2;
    double wait_ms;

    watch->call = NULL;
    if (*watch->challenge != '\0') {
        if (failure != NULL || !has_come_back(watch, response)) {
            drop(watch);
            return;
        }
        watch->challenge[0] = '\0';
        go_on(watch);
        return;
    }
    if (watch->end == NULL || is_taken || ++watch->tries >= watch->end->tries) {
        go_on(watch);
        return;
    }
    watch->is_told = false;
    wait_ms = watch->end->retry_ms * (double)(1u << (watch->tries - 1));
    if (watch->callbacks->sim->speed > 0)
        wait_ms /= watch->callbacks->sim->speed;
    watch->timer = loop_after(watch->callbacks->sim->loop, (int64_t)wait_ms, on_due, watch);
}

static void on_due(void *ctx)
{
    struct watch *watch = ctx;
    struct sim *sim = watch->callbacks->sim;
    struct job_view view = jobs_view(sim->jobs, watch->job);
    struct http_options options = {.timeout_ms = TIMEOUT_MS, .ctx = watch};
    struct http_request request = {.method = HTTP_POST_};

    watch->timer = NULL;
    if (view.status == JOB_CANCELLED || (watch->is_told && view.status == watch->status) ||
        (watch->end != NULL && !job_is_over(view.status))) {
        go_on(watch);
        return;
    }
    request.url = mem_str(watch->url);
    http_add_header(&request, "Content-Type", "application/json");
    if (*watch->challenge != '\0') {
        options.timeout_ms = CHALLENGE_MS;
        buf_fmt(&request.body, "{\"challenge\":\"%s\"}", watch->challenge);
    } else {
        watch->is_told = true;
        watch->status = view.status;
        watch->add_json(sim, watch->job, &request.body);
        if (watch->end != NULL)
            watch->end->sign(sim, watch->job, &request);
    }
    watch->call = http_start(watch->callbacks->client, &request, &options, on_answered);
}

static struct watch *watch_new(struct callbacks *callbacks, const struct job *job, const char *url,
                               callback_json_fn add_json, const struct callback_end *end)
{
    struct watch *watch = mem_new(struct watch);

    watch->callbacks = callbacks;
    watch->job = job;
    watch->url = mem_str(url);
    watch->add_json = add_json;
    watch->end = end;
    watch->link = &callbacks->all;
    watch->next = callbacks->all;
    if (watch->next != NULL)
        watch->next->link = &watch->next;
    callbacks->all = watch;
    return watch;
}

void callbacks_watch(struct callbacks *callbacks, const struct job *job, const char *url,
                     callback_json_fn add_json)
{
    go_on(watch_new(callbacks, job, url, add_json, NULL));
}

void callbacks_challenge(struct callbacks *callbacks, const struct job *job, const char *url,
                         callback_json_fn add_json)
{
    struct watch *watch = watch_new(callbacks, job, url, add_json, NULL);

    snprintf(watch->challenge, sizeof watch->challenge, "c-%llu", (unsigned long long)job->number);
    go_on(watch);
}

void callbacks_watch_end(struct callbacks *callbacks, const struct job *job, const char *url,
                         const struct callback_end *end)
{
    go_on(watch_new(callbacks, job, url, end->add_json, end));
}
