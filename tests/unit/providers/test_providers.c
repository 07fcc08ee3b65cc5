// Adapters against what their vendors send: walks tests/fixtures/<provider>/*.json.
//
// A file is {"call", "given": {"task", "dialect", "models", "step", "status", "headers", "body",
// "repeat"},
// "expect": {…}}; a body that is a string is sent as it is, anything else as JSON. Without a
// dialect it is the provider's first. "repeat" is how many items `data` has: its last one is
// repeated.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "tests/support/check.h"

enum { MAX_TASKS = 8 };

// As the files call it.
static const char *kind_name(enum outcome_kind kind)
{
    static const char *const names[] = {
        [OUTCOME_NONE] = "none",
        [OUTCOME_ACCEPTED] = "accepted",
        [OUTCOME_REFUSED_RETRY] = "refused_retry",
        [OUTCOME_REFUSED_ELSEWHERE] = "refused_elsewhere",
        [OUTCOME_REFUSED_FINAL] = "refused_final",
        [OUTCOME_BAD_KEY] = "bad_key",
        [OUTCOME_DOUBT] = "doubt",
        [OUTCOME_RUNNING] = "running",
        [OUTCOME_SUCCEEDED] = "succeeded",
        [OUTCOME_FAILED] = "failed",
        [OUTCOME_CANCELLED] = "cancelled",
        [OUTCOME_NEXT] = "next",
        [OUTCOME_ALIKE] = "alike",
        [OUTCOME_MISSING] = "missing",
    };

    return names[kind];
}

static struct task *make_task(const json_t *given, const char *upstream_id)
{
    struct task *task = task_new();
    const char *id = field_str_or_empty(given, "task.id");
    const char *action = field_str_or_empty(given, "task.action");
    const char *parent = field_str_or_empty(given, "task.upstream_parent");

    snprintf(task->id, sizeof task->id, "%s", *id == '\0' ? "task_01J9" : id);
    task->action = mem_str(*action == '\0' ? "IMAGINE" : action);
    task->upstream_id = mem_str(upstream_id);
    task->is_cancel_asked = json_is_true(field_at(given, "task.is_cancel_asked"));
    task->callback_url = mem_str(json_string_value(field_at(given, "task.callback_url")));
    task->upstream_parent = mem_str(*parent == '\0' ? NULL : parent);
    task->model = mem_str(json_string_value(field_at(given, "task.model")));
    task->request = json_dumps(field_at(given, "task.request"), JSON_COMPACT);
    task->sent_ms = field_int_or(given, "task.sent_ms", 0);
    task->doubt_ms = field_int_or(given, "task.doubt_ms", 0);
    task->doubts = (int)field_int_or(given, "task.doubts", 0);
    task->created_ms = field_int_or(given, "task.created_ms", 1774805070000);
    return task;
}

static void make_response(const json_t *given, struct http_response *response)
{
    const json_t *body = json_object_get(given, "body");
    json_t *items = json_object_get(body, "data");
    size_t repeat = (size_t)field_int_or(given, "repeat", 0);
    const char *name;
    json_t *value;

    response->status = (int)field_int_or(given, "status", 200);
    json_object_foreach(json_object_get(given, "headers"), name, value)
        buf_fmt(&response->headers, "%s: %s\n", name, json_string_value(value));
    while (json_array_size(items) > 0 && json_array_size(items) < repeat)
        json_array_append(items, json_array_get(items, json_array_size(items) - 1));
    if (json_is_string(body)) {
        buf_str(&response->body, json_string_value(body));
    } else if (body != NULL) {
        char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);

        buf_str(&response->body, text);
        free(text);
    }
}

static bool same(const char *what, const char *is, const char *should)
{
    if (strcmp(is, should) == 0)
        return true;
    print_error("  %s is \"%s\", should be \"%s\"\n", what, is, should);
    return false;
}

static bool same_text(const char *what, const char *is, const json_t *should)
{
    return same(what, is == NULL ? "" : is,
                json_is_string(should) ? json_string_value(should) : "");
}

