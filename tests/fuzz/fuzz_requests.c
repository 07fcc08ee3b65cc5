// Clients' bodies: a family refuses them in its own shape, or makes a task that it can show in
// every phase and that its vendor's adapter can send.
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/message/media_link.h"
#include "core/message/multipart.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "tests/fuzz/expect.h"
#include "tests/support/fill_gaps.h"

static const struct media_links links = {.base = (char *)"http://m/media"};

static void expect_json(struct buf *json)
{
    json_t *value = json_loads(buf_text(json), JSON_REJECT_DUPLICATES, NULL);

    EXPECT(value != NULL);
    json_decref(value);
    buf_clear(json);
}

// The number-th route of all families.
static const struct family *choose(unsigned number, const struct route **route)
{
    const struct family *family;

    for (size_t i = 0; (family = family_at(i)) != NULL; i++)
        for (*route = family->routes; (*route)->method != NULL; (*route)++)
            if (number-- == 0)
                return family;
    return NULL;
}

static void show(const struct family *family, struct task *task)
{
    struct task *one[2] = {task, NULL};
    const char *const asked[2] = {"task_1-1", "task_2"};
    struct buf json = {0};

    task->links = &links;
    family->accepted(task, 0, false, &json);
    expect_json(&json);
    for (int phase = 0; phase < TASK_PHASE_COUNT; phase++) {
        task->phase = (enum task_phase)phase;
        if (task_is_terminal(task->phase))
            task->finished_ms = 1774805231010;
        if (phase == TASK_SUCCEEDED)
            mem_set_str(&task->result,
                        "{\"artifacts\":[{\"kind\":\"video\",\"key\":\"k.mp4\"},{\"kind\":"
                        "\"audio\",\"key\":\"k.mp3\",\"of\":\"c\"}],\"extra\":{\"clips\":[{"
                        "\"id\":\"c\"}],\"duration\":5.1}}");
        family->render(task, &json);
        expect_json(&json);
        family->render_callback(task, &json);
        expect_json(&json);
        if (family->render_list != NULL) {
            family->render_list(one, asked, 2, &json);
            expect_json(&json);
        }
    }
}

// As the worker does before it submits.
static void fetch_inputs(const struct dialect *dialect, struct task *task)
{
    char *url;

    for (size_t i = task->input_count; dialect->input_at != NULL; i++) {
        if ((url = dialect->input_at(task, i)) == NULL)
            break;
        free(url);
        task->inputs = mem_resize(task->inputs, (i + 1) * sizeof *task->inputs);
        task->inputs[i] = (struct task_input){.content_type = mem_str("image/png")};
        buf_str(&task->inputs[i].data, "\x89PNG\r\n\x1a\n");
        task->inputs[i].bytes = (int64_t)task->inputs[i].data.len;
        task->input_count = i + 1;
    }
}

// It is JSON, or a form, as it says.
static void check_body(const struct http_request *request)
{
    static const char type[] = "Content-Type: multipart/form-data";
    const char *at = strstr(buf_text(&request->headers), type);
    struct multipart form;
    struct err err;
    json_t *body;
    char *line;

    if (at == NULL) {
        body = json_loads(buf_text(&request->body), JSON_REJECT_DUPLICATES, NULL);
        EXPECT(body != NULL);
        json_decref(body);
        return;
    }
    at += strlen("Content-Type: ");
    line = mem_strn(at, strcspn(at, "\n"));
    EXPECT(multipart_parse(line, buf_text(&request->body), request->body.len, &form, &err));
    free(line);
}

