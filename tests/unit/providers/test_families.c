// Families against the contract's pages: walks tests/fixtures/families/<family>/*.json.
//
// A file is {"family", "call", "path" (of a route with a rendering of its own), "task" or "tasks"
// (null: unknown), "error", "status", "expect"}. What the family says must be "expect", field by
// field, in value and type; 5 and 5.0 are one. In "expect", "<any>" and "<number>" stand for what
// no page fixes, "<optional>" for what may be absent, and a member "..." for fields beside those
// that are named. "allow_more" is for the fields that the official OpenAI SDK knows beyond our
// pages. Of a result a file in base64 is "<its key>", an answer that is a file {"file": its key};
// "event" is its name in a stream, and "streams" says whether the client wants one.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/message/media_link.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "tests/support/check.h"

static const struct media_links links = {.base = (char *)"http://m/media", .api = "http://m"};

enum { MAX_TASKS = 8, MAX_FAMILIES = 32 };

static const char folder[] = "tests/fixtures/families";

static const char *const sdk_names[] = {"model", "progress",   "seconds",
                                        "size",  "prompt",     "completed_at",
                                        "error", "expires_at", "remixed_from_video_id"};

static void set_text(const json_t *record, const char *name, char **slot)
{
    const json_t *value = json_object_get(record, name);

    if (json_is_string(value)) {
        mem_set_str(slot, json_string_value(value));
    } else if (value != NULL && !json_is_null(value)) {
        free(*slot);
        *slot = json_dumps(value, JSON_COMPACT);
    }
}

static struct task *make_task(const json_t *record, const char *family)
{
    struct task *task;

    if (!json_is_object(record))
        return NULL;
    task = task_new();
    snprintf(task->id, sizeof task->id, "%s", field_str_or_empty(record, "id"));
    task->family = mem_str(family);
    set_text(record, "provider", &task->provider);
    set_text(record, "action", &task->action);
    set_text(record, "model", &task->model);
    set_text(record, "state", &task->state);
    set_text(record, "request", &task->request);
    set_text(record, "result", &task->result);
    set_text(record, "error_code", &task->error_code);
    set_text(record, "error_message", &task->error_message);
    task->links = &links;
    task->progress = (int)field_int_or(record, "progress", 0);
    task->created_ms = field_int_or(record, "created_ms", 0);
    task->started_ms = field_int_or(record, "started_ms", 0);
    task->finished_ms = field_int_or(record, "finished_ms", 0);
    task->changed_ms = field_int_or(record, "changed_ms", 0);
    if (!task_phase_from_name(field_str_or_empty(record, "phase"), &task->phase))
        fail_msg("%s: no such phase", task->id);
    return task;
}

static bool complain(const char *path, const char *what, const json_t *is, const json_t *should)
{
    char *one = is == NULL ? NULL : json_dumps(is, JSON_COMPACT | JSON_ENCODE_ANY);
    char *other = should == NULL ? NULL : json_dumps(should, JSON_COMPACT | JSON_ENCODE_ANY);

    print_error("  %s%s: is %s, should be %s\n", path, what, one == NULL ? "absent" : one,
                other == NULL ? "absent" : other);
    free(one);
    free(other);
    return false;
}

static bool is_word(const json_t *value, const char *word)
{
    return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static bool same(const char *path, const json_t *is, const json_t *should);

static bool same_object(const char *path, const json_t *is, const json_t *should)
{
    bool may_have_more = json_object_get(should, "...") != NULL, ok = true;
    const char *name;
    json_t *value;
    char inner[256];

    json_object_foreach((json_t *)should, name, value)
    {
        snprintf(inner, sizeof inner, "%s.%s", path, name);
        if (strcmp(name, "...") != 0)
            ok &= same(inner, json_object_get(is, name), value);
    }
    json_object_foreach((json_t *)is, name, value)
    {
        snprintf(inner, sizeof inner, "%s.%s", path, name);
        if (!may_have_more && json_object_get(should, name) == NULL)
            ok = complain(inner, "", value, NULL);
    }
    return ok;
}

static bool same_array(const char *path, const json_t *is, const json_t *should)
{
    size_t count = json_array_size(should), i;
    bool ok = json_array_size(is) == count || complain(path, " (its length)", is, should);
    char inner[256];

    for (i = 0; i < count && i < json_array_size(is); i++) {
        snprintf(inner, sizeof inner, "%s.%zu", path, i);
        ok &= same(inner, json_array_get(is, i), json_array_get(should, i));
    }
    return ok;
}

static bool same(const char *path, const json_t *is, const json_t *should)
{
    if (is_word(should, "<optional>") || (is_word(should, "<any>") && is != NULL) ||
        (is_word(should, "<number>") && json_is_number(is)))
        return true;
    if (json_is_object(is) && json_is_object(should))
        return same_object(path, is, should);
    if (json_is_array(is) && json_is_array(should))
        return same_array(path, is, should);
    if (json_is_number(is) && json_is_number(should) &&
        json_number_value(is) == json_number_value(should))
        return true;
    return (is != NULL && json_equal(is, should) == 1) || complain(path, "", is, should);
}

// Takes away what the official SDK knows and the fixture doesn't name.
static void forget_more(json_t *answer, const json_t *expect)
{
    for (size_t i = 0; i < sizeof sdk_names / sizeof sdk_names[0]; i++)
        if (json_object_get(expect, sdk_names[i]) == NULL)
            json_object_del(answer, sdk_names[i]);
}

static void refuse(const struct family *family, const json_t *fixture, struct buf *json,
                   int *status)
{
    struct err err;
    const char *code = field_str_or_empty(fixture, "error.code");
    bool is_known = false;

#define X(number, name, http)                                                                      \
    if (strcmp(code, name) == 0)                                                                   \
        is_known = !err_set(&err, number, "%s", field_str_or_empty(fixture, "error.message"));
    ERR_TABLE(X)
#undef X
    if (!is_known)
        fail_msg("no such error: %s", code);
    *status = family->refuse(&err, json);
}

typedef void (*render_fn)(const struct task *task, struct buf *json);

static render_fn render_of(const struct family *family, const char *path)
{
    for (const struct route *route = family->routes; route->method != NULL; route++)
        if (route->render != NULL && strcmp(route->path, path) == 0)
            return route->render;
    assert_string_equal(path, "");
    return family->render;
}

// What was asked for, where that isn't the tasks' ids.
static const char *const *asked_of(const json_t *fixture)
{
    static const char *asked[MAX_TASKS];
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(fixture, "ids"), i, item) asked[i] = json_string_value(item);
    return asked;
}