static bool same_json(const char *what, const json_t *is, const json_t *should)
{
    char *one, *other;
    bool ok = is != NULL && json_equal(is, should) == 1;

    if (!ok) {
        one = json_dumps(is, JSON_COMPACT | JSON_ENCODE_ANY);
        other = json_dumps(should, JSON_COMPACT | JSON_ENCODE_ANY);
        print_error("  %s is %s, should be %s\n", what, one == NULL ? "absent" : one, other);
        free(one);
        free(other);
    }
    return ok;
}

static bool same_bool(const char *what, bool is, const json_t *should)
{
    return same(what, is ? "true" : "false", json_is_true(should) ? "true" : "false");
}

static bool same_sources(const struct outcome *outcome, const json_t *expect)
{
    size_t i, count = outcome->kind == OUTCOME_SUCCEEDED ? outcome->source_count : 0;
    json_t *artifact;
    bool ok = true;

    if (count != json_array_size(expect)) {
        print_error("  %zu sources, should be %zu\n", count, json_array_size(expect));
        return false;
    }
    json_array_foreach(expect, i, artifact)
    {
        const struct outcome_source *source = &outcome->sources[i];
        const json_t *text = json_object_get(artifact, "text");

        ok &= same_text("kind", source->kind, json_object_get(artifact, "kind"));
        ok &= same_text("url", source->url, text ? text : json_object_get(artifact, "url"));
        if (json_object_get(artifact, "content_type") != NULL)
            ok &= same_text("content_type", source->content_type,
                            json_object_get(artifact, "content_type"));
        ok &= same_text("of", source->of, json_object_get(artifact, "of"));
        ok &= same_bool("optional", source->is_optional, json_object_get(artifact, "optional"));
        ok &= same_text("variant", source->variant, json_object_get(artifact, "variant"));
        ok &= same_text("error", source->error, field_at(artifact, "error.code"));
        ok &= same_text("why", source->why, field_at(artifact, "error.message"));
    }
    return ok;
}

static bool same_marks(const struct outcome *outcome, const json_t *expect)
{
    json_t *marks = json_array();
    bool ok;

    for (size_t i = 0; i < outcome->mark_count; i++)
        json_array_append_new(marks, json_string(outcome->marks[i]));
    ok = same_json("marks", marks, expect);
    json_decref(marks);
    return ok;
}

// Every key of "expect" is compared; what it leaves out isn't.
static bool compare(const struct outcome *outcome, bool is_read, const json_t *expect)
{
    const char *name, *key;
    json_t *value, *item;
    bool ok = true;

    json_object_foreach((json_t *)expect, name, value)
    {
        if (strcmp(name, "outcome") == 0) {
            ok &= same_text(name, is_read ? kind_name(outcome->kind) : "unreadable", value);
        } else if (strcmp(name, "upstream_id") == 0) {
            ok &= (outcome->upstream_id == NULL && outcome->kind != OUTCOME_ACCEPTED) ||
                  same_text(name, outcome->upstream_id, value);
        } else if (strcmp(name, "next") == 0) {
            ok &= same_text(name, outcome->next, value);
        } else if (strcmp(name, "reason") == 0) {
            ok &= same_text(name, outcome->reason, value);
        } else if (strcmp(name, "code") == 0) {
            ok &= same_text(name, outcome->code, value);
        } else if (strcmp(name, "modal") == 0) {
            ok &= same_bool(name, outcome->is_modal, value);
        } else if (strcmp(name, "started") == 0) {
            ok &= same_bool(name, outcome->has_started, value);
        } else if (strcmp(name, "progress") == 0) {
            // A vendor that says nothing leaves it to what was known.
            if (outcome->progress >= 0 && outcome->progress != json_integer_value(value)) {
                print_error("  progress is %d\n", outcome->progress);
                ok = false;
            }
        } else if (strcmp(name, "artifacts") == 0) {
            ok &= same_sources(outcome, value);
        } else if (strcmp(name, "marks") == 0) {
            ok &= same_marks(outcome, value);
        } else if (strcmp(name, "extra") == 0) {
            json_object_foreach(value, key, item) ok &=
                same_json(key, json_object_get(outcome->extra, key), item);
        } else if (strcmp(name, "retry_after_ms") == 0) {
            ok &= outcome->retry_after_ms == json_integer_value(value);
        } else {
            print_error("  unknown expectation \"%s\"\n", name);
            ok = false;
        }
    }
    return ok;
}

