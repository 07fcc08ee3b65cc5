// The public /mj dialect: bodies, codes, the task object, in the contract's words.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/message/media_link.h"
#include "providers/family.h"
#include "tests/support/check.h"

static const struct media_links links = {.base = (char *)"http://h/media"};

static const struct route *route_of(const struct family *family, const char *path)
{
    for (const struct route *route = family->routes; route->method != NULL; route++)
        if (strcmp(route->path, path) == 0)
            return route;
    return NULL;
}

static void test_accept(void **state)
{
    static const char image[] = "data:image/png;base64,iVBORw0KGgo=";
    static const struct {
        const char *name, *path, *body, *error, *action;
    } cases[] = {
        {"imagine", "imagine", "{\"prompt\":\"x\"}", NULL, "IMAGINE"},
        {"no prompt", "imagine", "{}", "prompt: is required", NULL},
        {"empty prompt", "imagine", "{\"prompt\":\"\"}", "prompt: must not be empty", NULL},
        {"prompt's type", "imagine", "{\"prompt\":[]}", "prompt: must be a string", NULL},
        {"bot", "imagine", "{\"prompt\":\"x\",\"botType\":\"BOT\"}", "botType: must be one of",
         NULL},
        {"empty hook and state", "imagine", "{\"prompt\":\"x\",\"notifyHook\":\"\",\"state\":\"\"}",
         NULL, "IMAGINE"},
        {"hook's type", "imagine", "{\"prompt\":\"x\",\"notifyHook\":1}", "notifyHook: must be",
         NULL},
        {"image", "imagine", "{\"prompt\":\"x\",\"base64Array\":[\"%\"]}", "base64Array.0: must be",
         NULL},
        {"images' type", "imagine", "{\"prompt\":\"x\",\"base64Array\":{}}",
         "base64Array: must be an array", NULL},
        {"one to blend", "blend", "{\"base64Array\":[\"IMG\"]}", "base64Array: must have 2 to 5",
         NULL},
        {"two to blend", "blend", "{\"base64Array\":[\"IMG\",\"IMG\"]}", NULL, "BLEND"},
        {"dimensions", "blend", "{\"base64Array\":[\"IMG\",\"IMG\"],\"dimensions\":\"ROUND\"}",
         "dimensions: must be one of", NULL},
        {"describe", "describe", "{\"base64\":\"IMG\"}", NULL, "DESCRIBE"},
        {"nothing to describe", "describe", "{}", "base64: is required", NULL},
        {"shorten", "shorten", "{\"prompt\":\"x\"}", NULL, "SHORTEN"},
        {"action", "action", "{\"taskId\":\"t\",\"customId\":\"MJ::JOB::upsample::1::h\"}", NULL,
         "UPSCALE"},
        {"variation", "action", "{\"taskId\":\"t\",\"customId\":\"MJ::JOB::variation::1::h\"}",
         NULL, "VARIATION"},
        {"action without a task", "action", "{\"customId\":\"x\"}", "taskId: is required", NULL},
        {"action without a button", "action", "{\"taskId\":\"t\"}", "customId: is required", NULL},
        {"modal", "modal", "{\"taskId\":\"t\",\"prompt\":\"x\"}", NULL, "MODAL"},
        {"mask", "modal", "{\"taskId\":\"t\",\"maskBase64\":\"?\"}", "maskBase64: must be an image",
         NULL},
    };
    const struct family *family = family_find("midjourney");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf text = {0};
        char path[64];
        const char *once = NULL, *at, *from = cases[i].body;
        struct task *task = task_new();
        struct family_request request = {0};
        struct err err = {0};
        json_t *body;
        bool ok;

        while ((at = strstr(from, "IMG")) != NULL) {
            buf_add(&text, from, (size_t)(at - from));
            buf_str(&text, image);
            from = at + 3;
        }
        buf_str(&text, from);
        body = json_loads(text.data, 0, NULL);
        snprintf(path, sizeof path, "/mj/submit/%s", cases[i].path);
        request.route = route_of(family, path);
        request.body = body;
        assert_non_null(request.route);
        ok = family->accept(&request, task, &once, &err);
        if (ok != (cases[i].error == NULL) ||
            (!ok && strstr(err.message, cases[i].error) != err.message))
            fail_msg("%s: %s", cases[i].name, ok ? "accepted" : err.message);
        if (ok)
            assert_string_equal(task->action, cases[i].action);
        json_decref(body);
        task_free(task);
        buf_clear(&text);
    }
}

