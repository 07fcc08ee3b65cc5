// Ideogram's requests in tests.
#include "tests/support/ideogram_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/message/multipart.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/fill_gaps.h"

static struct config_model listed;
struct account ideogram_account = {
    .name = (char *)"a", .base_url = (char *)"http://v", .provider_name = (char *)"ideogram"};

void ideogram_bind(const char *dialect, const char *model, const char *theirs)
{
    struct err err;

    listed = (struct config_model){.name = (char *)(uintptr_t)model,
                                   .upstream = (char *)(uintptr_t)theirs};
    ideogram_account.models = theirs == NULL ? NULL : &listed;
    ideogram_account.model_count = theirs == NULL ? 0 : 1;
    ideogram_account.dialect_name = (char *)(uintptr_t)dialect;
    assert_true(provider_bind(&ideogram_account, &err));
    account_set_key(&ideogram_account, "api_key", "k");
}

void ideogram_unbind(void)
{
    account_clear_keys(&ideogram_account);
}

static const struct route *route_of(const char *path)
{
    const struct route *route = family_find("ideogram")->routes;

    while (route->method != NULL && strcmp(route->path, path) != 0)
        route++;
    assert_non_null(route->method);
    return route;
}

struct task *ideogram_accept(const char *path, const char *text, struct err *err)
{
    json_t *body = json_plain_read(text);
    struct family_request request = {.route = route_of(path), .body = body};
    struct task *task = task_new();
    const char *once = NULL;

    assert_non_null(body);
    snprintf(task->id, sizeof task->id, "task_1");
    task->request = json_dumps(body, JSON_COMPACT);
    if (!family_find("ideogram")->accept(&request, task, &once, err))
        task_drop(&task);
    json_decref(body);
    return task;
}

static json_t *value_of(const struct multipart_part *part)
{
    struct buf text = {0};
    json_t *value;

    if (part->filename.data != NULL)
        base64_encode(part->data.data, part->data.len, &text);
    value = part->filename.data != NULL
                ? json_pack("{s:s#,s:s#,s:s}", "name", part->filename.data, (int)part->filename.len,
                            "type", part->content_type.data, (int)part->content_type.len, "data",
                            buf_text(&text))
            : part->content_type.data != NULL ? json_loadb(part->data.data, part->data.len, 0, NULL)
                                              : json_stringn(part->data.data, part->data.len);
    buf_clear(&text);
    return value;
}

static json_t *read_form(const char *type, const struct buf *body)
{
    json_t *read = json_object();
    struct multipart form;
    struct err err;

    if (!multipart_parse(type, body->data, body->len, &form, &err))
        fail_msg("%s", err.message);
    for (size_t i = 0; i < form.count; i++) {
        char *name = mem_strn(form.parts[i].name.data, form.parts[i].name.len);
        json_t *before = json_object_get(read, name), *value = value_of(&form.parts[i]);

        if (json_is_array(before))
            json_array_append_new(before, value);
        else if (before != NULL)
            json_object_set_new(read, name, json_pack("[O,o]", before, value));
        else
            json_object_set_new(read, name, value);
        free(name);
    }
    return read;
}

json_t *ideogram_body_of(const struct http_request *request)
{
    char *type = strstr(request->headers.data, "Content-Type: "), *end;
    json_t *read;

    assert_non_null(type);
    type = mem_str(type + strlen("Content-Type: "));
    end = strchr(type, '\n');
    assert_non_null(end);
    *end = '\0';
    read = multipart_is_form(type) ? read_form(type, &request->body)
                                   : json_loads(request->body.data, JSON_REJECT_DUPLICATES, NULL);
    free(type);
    return read;
}

void ideogram_give_inputs(struct task *task, const char *data)
{
    for (char *link;
         (link = ideogram_account.dialect->input_at(task, task->input_count)) != NULL;) {
        struct task_input *input;

        task->inputs = mem_resize(task->inputs, (task->input_count + 1) * sizeof *task->inputs);
        input = &task->inputs[task->input_count++];
        *input = (struct task_input){.content_type = mem_str("image/png")};
        assert_true(base64_decode(data, strlen(data), &input->data));
        input->bytes = (int64_t)input->data.len;
        free(link);
    }
}

static bool submit(const struct ideogram_case *one, struct http_request *made, struct err *err)
{
    struct task *task = ideogram_accept(one->path, one->body, err);
    bool is_job = one->url != NULL && strncmp(one->url, "http://v/v2/", 12) == 0;
    bool ok = task != NULL && ideogram_account.dialect->check(task, &ideogram_account, err);

    if (ok && ideogram_account.dialect->input_at != NULL)
        ideogram_give_inputs(task, RAW);
    ok = ok && ideogram_account.dialect->build_submit(task, &ideogram_account, made, err);
    if (ok) {
        assert_int_equal(ideogram_account.dialect->is_call(task, &ideogram_account), !is_job);
        assert_int_equal(made->timeout_ms, is_job ? 120000 : 360000);
        fill_gaps(made, task);
    }
    task_free(task);
    return ok;
}

void ideogram_check_case(const struct ideogram_case *one)
{
    struct http_request made = {0};
    struct err err = {0};
    json_t *sent, *expected;

    if (!submit(one, &made, &err)) {
        if (one->sent != NULL || strncmp(err.message, one->error, strlen(one->error)) != 0)
            fail_msg("%s %s: %s", one->path, one->body, err.message);
    } else if (one->sent == NULL) {
        fail_msg("%s %s is taken", one->path, one->body);
    } else {
        sent = ideogram_body_of(&made);
        expected = json_plain_read(one->sent);
        assert_non_null(expected);
        assert_string_equal(made.url, one->url);
        if (json_equal(sent, expected) != 1)
            fail_msg("%s %s: sends %s", one->path, one->body, json_dumps(sent, JSON_COMPACT));
        json_decref(sent);
        json_decref(expected);
    }
    http_request_clear(&made);
}