static bool run_many(const struct account *account, const json_t *given,
                     const struct http_response *response, const json_t *expect)
{
    struct task *tasks[MAX_TASKS];
    struct outcome outcomes[MAX_TASKS] = {0};
    json_t *list = json_object_get(expect, "tasks"), *item;
    size_t count = json_array_size(list), i;
    struct err err;
    bool is_read, ok = true;

    for (i = 0; i < count; i++)
        tasks[i] = make_task(given, field_str_or_empty(json_array_get(list, i), "upstream_id"));
    is_read = account->dialect->read_poll_many((const struct task *const *)tasks, count, account,
                                               response, outcomes, &err);
    if (list == NULL)
        ok = same("outcome", is_read ? "readable" : "unreadable",
                  field_str_or_empty(expect, "outcome"));
    json_array_foreach(list, i, item) ok &= compare(&outcomes[i], is_read, item);
    for (i = 0; i < count; i++) {
        outcome_clear(&outcomes[i]);
        task_free(tasks[i]);
    }
    return ok;
}

static bool run_callback(const struct task *task, const struct account *account,
                         const json_t *given, const json_t *expect)
{
    struct buf id = {0};
    struct err err;
    bool ok =
        account->dialect->read_callback(task, account, json_object_get(given, "body"), &id, &err)
            ? same_text("upstream_id", buf_text(&id), json_object_get(expect, "upstream_id"))
            : same("outcome", "unreadable", field_str_or_empty(expect, "outcome"));

    buf_clear(&id);
    return ok;
}

// "answer" null: it is no question.
static bool run_question(const struct dialect *dialect, const json_t *given, const json_t *expect)
{
    struct buf json = {0};
    bool is = dialect->answer_callback(json_object_get(given, "body"), &json);
    json_t *answer = is ? json_loads(buf_text(&json), 0, NULL) : json_null();
    bool ok =
        same_json("answer", answer, json_object_get(expect, "answer")) && (is || json.len == 0);

    json_decref(answer);
    buf_clear(&json);
    return ok;
}

static bool run(const struct provider *provider, const json_t *fixture)
{
    const char *call = field_str_or_empty(fixture, "call");
    const json_t *given = json_object_get(fixture, "given");
    const json_t *expect = json_object_get(fixture, "expect");
    const struct dialect *dialect;
    provider_read_fn read;
    int step = (int)field_int_or(given, "step", 0);
    struct account account = {.name = (char *)"a",
                              .base_url = (char *)"http://v",
                              .provider_name = mem_str(provider->name)};
    void *listed = json_object_iter(json_object_get(given, "models"));
    struct config_model model; // one is enough
    struct http_response response = {0};
    struct outcome outcome = {0};
    struct task *task = make_task(given, field_str_or_empty(given, "task.upstream_id"));
    struct err err;
    bool ok;

    account.dialect_name = mem_str(json_string_value(json_object_get(given, "dialect")));
    assert_true(provider_bind(&account, &err));
    dialect = account.dialect;
    read = strcmp(call, "submit") == 0 ? dialect->read_submit
           : strcmp(call, "next") == 0 ? dialect->read_next
                                       : dialect->read_poll;
    if (listed != NULL) {
        model.name = (char *)(uintptr_t)json_object_iter_key(listed);
        model.upstream = (char *)(uintptr_t)json_string_value(json_object_iter_value(listed));
        account.models = &model;
        account.model_count = 1;
    }
    make_response(given, &response);
    if (strcmp(call, "poll_many") == 0) {
        ok = run_many(&account, given, &response, expect);
    } else if (strcmp(call, "callback") == 0) {
        ok = run_callback(task, &account, given, expect);
    } else if (strcmp(call, "question") == 0) {
        ok = run_question(dialect, given, expect);
    } else {
        bool is_read = strcmp(call, "lookup") == 0
                           ? dialect->read_lookup(task, &account, step, &response, &outcome, &err)
                           : read(task, &account, &response, &outcome, &err);

        // What can't be read after a submit is a doubt.
        if (!is_read && strcmp(call, "submit") == 0) {
            ok = same("outcome", kind_name(outcome.kind), "doubt");
            is_read = true;
        } else {
            ok = true;
        }
        ok &= compare(&outcome, is_read, expect);
    }
    outcome_clear(&outcome);
    http_response_clear(&response);
    task_free(task);
    free(account.provider_name);
    free(account.dialect_name);
    return ok;
}

