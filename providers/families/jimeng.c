// The public /jimeng dialect: video.
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

enum { MAX_PROMPT = 10000, MAX_NAME = 128, MAX_WORD = 64, MAX_IMAGES = 2 };

static const struct field_rule image_items[] = {{.path = "", .kind = FIELD_MEDIA}, {0}};
static const struct field_rule file_items[] = {{.path = "", .kind = FIELD_BASE64}, {0}};

// Checks types: limits and words are the vendor's, and change with its models.
static const struct field_rule rules[] = {
    {.path = "model",
     .kind = FIELD_TEXT,
     .is_required = true,
     .max = MAX_NAME,
     .about = "As in jimeng-video-3.0."},
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .max = MAX_PROMPT,
     .about = "What is to be seen, and how it moves. May be left out where there is an image."},
    {.path = "duration", .kind = FIELD_INT, .min = 1, .about = "In seconds: 5 or 10."},
    {.path = "aspect_ratio",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "16:9, 4:3, 1:1, 3:4, 9:16 or 21:9. An image has its own."},
    {.path = "image_url", .kind = FIELD_MEDIA, .about = "The first frame: a link or base64."},
    {.path = "binary_data_base64",
     .kind = FIELD_ARRAY,
     .max = MAX_IMAGES,
     .items = file_items,
     .about = "The first frame in base64, instead of image_url."},
    {.path = "image_urls",
     .kind = FIELD_ARRAY,
     .max = MAX_IMAGES,
     .items = image_items,
     .about = "The first frame, and perhaps the last one, instead of image_url."},
    {.path = "template_id",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "How the camera moves around the image, as in handheld."},
    {.path = "camera_strength",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "weak, medium or strong; with template_id."},
    {.path = "frames", .kind = FIELD_INT, .min = 1, .about = "Instead of duration: 121 or 241."},
    {.path = "seed", .kind = FIELD_INT, .min = -1, .about = "-1, the default, is any."},
    {.path = "req_key",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "The vendor's own name for such a job, where the operator lists it."},
    {0},
};

static const struct route routes[] = {
    {"POST", "/jimeng/submit/videos", ROUTE_SUBMIT, "generate",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video with Jimeng",
     .example = "{'model':'jimeng-video-3.0','prompt':'an orange cat yawns by the window',"
                "'duration':5,'aspect_ratio':'9:16'}"},
    {"GET", "/jimeng/fetch/{id}", ROUTE_FETCH, NULL, .summary = "Show a video's task"},
    {0},
};

static bool wrong(struct err *err, const char *text)
{
    return err_set(err, ERR_INVALID, "%s", text);
}

// Images come as one link, as a list of links or as files; the list may begin with the one link.
static bool check_images(const json_t *body, struct err *err)
{
    const char *first = field_str_or_empty(body, "image_url");
    size_t links = field_count(body, "image_urls"), files = field_count(body, "binary_data_base64");

    if (files > 0 && (links > 0 || *first != '\0'))
        return wrong(err, "binary_data_base64: can't be sent beside image_url or image_urls");
    if (links > 0 && *first != '\0' && strcmp(first, field_str_or_empty(body, "image_urls.0")) != 0)
        return wrong(err, "image_urls: doesn't begin with image_url");
    return true;
}

static size_t count_images(const json_t *body)
{
    size_t count = field_count(body, "image_urls") + field_count(body, "binary_data_base64");

    return count == 0 && field_is_given(body, "image_url") ? 1 : count;
}

// A camera moves around one image, in a way and by a strength.
static bool check_camera(const json_t *body, struct err *err)
{
    bool has_template = field_is_given(body, "template_id");

    if (has_template != field_is_given(body, "camera_strength"))
        return wrong(err, has_template ? "camera_strength: is required with template_id"
                                       : "template_id: is required with camera_strength");
    if (!has_template || count_images(body) == 1)
        return true;
    return wrong(err, count_images(body) == 0 ? "image_url: is required with template_id"
                      : field_count(body, "image_urls") > 0
                          ? "image_urls: must have one item with template_id"
                          : "binary_data_base64: must have one item with template_id");
}

static bool check_subject(const json_t *body, struct err *err)
{
    if (field_is_given(body, "prompt") || count_images(body) > 0)
        return true;
    return wrong(err, field_at(body, "prompt") == NULL ? "prompt: is required"
                                                       : "prompt: must not be empty");
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const json_t *body = request->body;

    (void)once;
    if (!family_check(request, err) || !check_images(body, err) || !check_camera(body, err) ||
        !check_subject(body, err) || !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->provider, "jimeng");
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->model, field_str_or_empty(body, "model"));
    task->cost = 1;
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"id\":\"%s\",\"task_id\":\"%s\",\"object\":\"video\",\"model\":", task->id,
            task->id);
    buf_json_str(json, task->model);
    buf_fmt(json, ",\"status\":\"\",\"progress\":0,\"created_at\":%lld}",
            (long long)(task->created_ms / 1000));
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "queued",        [TASK_SUBMITTING] = "queued",
        [TASK_IN_DOUBT] = "queued",      [TASK_SUBMITTED] = "queued",
        [TASK_RENDERING] = "processing", [TASK_ARCHIVING] = "processing",
        [TASK_SUCCEEDED] = "succeeded",  [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "failed",
    };

    (void)is_modal;
    return words[phase];
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);

    buf_str(json, "{\"code\":\"success\",\"message\":\"\",\"data\":{\"error\":");
    if (task->phase == TASK_FAILED || task->phase == TASK_CANCELLED) {
        buf_str(json, "{\"message\":");
        buf_json_str(json, family_reason(task));
        buf_str(json, ",\"code\":");
        buf_json_str(json, family_error_code(task));
        buf_char(json, '}');
    } else {
        buf_str(json, "null");
    }
    buf_fmt(json,
            ",\"format\":\"mp4\",\"metadata\":null,\"status\":\"%s\",\"task_id\":\"%s\",\"url\":",
            word(task->phase, false), task->id);
    buf_json_str(json, family_link(result, "video"));
    buf_str(json, "}}");
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

const struct family family_jimeng = {
    .name = "jimeng",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = family_refuse_flat,
    .title = "Jimeng",
    .accepted_schema =
        "{'type':'object','required':['id','task_id','object','model','status','progress',"
        "'created_at'],'properties':{'id':{'type':'string'},'task_id':{'type':'string'},"
        "'object':{'const':'video'},'model':{'type':'string'},'status':{'type':'string'},"
        "'progress':{'type':'integer'},'created_at':{'type':'integer','description':"
        "'Unix seconds.'}}}",
    .shown_schema =
        "{'type':'object','required':['code','message','data'],'properties':{'code':{'const':"
        "'success'},'message':{'type':'string'},'data':{'type':'object','required':['task_id',"
        "'status','url','format','error','metadata'],'properties':{'task_id':{'type':'string'},"
        "'status':{'enum':['queued','processing','succeeded','failed']},'url':{'type':'string'},"
        "'format':{'type':'string'},'metadata':{'type':'null'},'error':{'type':['object',"
        "'null'],'properties':{'code':{'type':'string'},'message':{'type':'string'}}}}}}}",
    .refused_schema = family_flat_schema,
};