// The answer's JSON, with the keys of files in the gaps where they belong.
static void add_answer(const struct family_answer *answer, struct buf *json)
{
    size_t at = 0;

    if (answer->file != NULL)
        buf_fmt(json, "{\"file\":\"%s\"}", answer->file);
    for (size_t i = 0; i < answer->gap_count; at = answer->gaps[i++].at) {
        buf_add(json, answer->json.data + at, answer->gaps[i].at - at);
        buf_fmt(json, "<%s>", answer->gaps[i].key);
    }
    buf_add(json, buf_text(&answer->json) + at, answer->json.len - at);
}

static void show_result(const struct family *family, const struct task *task, const json_t *fixture,
                        struct buf *json, int *status)
{
    struct family_answer answer = {0};
    const char *event = field_str_or_empty(fixture, "event");
    bool streams = family->wants_stream != NULL && family->wants_stream(task);

    *status = family->result(task, &answer);
    add_answer(&answer, json);
    if (*event != '\0')
        assert_string_equal(answer.event, event);
    assert_int_equal(streams, json_is_true(json_object_get(fixture, "streams")));
    family_answer_clear(&answer);
}

static void call(const struct family *family, const json_t *fixture, struct buf *json, int *status)
{
    const char *name = field_str_or_empty(fixture, "call");
    struct task *task = make_task(json_object_get(fixture, "task"), family->name);
    struct task *tasks[MAX_TASKS];
    const json_t *list = json_object_get(fixture, "tasks");
    size_t count = json_array_size(list);

    assert_true(count <= MAX_TASKS);
    for (size_t i = 0; i < count; i++)
        tasks[i] = make_task(json_array_get(list, i), family->name);
    if (strcmp(name, "refuse") == 0)
        refuse(family, fixture, json, status);
    else if (strcmp(name, "list") == 0)
        family->render_list(tasks, asked_of(fixture), count, json);
    else if (strcmp(name, "accepted") == 0)
        family->accepted(task, 0, false, json);
    else if (strcmp(name, "callback") == 0)
        family->render_callback(task, json);
    else if (strcmp(name, "render") == 0)
        render_of(family, field_str_or_empty(fixture, "path"))(task, json);
    else if (strcmp(name, "result") == 0)
        show_result(family, task, fixture, json, status);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
    task_free(task);
}

static bool run(const struct family *family, const json_t *fixture)
{
    const json_t *expect = json_object_get(fixture, "expect");
    int status = 200, should = (int)field_int_or(fixture, "status", 200);
    struct buf json = {0};
    json_error_t why;
    json_t *answer;
    bool ok = true;

    call(family, fixture, &json, &status);
    answer = json_loads(buf_text(&json), JSON_REJECT_DUPLICATES, &why);
    if (answer == NULL) {
        print_error("  %s: %s\n", why.text, buf_text(&json));
        ok = false;
    } else {
        if (json_is_true(json_object_get(fixture, "allow_more")))
            forget_more(answer, expect);
        ok = same("", answer, expect);
    }
    if (status != should) {
        print_error("  the status is %d, should be %d\n", status, should);
        ok = false;
    }
    json_decref(answer);
    buf_clear(&json);
    return ok;
}

static void test_fixtures(void **state)
{
    const char *name = *state;
    const struct family *family = family_find(name);
    struct dirent *entry;
    unsigned count = 0, failed = 0;
    char path[512];
    DIR *dir;

    assert_non_null(family);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        json_t *fixture;
        json_error_t why;

        if (strstr(entry->d_name, ".json") == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", folder, name, entry->d_name);
        fixture = json_load_file(path, 0, &why);
        count++;
        if (fixture == NULL || !run(family, fixture)) {
            print_error("%s\n", path);
            failed++;
        }
        json_decref(fixture);
    }
    closedir(dir);
    assert_true(count > 0);
    assert_int_equal(failed, 0);
}

// A test for each folder, so that none is forgotten.
int main(void)
{
    struct CMUnitTest tests[MAX_FAMILIES] = {0};
    struct dirent *entry;
    size_t count = 0;
    int failed;
    DIR *dir = opendir(folder);

    while (dir != NULL && count < MAX_FAMILIES && (entry = readdir(dir)) != NULL) {
        char *name;

        if (entry->d_name[0] == '.')
            continue;
        name = mem_str(entry->d_name);
        tests[count++] =
            (struct CMUnitTest){.name = name, .test_func = test_fixtures, .initial_state = name};
    }
    if (dir != NULL)
        closedir(dir);
    failed = count == 0 ? 1 : _cmocka_run_group_tests("families", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        free(tests[i].initial_state);
    return failed;
}
