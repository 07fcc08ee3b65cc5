// Taking jobs: what Suno-API checks, and when it answers.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/suno.h"
#include "tests/sim/words.h"

enum { LYRICS_WAIT_MS = 120000 };

static const struct rule music_rules[] = {
    {"gpt_description_prompt", .type = RULE_TEXT},
    {"prompt", .type = RULE_TEXT},
    {"title", .type = RULE_TEXT},
    {"tags", .type = RULE_TEXT},
    {"mv", RULE_TEXT, .min = 1, .max = 60},
    {"make_instrumental", .type = RULE_BOOL},
    {"task_id", .type = RULE_TEXT},
    {"continue_clip_id", .type = RULE_TEXT},
    {"continue_at", RULE_NUMBER, .min = 0, .max = 3600},
    {0},
};
static const struct rule lyrics_rules[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 10000},
    {0},
};
static const struct rule concat_rules[] = {
    {"clip_id", RULE_TEXT, .is_required = true, .min = 1, .max = 100},
    {"is_infill", .type = RULE_BOOL},
    {0},
};

// NULL, or what is wrong.
typedef const char *(*check_fn)(const struct sim *sim, const json_t *body);

static const char *check_music(const struct sim *sim, const json_t *body)
{
    const char *clip = rules_text(body, "continue_clip_id"), *task = rules_text(body, "task_id");
    const struct job *job;

    if (*clip == '\0')
        return *rules_text(body, "gpt_description_prompt") == '\0' &&
                       *rules_text(body, "prompt") == '\0' && *rules_text(body, "tags") == '\0'
                   ? "prompt is empty"
                   : NULL;
    if (*task == '\0')
        return "task_id is empty";
    job = jobs_find(sim->jobs, &sim_suno, task);
    if (job == NULL)
        return "task not exist";
    return suno_find_clip(sim, clip) == job ? NULL : "clip not exist";
}

static const char *check_concat(const struct sim *sim, const json_t *body)
{
    return suno_find_clip(sim, rules_text(body, "clip_id")) == NULL ? "clip not exist" : NULL;
}

static const struct action {
    const char *name;
    const struct rule *rules;
    check_fn check;  // NULL: nothing more to check
    bool is_waiting; // the answer comes when the job has ended
} actions[] = {
    {"MUSIC", music_rules, check_music, false},
    {"LYRICS", lyrics_rules, NULL, true},
    {"CONCAT", concat_rules, check_concat, false},
};

#define REFUSAL(code, message) "{\"code\":\"" code "\",\"message\":\"" message "\",\"data\":null}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400, REFUSAL("invalid_request", "Song description was flagged")},
    {"invalid", ALWAYS, 400, REFUSAL("invalid_request", "the prompt is invalid")},
    {"402", ALWAYS, 402, REFUSAL("invalid_request", "Insufficient credits.")},
    {"quota", ALWAYS, 403, REFUSAL("quota_not_enough", "user quota is not enough")},
    {"429", 2, 429, REFUSAL("invalid_request", "Too many running jobs.")},
    {"500", 1, 500, REFUSAL("internal_error", "json: unexpected end")},
};

// Unknown fields are ignored, as Go's reader does, but not these: only a client of Spool's sends
// them.
static bool is_foreign(const json_t *body)
{
    static const char *const names[] = {"notifyHook", "notify_hook", "callback_url"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_object_get(body, names[i]) != NULL)
            return true;
    return false;
}

static bool follows_rules(const json_t *body, const struct rule *rules, struct rule_error *error)
{
    json_auto_t *known = json_object();

    for (const struct rule *rule = rules; rule->name != NULL; rule++)
        json_object_set(known, rule->name, json_object_get(body, rule->name));
    return rules_check(known, rules, error);
}

static bool is_right(const struct sim *sim, struct http_exchange *exchange,
                     const struct action *action, const json_t *body)
{
    struct rule_error error;
    const char *why = NULL;
    char text[sizeof error.param + sizeof error.why + 1];

    if (!json_is_object(body)) {
        why = "the body isn't a JSON object";
    } else if (is_foreign(body)) {
        why = "a field that isn't Suno's";
    } else if (!follows_rules(body, action->rules, &error)) {
        snprintf(text, sizeof text, "%s %s", error.param, error.why);
        why = text;
    } else if (action->check != NULL) {
        why = action->check(sim, body);
    }
    if (why != NULL)
        suno_refuse(exchange, 400, "invalid_request", why);
    return why == NULL;
}

// The text with the words; where there is none, the id of the clip that is continued or put
// together.
static const char *prompt_of(const json_t *body)
{
    static const char *const names[] = {"gpt_description_prompt", "prompt", "tags",
                                        "continue_clip_id", "clip_id"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (*rules_text(body, names[i]) != '\0')
            return rules_text(body, names[i]);
    return "";
}

// An answer that waits for the end of its job.
struct waiting {
    struct sim *sim;
    struct http_exchange *exchange;
    const struct job *job;
    struct loop_timer *timer;
    struct buf answer;
};

static void drop(struct waiting *waiting)
{
    loop_cancel(&waiting->timer);
    buf_clear(&waiting->answer);
    free(waiting);
}

static void on_gone(void *ctx)
{
    drop(ctx);
}

static void on_due(void *ctx)
{
    struct waiting *waiting = ctx;
    const struct job *job = waiting->job;
    struct sim *sim = waiting->sim;
    struct job_view view = jobs_view(sim->jobs, job);
    double scale = sim->speed > 0 ? 1 / sim->speed : 0;
    int64_t now_ms = clock_wall_ms(),
            patience_ms = job->began_ms + (int64_t)(LYRICS_WAIT_MS * scale);
    int64_t next_ms = view.until_ms < patience_ms ? view.until_ms : patience_ms;

    waiting->timer = NULL;
    if (!job_is_over(view.status) && now_ms < patience_ms) {
        waiting->timer =
            loop_after(sim->loop, next_ms > now_ms ? next_ms - now_ms : 1, on_due, waiting);
        return;
    }
    http_exchange_on_gone(waiting->exchange, NULL, NULL);
    words_answer(sim, waiting->exchange, job->prompt, &waiting->answer);
    drop(waiting);
}

static void answer_at_end(struct sim *sim, struct http_exchange *exchange, const struct job *job,
                          struct buf *answer)
{
    struct waiting *waiting = mem_new(struct waiting);

    waiting->sim = sim;
    waiting->exchange = exchange;
    waiting->job = job;
    waiting->answer = *answer;
    *answer = (struct buf){0};
    http_exchange_on_gone(exchange, on_gone, waiting);
    on_due(waiting);
}

void suno_submit(struct sim *sim, struct http_exchange *exchange, const char *name)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, 0, NULL);
    const struct action *action = NULL;
    const char *prompt = prompt_of(body);
    const struct job *job;
    struct buf json = {0};
    char id[UUID_SIZE];
    uint64_t number;

    sim->stats.submits++;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcasecmp(actions[i].name, name) == 0)
            action = &actions[i];
    if (action == NULL) {
        suno_refuse(exchange, 400, "invalid_request", "invalid action");
        return;
    }
    if (!is_right(sim, exchange, action, body) ||
        words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_suno, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    id[UUID_SIZE - 2] = '0'; // the clips' ids have other digits there
    job = jobs_add(sim->jobs, &sim_suno, number, id, action->name, prompt, "", body);
    buf_fmt(&json, "{\"code\":\"success\",\"message\":\"\",\"data\":\"%s\"}", id);
    if (action->is_waiting)
        answer_at_end(sim, exchange, job, &json);
    else
        words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}