static void test_fixtures(void **state)
{
    const struct provider *provider = *state;
    char path[512];
    struct dirent *entry;
    unsigned count = 0, failed = 0;
    DIR *dir;

    snprintf(path, sizeof path, "tests/fixtures/%s", provider->name);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        json_t *fixture;
        json_error_t why;

        if (strstr(entry->d_name, ".json") == NULL)
            continue;
        snprintf(path, sizeof path, "tests/fixtures/%s/%s", provider->name, entry->d_name);
        fixture = json_load_file(path, 0, &why);
        count++;
        if (fixture == NULL || !run(provider, fixture)) {
            print_error("%s\n", path);
            failed++;
        }
        json_decref(fixture);
    }
    closedir(dir);
    assert_true(count > 0);
    assert_int_equal(failed, 0);
}

static void test_midjourney_headers(void **state)
{
    struct account account = {.name = "a", .base_url = "http://v", .provider_name = "midjourney"};
    struct task *task = task_new();
    struct http_request request = {0};
    struct err err;

    (void)state;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    snprintf(task->id, sizeof task->id, "task_X");
    task->action = mem_str("IMAGINE");
    task->mode = mem_str("fast");
    task->request = mem_str("{\"prompt\":\"p\",\"notifyHook\":\"http://h\",\"state\":\"theirs\"}");
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    assert_string_equal(request.url, "http://v/mj-fast/mj/submit/imagine");
    assert_non_null(strstr(request.headers.data, "mj-api-secret: k\n"));
    assert_null(strstr(request.headers.data, "Authorization"));
    assert_null(strstr(request.body.data, "notifyHook"));
    assert_non_null(strstr(request.body.data, "\"state\":\"task_X\""));
    http_request_clear(&request);

    account.dialect_name = (char *)"relay";
    assert_true(provider_bind(&account, &err));
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
    assert_null(strstr(request.headers.data, "mj-api-secret"));
    assert_null(account.dialect->build_lookup);
    http_request_clear(&request);

    account.dialect_name = NULL;
    assert_true(provider_bind(&account, &err));
    mem_set_str(&task->action, "BLEND");
    mem_set_str(&task->request, "{\"base64Array\":[\"/9j/4AAQ\",\"data:image/gif;base64,R0lG\"]}");
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    assert_non_null(strstr(request.body.data, "\"data:image/jpeg;base64,/9j/4AAQ\""));
    assert_non_null(strstr(request.body.data, "\"data:image/gif;base64,R0lG\""));
    http_request_clear(&request);
    task_free(task);
    account_clear_keys(&account);
}

static void test_many_parts(void **state)
{
    struct outcome outcome = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        outcome_add_source(&outcome, "image", i == 63 ? "http://v/last" : "http://v/1");
        outcome_add_mark(&outcome, "m");
    }
    assert_int_equal(outcome.source_count, 64);
    assert_int_equal(outcome.mark_count, 64);
    assert_string_equal(outcome.sources[63].url, "http://v/last");
    outcome_clear(&outcome);
}