static void send(const struct provider *provider, struct task *task)
{
    for (int i = 0; provider->dialects[i] != NULL; i++) {
        struct config_model model = {.name = task->model, .upstream = (char[]){"upstream-1"}};
        struct account account = {.name = (char[]){"a"},
                                  .provider = provider,
                                  .dialect = provider->dialects[i],
                                  .base_url = (char[]){"http://v"},
                                  .models = &model,
                                  .model_count = task->model == NULL ? 0 : 1};
        struct http_request request = {0};
        struct err err = {0};

        account_set_key(&account, "api_key", "k");
        account_set_key(&account, "service_account_file.project_id", "p");
        fetch_inputs(account.dialect, task);
        if ((account.dialect->check != NULL && !account.dialect->check(task, &account, &err)) ||
            !account.dialect->build_submit(task, &account, &request, &err)) {
            EXPECT(*err.message != '\0' && strchr(err.message, '\n') == NULL);
        } else if (request.method == HTTP_POST_) {
            fill_gaps(&request, task);
            check_body(&request);
        }
        http_request_clear(&request);
        account_clear_keys(&account);
    }
}

// To its vendor, or to each that could have the model: one of the family's medium.
static void send_anywhere(const struct family *family, struct task *task)
{
    const struct provider *provider;

    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        if (task->provider == NULL ? provider->prefixes[family->media] != NULL
                                   : strcmp(provider->name, task->provider) == 0)
            send(provider, task);
}

static bool adopt(const struct family *family, struct task *task, struct err *err)
{
    struct task *parent;
    bool ok;

    if (task->parent == NULL && task->mark == NULL)
        return true;
    EXPECT(family->adopt != NULL);
    parent = task_new();
    snprintf(parent->id, sizeof parent->id, "task_2");
    parent->family = mem_str(family->name);
    parent->provider = mem_str(task->provider);
    parent->account = mem_str("a");
    parent->action = mem_str("IMAGINE");
    parent->upstream_id = mem_str("1731900000123456");
    parent->request = mem_str("{\"prompt\":\"p\"}");
    parent->result = mem_str("{\"artifacts\":[],\"extra\":{}}");
    parent->phase = TASK_SUCCEEDED;
    ok = family->adopt(task, parent, err);
    task_free(parent);
    return ok;
}

// A body that makes a task.
static void submit(const struct family *family, const struct route *route, json_t *body,
                   const char *text, struct err *err)
{
    struct family_request request = {.route = route, .body = body};
    struct task *task = task_new();
    const char *once = NULL;

    request.path_id = strstr(route->path, "{id}") != NULL     ? "task_2"
                      : strstr(route->path, "{model") != NULL ? "model-1"
                                                              : NULL;
    snprintf(task->id, sizeof task->id, "task_1");
    task->created_ms = 1774805076166;
    task->request = mem_str(text);
    mem_set_str(&task->family, family->name);
    if (family->accept(&request, task, &once, err) && adopt(family, task, err)) {
        EXPECT(task->action != NULL && task->request != NULL);
        family = family_find(task->family);
        EXPECT(family != NULL);
        send_anywhere(family, task);
        if (route->kind == ROUTE_SUBMIT)
            show(family, task);
    }
    task_free(task);
}

// The number of a route of all families, then the body.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct route *route;
    const struct family *family = size == 0 ? NULL : choose(data[0], &route);
    struct buf text = {0}, json = {0};
    struct err err = {0};
    json_t *body;

    if (family == NULL)
        return -1;
    buf_add(&text, data + 1, size - 1);
    body = field_parse_body(buf_text(&text), text.len, &err);
    if (body != NULL &&
        (route->kind == ROUTE_SUBMIT || route->kind == ROUTE_ASK || route->kind == ROUTE_RESULT)) {
        submit(family, route, body, buf_text(&text), &err);
    } else if (body != NULL && route->kind == ROUTE_LIST && family->list_ids != NULL) {
        const json_t *ids = NULL;

        if (family->list_ids(body, &ids, &err))
            EXPECT(ids == NULL || json_is_array(ids));
    }
    if (*err.message != '\0') {
        EXPECT(strchr(err.message, '\n') == NULL);
        EXPECT(family->refuse(&err, &json) >= 200);
        expect_json(&json);
    }
    json_decref(body);
    buf_clear(&text);
    buf_clear(&json);
    return 0;
}
