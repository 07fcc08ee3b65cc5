// Adapters against what their vendors send: walks tests/fixtures/<provider>/*.json.
//
// A file is {"call", "given": {"task", "status", "headers", "body"}, "expect": {…}}; a body that is
// a string is sent as it is, anything else as JSON.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/config.h"
#include "core/base/field.h"
#include "core/base/http.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "tests/support/check.h"

enum { MAX_TASKS = 8 };

static struct task *make_task(const json_t *given)
{
    struct task *task = task_new();
    const char *id = field_str_or_empty(given, "task.id");
    const char *action = field_str_or_empty(given, "task.action");
    const char *parent = field_str_or_empty(given, "task.upstream_parent");

    snprintf(task->id, sizeof task->id, "%s", *id == '\0' ? "task_01J9" : id);
    task->action = mem_str(*action == '\0' ? "IMAGINE" : action);
    task->upstream_id = mem_str(field_str_or_empty(given, "task.upstream_id"));
    task->upstream_parent = mem_str(*parent == '\0' ? NULL : parent);
    return task;
}

static void make_response(const json_t *given, struct http_response *response)
{
    const json_t *body = json_object_get(given, "body");
    const char *name;
    json_t *value;

    response->status = (int)field_int_or(given, "status", 200);
    json_object_foreach(json_object_get(given, "headers"), name, value)
        buf_fmt(&response->headers, "%s: %s\n", name, json_string_value(value));
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

// Every key of "expect" is compared; what it leaves out isn't.
static bool compare(const struct outcome *outcome, bool is_read, const json_t *expect)
{
    const char *name;
    json_t *value;
    bool ok = true;

    json_object_foreach((json_t *)expect, name, value)
    {
        if (strcmp(name, "outcome") == 0) {
            ok &= same(name, is_read ? outcome_kind_name(outcome->kind) : "unreadable",
                       json_string_value(value));
        } else if (strcmp(name, "upstream_id") == 0) {
            ok &= outcome->upstream_id == NULL ||
                  same(name, outcome->upstream_id, json_string_value(value));
        } else if (strcmp(name, "reason") == 0) {
            ok &= same(name, outcome->reason == NULL ? "" : outcome->reason,
                       json_string_value(value));
        } else if (strcmp(name, "modal") == 0) {
            ok &= same(name, outcome->is_modal ? "true" : "false",
                       json_is_true(value) ? "true" : "false");
        } else if (strcmp(name, "progress") == 0) {
            // A vendor that says nothing leaves it to what was known.
            if (outcome->progress >= 0 && outcome->progress != json_integer_value(value)) {
                print_error("  progress is %d\n", outcome->progress);
                ok = false;
            }
        } else if (strcmp(name, "artifacts") == 0) {
            size_t i, sources = outcome->kind == OUTCOME_SUCCEEDED ? outcome->source_count : 0;
            json_t *artifact;

            if (sources != json_array_size(value)) {
                print_error("  %zu sources, should be %zu\n", sources, json_array_size(value));
                return false;
            }
            json_array_foreach(value, i, artifact)
            {
                const char *text = field_str_or_empty(artifact, "text");

                ok &= same("kind", outcome->sources[i].kind, field_str_or_empty(artifact, "kind"));
                ok &= same("url", outcome->sources[i].url,
                           *text != '\0' ? text : field_str_or_empty(artifact, "url"));
            }
        } else if (strcmp(name, "extra") == 0) {
            const char *key;
            json_t *item;

            json_object_foreach(value, key, item) ok &=
                json_equal(json_object_get(outcome->extra, key), item) == 1;
        } else if (strcmp(name, "retry_after_ms") == 0) {
            ok &= outcome->retry_after_ms == json_integer_value(value);
        } else {
            print_error("  unknown expectation \"%s\"\n", name);
            ok = false;
        }
    }
    return ok;
}

static bool run_many(const struct provider *provider, const struct http_response *response,
                     const json_t *expect)
{
    struct task *tasks[MAX_TASKS];
    struct outcome outcomes[MAX_TASKS] = {0};
    json_t *list = json_object_get(expect, "tasks"), *item;
    size_t count = json_array_size(list), i;
    struct err err;
    bool is_read, ok = true;

    for (i = 0; i < count; i++) {
        tasks[i] = task_new();
        tasks[i]->action = mem_str("IMAGINE");
        tasks[i]->upstream_id = mem_str(field_str_or_empty(json_array_get(list, i), "upstream_id"));
    }
    is_read = provider->read_poll_many((const struct task *const *)tasks, count, response, outcomes,
                                       &err);
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

static bool run(const struct provider *provider, const json_t *fixture)
{
    const char *call = field_str_or_empty(fixture, "call");
    const json_t *given = json_object_get(fixture, "given");
    const json_t *expect = json_object_get(fixture, "expect");
    provider_read_fn read =
        strcmp(call, "submit") == 0 ? provider->read_submit : provider->read_poll;
    int step = (int)field_int_or(given, "step", 0);
    struct http_response response = {0};
    struct outcome outcome = {0};
    struct task *task = make_task(given);
    struct err err;
    bool ok;

    make_response(given, &response);
    if (strcmp(call, "poll_many") == 0) {
        ok = run_many(provider, &response, expect);
    } else {
        bool is_read = strcmp(call, "lookup") == 0
                           ? provider->read_lookup(task, step, &response, &outcome, &err)
                           : read(task, &response, &outcome, &err);

        // What can't be read after a submit is a doubt.
        if (!is_read && strcmp(call, "submit") == 0) {
            ok = same("outcome", outcome_kind_name(outcome.kind), "doubt");
            is_read = true;
        } else {
            ok = true;
        }
        ok &= compare(&outcome, is_read, expect);
    }
    outcome_clear(&outcome);
    http_response_clear(&response);
    task_free(task);
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
    const struct provider *provider = provider_find("midjourney");
    struct account account = {.name = "a", .base_url = "http://v", .dialect = NULL};
    struct task *task = task_new();
    struct http_request request = {0};
    struct err err;

    (void)state;
    secret_set(&account.api_key, "k");
    snprintf(task->id, sizeof task->id, "task_X");
    task->action = mem_str("IMAGINE");
    task->mode = mem_str("fast");
    task->request = mem_str("{\"prompt\":\"p\",\"notifyHook\":\"http://h\",\"state\":\"theirs\"}");
    assert_true(provider->build_submit(task, &account, &request, &err));
    assert_string_equal(request.url, "http://v/mj-fast/mj/submit/imagine");
    assert_non_null(strstr(request.headers.data, "mj-api-secret: k\n"));
    assert_null(strstr(request.headers.data, "Authorization"));
    assert_null(strstr(request.body.data, "notifyHook"));
    assert_non_null(strstr(request.body.data, "\"state\":\"task_X\""));
    http_request_clear(&request);

    account.dialect = (char *)"relay";
    assert_true(provider->build_submit(task, &account, &request, &err));
    assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
    assert_null(strstr(request.headers.data, "mj-api-secret"));
    assert_false(provider->build_lookup(task, &account, 0, &request, &err));
    http_request_clear(&request);

    account.dialect = NULL;
    mem_set_str(&task->action, "BLEND");
    mem_set_str(&task->request, "{\"base64Array\":[\"/9j/4AAQ\",\"data:image/gif;base64,R0lG\"]}");
    assert_true(provider->build_submit(task, &account, &request, &err));
    assert_non_null(strstr(request.body.data, "\"data:image/jpeg;base64,/9j/4AAQ\""));
    assert_non_null(strstr(request.body.data, "\"data:image/gif;base64,R0lG\""));
    http_request_clear(&request);
    task_free(task);
    secret_clear(&account.api_key);
}

int main(void)
{
    struct CMUnitTest tests[32] = {cmocka_unit_test(test_midjourney_headers)};
    const struct provider *provider;
    size_t count = 1;

    for (; (provider = provider_at(count - 1)) != NULL; count++)
        tests[count] = (struct CMUnitTest){
            .name = provider->name, .test_func = test_fixtures, .initial_state = (void *)provider};
    return _cmocka_run_group_tests("providers", tests, count, NULL, NULL);
}