// The fields and types of the contract's example of a finished task.
static void test_render(void **state)
{
    static const struct {
        const char *path;
        json_type type;
    } fields[] = {
        {"id", JSON_STRING},          {"action", JSON_STRING},     {"status", JSON_STRING},
        {"prompt", JSON_STRING},      {"promptEn", JSON_STRING},   {"progress", JSON_STRING},
        {"submitTime", JSON_INTEGER}, {"startTime", JSON_INTEGER}, {"finishTime", JSON_INTEGER},
        {"imageUrl", JSON_STRING},    {"failReason", JSON_STRING}, {"buttons", JSON_ARRAY},
        {"properties", JSON_OBJECT},  {"state", JSON_STRING},      {"description", JSON_STRING},
    };
    const struct family *family = family_find("midjourney");
    struct task *task = task_new();
    struct buf json = {0};
    json_t *object;

    (void)state;
    snprintf(task->id, sizeof task->id, "task_1");
    task->action = mem_str("IMAGINE");
    task->phase = TASK_SUCCEEDED;
    task->state = mem_str("mine");
    task->links = &links;
    task->request = mem_str("{\"prompt\":\"a \\\"cat\\\"\"}");
    task->result = mem_str(
        "{\"artifacts\":[{\"kind\":\"image\",\"key\":\"k.png\"}],"
        "\"extra\":{\"buttons\":[{\"customId\":\"c\"}]}}");
    family->render(task, &json);
    object = json_loads(json.data, 0, NULL);
    assert_non_null(object);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (json_typeof(json_object_get(object, fields[i].path)) != fields[i].type)
            fail_msg("%s", fields[i].path);
    assert_string_equal(field_str_or_empty(object, "status"), "SUCCESS");
    assert_string_equal(field_str_or_empty(object, "progress"), "100%");
    assert_string_equal(field_str_or_empty(object, "imageUrl"), "http://h/media/k.png");
    assert_string_equal(field_str_or_empty(object, "prompt"), "a \"cat\"");
    assert_string_equal(field_str_or_empty(object, "buttons.0.customId"), "c");
    json_decref(object);
    buf_clear(&json);
    task_free(task);
}

static void test_codes(void **state)
{
    static const struct {
        enum err_code code;
        int status, mj;
    } cases[] = {
        {ERR_INVALID, 400, 4},  {ERR_NOT_FOUND, 404, 3},   {ERR_QUEUE_FULL, 200, 23},
        {ERR_REFUSED, 200, 24}, {ERR_UNAVAILABLE, 503, 9}, {ERR_MODEL, 404, 3},
        {ERR_CHANNEL, 503, 9},  {ERR_TOO_LARGE, 413, 4},   {ERR_IDEMPOTENCY, 422, 4},
    };
    const struct family *family = family_find("midjourney");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf json = {0};
        struct err err;
        json_t *object;

        err_set(&err, cases[i].code, "why");
        assert_int_equal(family->refuse(&err, &json), cases[i].status);
        object = json_loads(json.data, 0, NULL);
        assert_int_equal(field_int_or(object, "code", 0), cases[i].mj);
        assert_string_equal(field_str_or_empty(object, "description"), "why");
        json_decref(object);
        buf_clear(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_accept), cmocka_unit_test(test_render),
                                       cmocka_unit_test(test_codes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