// A relay knows models that our lists don't, unless its own list says which.
static void test_models(void **state)
{
    static const struct {
        const char *provider, *dialect, *model;
        bool is_served;
    } cases[] = {
        {"kling", "relay", "kling-v9-ultra", true},
        {"kling", "relay", "kolors-virtual-try-on-v1", true},
        {"kling", "relay", "kling-", false},
        {"kling", "relay", "kling", false},
        {"kling", "relay", "veo-3.1", false},
        {"kling", "relay", "", true},
        {"kling", "official", "kling-v9-ultra", false},
        {"kling", "official", "kling-v3", true},
        {"kling", NULL, "kling-v9-ultra", false},
        {"suno", "relay", "chirp-v9", true},
        {"suno", NULL, "chirp-v9", true}, // it has no other dialect
        {"suno", "relay", "udio-v1", false},
        {"veo", "relay", "veo-4.0-generate", true},
        {"veo", "relay", "sora-2", false},
        {"veo", "gemini", "veo-4.0-generate", false},
        {"veo", "vertex", "veo-4.0-generate", false},
        {"seedance", "relay", "doubao-seedance-9-0", true},
        {"seedance", "relay", "seedance-2.0", true},
        {"seedance", "relay", "doubao-seedream-4", false},
        {"seedance", "ark", "doubao-seedance-9-0", false},
        {"qwen", NULL, "qwen-image", true},
        {"qwen", "dashscope", "qwen-image-2.0-pro", true},
        {"qwen", "dashscope", "qwen-image-max-2025-12-30", true},
        {"qwen", "dashscope", "qwen-plus", false},
        {"qwen", "dashscope", "wan2.5-t2v-preview", false},
        {"qwen", "relay", "qwen-image-9", true},
        {"seedream", "ark", "doubao-seedream-4-5", true},
        {"seedream", "ark", "doubao-seedream-9-0-270101", true},
        {"seedream", "ark", "seedream-4-0-250828", true},
        {"seedream", "relay", "doubao-seedream-4-5", true},
        {"seedream", "relay", "doubao-seedance-1-5-pro", false},
        {"seedream", NULL, "doubao-seedream-", false},
        {"wan", "dashscope", "wan2.5-t2v-preview", true},
        {"wan", "dashscope", "wan-ai/wan2.1-t2v-14b", true},
        {"wan", "dashscope", "wan9-t2v", false},
        {"wan", "relay", "wan9-t2v", true},
        {"wan", "relay", "wander", true},
        {"wan", "relay", "wan", false},
        {"minimax", "official", "video-01", true},
        {"minimax", "official", "MiniMax-H3-Max", true},
        {"minimax", "official", "MiniMax-H9", false},
        {"minimax", "relay", "MiniMax-H9", true},
        {"minimax", "relay", "video-01-live2d", true},
        {"minimax", "relay", "MiniMax-", false},
        {"minimax", "relay", "minimal", false},
        {"fal", NULL, "fal-ai/kling-video/v2/master",
         false}, // its account lists what it is to have
        {"fal", "relay", "fal-ai/kling-video/v2/master", false},
        {"sora", "relay", "sora-2", false}, // its account lists what its relay still has
        {"midjourney", "relay", "", true},
        {"midjourney", "relay", "mj-imagine", false},
    };
    struct config_model listed = {.name = (char *)"kling-v3", .upstream = (char *)"k3"};
    struct account account = {.name = (char *)"a"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        account.provider_name = (char *)(uintptr_t)cases[i].provider;
        account.dialect_name = (char *)(uintptr_t)cases[i].dialect;
        assert_true(provider_bind(&account, &err));
        if (provider_serves(&account, cases[i].model) != cases[i].is_served)
            fail_msg("%s %s %s", cases[i].provider, cases[i].dialect, cases[i].model);
    }
    account.provider_name = (char *)"kling";
    account.dialect_name = (char *)"relay";
    assert_true(provider_bind(&account, &err));
    account.models = &listed;
    account.model_count = 1;
    assert_string_equal(provider_model(&account, "kling-v3"), "k3");
    assert_false(provider_serves(&account, "kling-v9-ultra"));
    assert_null(provider_prefixes(&account));
}

int main(void)
{
    struct CMUnitTest tests[32] = {cmocka_unit_test(test_midjourney_headers),
                                   cmocka_unit_test(test_many_parts),
                                   cmocka_unit_test(test_models)};
    const struct provider *provider;
    size_t count = 3;

    for (; (provider = provider_at(count - 3)) != NULL; count++)
        tests[count] = (struct CMUnitTest){
            .name = provider->name, .test_func = test_fixtures, .initial_state = (void *)provider};
    return _cmocka_run_group_tests("providers", tests, count, NULL, NULL);
}
