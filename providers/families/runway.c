// The public /runwayml dialect: videos of an image, as Runway has it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_PROMPT = 10000, MAX_NAME = 128, MAX_WORD = 32 };

// Checks types: limits and words are the vendor's, and change with its models.
static const struct field_rule rules[] = {
    {.path = "promptImage",
     .kind = FIELD_ANY,
     .is_required = true,
     .about = "The first frame: a link or base64, or a list of one object with uri, and with "
              "position for models that take another frame."},
    {.path = "model",
     .kind = FIELD_TEXT,
     .max = MAX_NAME,
     .about = "As in gen4_turbo; by default the first that there is."},
    {.path = "promptText", .kind = FIELD_TEXT, .max = MAX_PROMPT, .about = "How it moves."},
    {.path = "duration", .kind = FIELD_INT, .min = 1, .about = "In seconds; 5 by default."},
    {.path = "ratio",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "As in 16:9, or in pixels, as in 1280:720."},
    {.path = "watermark", .kind = FIELD_BOOL, .about = "The vendor has no such thing."},
    {.path = "seed", .kind = FIELD_INT},
    {.path = "contentModeration", .kind = FIELD_OBJECT},
    {0},
};

static const struct route routes[] = {
    {"POST", "/runwayml/v1/image_to_video", ROUTE_SUBMIT, "image_to_video",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video of an image",
     .example = "{'model':'gen4_turbo','promptImage':'data:image/png;base64," FAMILY_PNG
                "','promptText':'the clouds move','duration':5,'ratio':'16:9'}"},
    {"GET", "/runwayml/v1/tasks/{id}", ROUTE_FETCH, NULL, .summary = "Show a video's task"},
    {0},
};

static bool check_image(const json_t *body, struct err *err)
{
    static const struct field_rule image = {.kind = FIELD_MEDIA};
    static const struct field_rule position = {.kind = FIELD_TEXT, .max = MAX_WORD};
    const json_t *value = field_at(body, "promptImage");
    const json_t *place = field_at(body, "promptImage.0.position");

    if (!json_is_array(value))
        return field_check_value(value, &image, "promptImage", err);
    if (json_array_size(value) != 1)
        return err_set(err, ERR_INVALID, "promptImage: must have one item");
    if (field_at(body, "promptImage.0.uri") == NULL)
        return err_set(err, ERR_INVALID, "promptImage.0.uri: is required");
    return field_check_value(field_at(body, "promptImage.0.uri"), &image, "promptImage.0.uri",
                             err) &&
           (place == NULL || field_check_value(place, &position, "promptImage.0.position", err));
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const char *model = field_str_or_empty(request->body, "model");

    (void)once;
    if (!family_check(request, err) || !check_image(request->body, err) ||
        !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->provider, "runway");
    mem_set_str(&task->action, request->route->action);
    if (*model != '\0')
        mem_set_str(&task->model, model);
    task->cost = 1;
    return true;
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "PENDING",      [TASK_SUBMITTING] = "PENDING",
        [TASK_IN_DOUBT] = "PENDING",    [TASK_SUBMITTED] = "PENDING",
        [TASK_RENDERING] = "RUNNING",   [TASK_ARCHIVING] = "RUNNING",
        [TASK_SUCCEEDED] = "SUCCEEDED", [TASK_FAILED] = "FAILED",
        [TASK_CANCELLED] = "CANCELLED",
    };

    (void)is_modal;
    return words[phase];
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\"}", task->id, word(task->phase, false));
}

static void add_output(struct buf *json, const struct task *task)
{
    json_t *result = family_result(task), *artifact;
    size_t i, count = 0;

    buf_str(json, ",\"output\":[");
    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), "video") != 0)
            continue;
        if (count++ > 0)
            buf_char(json, ',');
        buf_json_str(json, field_str_or_empty(artifact, "url"));
    }
    buf_char(json, ']');
    json_decref(result);
}

static void render(const struct task *task, struct buf *json)
{
    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\"", task->id, word(task->phase, false));
    if (task->phase == TASK_SUCCEEDED) {
        add_output(json, task);
    } else if (task->phase == TASK_FAILED) {
        buf_str(json, ",\"failure\":");
        buf_json_str(json, family_reason(task));
        buf_str(json, ",\"failureCode\":");
        buf_json_str(json, family_error_code(task));
        family_add_error(json, task);
    } else if (task->phase == TASK_RENDERING || task->phase == TASK_ARCHIVING) {
        buf_str(json, ",\"progress\":");
        family_add_number(json, task->progress / 100.0);
    }
    buf_char(json, '}');
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

// As Runway writes an error. What isn't about the request has our code, too: another Spool in front
// of us learns from it that nothing was accepted.
static int refuse(const struct err *err, struct buf *json)
{
    int status = err_http_status(err->code);

    buf_str(json, "{\"error\":");
    buf_json_str(json, err->message);
    if (status != 400 && status != 404)
        buf_fmt(json, ",\"code\":\"%s\"", err_name(err->code));
    buf_char(json, '}');
    return status;
}

const struct family family_runway = {
    .name = "runway",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = refuse,
    .title = "Runway",
    .accepted_schema =
        "{'type':'object','required':['id','status'],'properties':{'id':{'type':'string'},"
        "'status':{'const':'PENDING'}}}",
    .shown_schema =
        "{'type':'object','required':['id','status'],'properties':{'id':{'type':'string'},"
        "'status':{'enum':['PENDING','RUNNING','SUCCEEDED','FAILED','CANCELLED']},"
        "'progress':{'type':'number'},'output':{'type':'array','items':{'type':'string'}},"
        "'failure':{'type':'string'},'failureCode':{'type':'string'},'error':{'type':'object'}}}",
    .refused_schema =
        "{'type':'object','required':['error'],'properties':{'error':{'type':'string'}}}",
};
