// The public /v1/videos dialect, as the official OpenAI SDKs speak it (openai-node
// src/resources/videos.ts). Its requests are kept in the unified form of /v1/video.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/media_type.h"
#include "core/task/task.h"
#include "providers/families/video_rules.h"
#include "providers/family.h"
#include "providers/family_common.h"
#include "providers/picture.h"

enum { HEAD_CHARS = (MEDIA_HEAD_BYTES + 2) / 3 * 4 }; // of base64

static const char own_name[] = "openai_video", kin_name[] = "video";

static const struct field_rule scene_rules[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = VIDEO_MAX_PROMPT},
    VIDEO_DURATION_RULE,
    {0},
};

static const struct field_rule rules[] = {
    VIDEO_MODEL_RULE,
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .max = VIDEO_MAX_PROMPT,
     .about = "What is to be seen. May be left out where there is an image or a storyboard."},
    {.path = "size", .kind = FIELD_TEXT, .max = VIDEO_MAX_WORD, .about = "As in 1280x720."},
    VIDEO_DURATION_RULE,
    {.path = "seconds", .kind = FIELD_COUNT, .min = 1, .about = "The same as duration."},
    {.path = "image_url", .kind = FIELD_SOURCE, .about = "The first frame: a link or base64."},
    {.path = "input_reference",
     .kind = FIELD_ANY,
     .about = "The first frame: a file of a form, or an object with image_url."},
    {.path = "private",
     .kind = FIELD_FLAG,
     .about = "Not to be shown in a relay's gallery; of no effect where there is none."},
    {.path = "storyboard",
     .kind = FIELD_ARRAY,
     .items = scene_rules,
     .about = "Scenes, for models that take them."},
    VIDEO_IMAGES_RULE, // of the unified form
    {0},
};

static const struct field_rule page_rules[] = {
    {.path = "limit",
     .kind = FIELD_COUNT,
     .min = 1,
     .max = 100,
     .about = "How many at most. The default is 20."},
    {.path = "after", .kind = FIELD_TASK, .about = "The last id of the page before."},
    {.path = "order",
     .kind = FIELD_WORD,
     .words = (const char *const[]){"asc", "desc", NULL},
     .about = "desc, the default, is newest first."},
    {0},
};

static const struct field_rule content_rules[] = {
    {.path = "variant",
     .kind = FIELD_WORD,
     .words = (const char *const[]){"video", "thumbnail", "spritesheet", NULL},
     .about = "The default is video. Not every vendor gives the others."},
    {0},
};

// OpenAI's own models alone can do that.
#define REMIXER "sora"
static const struct field_rule remix_rules[] = {
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .is_required = true,
     .min = 1,
     .max = VIDEO_MAX_PROMPT,
     .about = "What is to be another way."},
    {0},
};

static const struct route routes[] = {
    {"POST", "/v1/videos", ROUTE_SUBMIT, "video", .rules = FIELD_RULES(rules, family_hook_rules),
     .summary = "Make a video with any model",
     .example = "{'model':'veo-3.1','prompt':'the first tram of the morning','seconds':'8',"
                "'size':'1280x720'}"},
    {"GET", "/v1/videos", ROUTE_PAGE, NULL, .query = page_rules, .summary = "List the videos"},
    {"GET", "/v1/videos/{id}", ROUTE_FETCH, NULL, .summary = "Show a video"},
    {"DELETE", "/v1/videos/{id}", ROUTE_FORGET, NULL,
     .summary = "Forget a video and its files; cancel it where it runs"},
    {"POST", "/v1/videos/{id}/remix", ROUTE_SUBMIT, "remix",
     .rules = FIELD_RULES(remix_rules, family_hook_rules),
     .summary = "Make a video anew with changes, where its model can",
     .example = "{'prompt':'the same at night'}"},
    {"GET", "/v1/videos/{id}/content", ROUTE_CONTENT, NULL, .query = content_rules,
     .summary = "Download a video, its thumbnail or its spritesheet"},
    {0},
};

static const struct family_alias aliases[] = {
    {"duration", "seconds"},
    {"images.0", "input_reference.image_url"},
    {"images.0", "input_reference"},
    {"images.0", "image_url"},
    {"ratio", "size"}, // in the providers' own forms
    {"resolution", "size"},
    {"image_urls.0", "input_reference.image_url"},
    {"image_urls.0", "input_reference"},
    {"image_urls.0", "image_url"},
    VIDEO_DASHSCOPE_ALIASES,
    VIDEO_FRAME_ALIASES,
    {"parameters.duration", "seconds"},
    {"parameters.duration", "duration"},
    {"input.img_url", "input_reference.image_url"},
    {"input.img_url", "input_reference"},
    {"input.img_url", "image_url"},
    {"image_urls", "input_reference.image_url"},
    {"image_urls", "input_reference"},
    {"image_urls", "image_url"},
    {"aspect_ratio", "size"},
    {"first_frame_image", "input_reference.image_url"},
    {"first_frame_image", "input_reference"},
    {"first_frame_image", "image_url"},
    {0},
};

// Checks that there is something to make a video of: a prompt, a storyboard whose scenes have
// prompts, or an image that is to move.
static bool check_subject(const json_t *body, const char *image, struct err *err)
{
    return field_is_given(body, "prompt") || *image != '\0' || field_count(body, "images") > 0 ||
           field_count(body, "storyboard") > 0 || err_set(err, ERR_INVALID, "prompt: is required");
}

// A file whose type and first bytes both say that it is none of those that we know.
static bool check_file(const char *text, const char *path, struct err *err)
{
    struct buf head = {0};
    bool ok =
        strncmp(text, "data:", 5) != 0 || strncmp(text, "data:image/", 11) == 0 ||
        (picture_head(text, HEAD_CHARS, &head) && media_type_of(buf_text(&head), head.len) != NULL);

    buf_clear(&head);
    return ok || err_set(err, ERR_INVALID, "%s: must be an image", path);
}

// A reference image: image_url, input_reference as a file, or as {"image_url"}.
static bool read_image(const json_t *body, const char **image, struct err *err)
{
    static const struct field_rule source = {.kind = FIELD_SOURCE};
    const json_t *reference = field_at(body, "input_reference");
    const char *path = "input_reference";

    *image = field_str_or_empty(body, "image_url");
    if (!json_is_array(reference) && field_is_empty(reference))
        return check_file(*image, "image_url", err);
    if (json_is_object(reference)) {
        path = "input_reference.image_url";
        reference = field_at(reference, "image_url");
    }
    if (reference == NULL)
        return err_set(err, ERR_INVALID, "%s: is required", path);
    if (!field_check_value(reference, &source, path, err))
        return false;
    *image = json_string_value(reference);
    return check_file(*image, path, err);
}

// The body in the unified form; fields that only this dialect has are kept.
static json_t *unify(const json_t *body, const char *image)
{
    json_t *request = json_copy((json_t *)body);

    if (field_is_given(body, "seconds") && !field_is_given(body, "duration"))
        json_object_set(request, "duration", json_object_get(body, "seconds"));
    json_object_del(request, "seconds");
    json_object_del(request, "image_url");
    json_object_del(request, "input_reference");
    if (*image != '\0')
        json_object_set_new(request, "images", json_pack("[s]", image));
    return request;
}

static bool accept_remix(const struct family_request *request, struct task *task, struct err *err)
{
    if (!family_check(request, err) || !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->provider, REMIXER);
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->parent, request->path_id);
    task->cost = 1;
    return true;
}

// Other families' tasks aren't here, as when they are asked for.
static bool is_shown_here(const struct task *task)
{
    return strcmp(task->family, own_name) == 0 || strcmp(task->family, kin_name) == 0;
}

static bool adopt(struct task *task, const struct task *parent, struct err *err)
{
    if (parent == NULL || parent->is_ask || !is_shown_here(parent))
        return err_set(err, ERR_NOT_FOUND, "no such video");
    if (strcmp(parent->provider, REMIXER) != 0)
        return err_set(err, ERR_INVALID, "id: %.60s can't remix a video",
                       parent->model == NULL ? parent->provider : parent->model);
    if (parent->phase != TASK_SUCCEEDED || parent->upstream_id == NULL || parent->account == NULL)
        return err_set(err, ERR_INVALID, "id: the video is %s", task_status(parent->phase));
    mem_set_str(&task->model, parent->model);
    mem_set_str(&task->account, parent->account);
    mem_set_str(&task->upstream_parent, parent->upstream_id);
    return true;
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const char *image;

    (void)once;
    if (strcmp(request->route->action, "remix") == 0)
        return accept_remix(request, task, err);
    if (!family_check(request, err) || !read_image(request->body, &image, err) ||
        !check_subject(request->body, image, err) || !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->model, field_str_or_empty(request->body, "model"));
    mem_set_str(&task->action, request->route->action);
    task->cost = 1;
    family_set_request(task, unify(request->body, image));
    return true;
}

// The size that was asked for, as in "1280x720"; 0 where none was.
static void read_size(const json_t *request, int *width, int *height)
{
    *width = *height = 0;
    if (sscanf(field_str_or_empty(request, "size"), "%5dx%5d", width, height) != 2)
        *width = *height = 0;
}

// What every answer has.
static void add_head(struct buf *json, const struct task *task, const json_t *request,
                     const json_t *result)
{
    double seconds = family_duration(result, request);
    char text[32];

    buf_fmt(json, "{\"id\":\"%s\",\"object\":\"video\",\"model\":", task->id);
    buf_json_str(json, task->model);
    buf_fmt(json, ",\"status\":\"%s\",\"progress\":%d,\"created_at\":%lld,\"seconds\":",
            family_openai_word(task->phase, false), task->progress,
            (long long)(task->created_ms / 1000));
    snprintf(text, sizeof text, "%g", seconds);
    buf_json_str(json, seconds > 0 ? text : "");
    buf_str(json, ",\"size\":");
    buf_json_str(json, field_str_or_empty(request, "size"));
    buf_str(json, ",\"prompt\":");
    buf_json_str(json, field_str_or_empty(request, "prompt"));
    if (strcmp(task->action, "remix") == 0) {
        buf_str(json, ",\"remixed_from_video_id\":");
        buf_json_str(json, task->parent);
    }
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    json_t *request = family_request_of(task);

    (void)waiting, (void)is_repeated;
    add_head(json, task, request, NULL);
    buf_str(json, ",\"completed_at\":null,\"error\":null}");
    json_decref(request);
}

static void render(const struct task *task, struct buf *json)
{
    json_t *request = family_request_of(task), *result = family_result(task);
    int width, height;

    add_head(json, task, request, result);
    if (task->phase == TASK_SUCCEEDED)
        buf_fmt(json, ",\"completed_at\":%lld", (long long)(task->finished_ms / 1000));
    else
        buf_str(json, ",\"completed_at\":null");
    if (task_is_terminal(task->phase) && task->phase != TASK_SUCCEEDED)
        family_add_error(json, task);
    else
        buf_str(json, ",\"error\":null");
    if (task->phase == TASK_SUCCEEDED) {
        read_size(request, &width, &height);
        buf_str(json, ",\"video\":{\"url\":");
        buf_json_str(json, family_link(result, "video"));
        buf_str(json, ",\"duration\":");
        family_add_number(json, family_duration(result, request));
        buf_fmt(json, ",\"width\":%d,\"height\":%d}", width, height);
    }
    buf_char(json, '}');
    json_decref(request);
    json_decref(result);
}

static void forgotten(const struct task *task, struct buf *json)
{
    buf_fmt(json, "{\"id\":\"%s\",\"object\":\"video.deleted\",\"deleted\":true}", task->id);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

const struct family family_openai_video = {
    .name = own_name,
    .routes = routes,
    .kin = kin_name,
    .accept = accept,
    .adopt = adopt,
    .accepted = accepted,
    .render = render,
    .forgotten = forgotten,
    .render_callback = render_callback,
    .word = family_openai_word,
    .aliases = aliases,
    .refuse = family_refuse_envelope,
    .title = "Video, as OpenAI has it",
    .accepted_schema = "{'$ref':'#/components/schemas/openai_video_shown'}",
    .shown_schema =
        "{'type':'object','required':['id','object','model','status','progress','created_at',"
        "'seconds','size','prompt','completed_at','error'],'properties':{'id':{'type':'string'},"
        "'object':{'const':'video'},'model':{'type':'string'},'status':{'enum':['queued',"
        "'in_progress','completed','failed']},'progress':{'type':'integer'},"
        "'created_at':{'type':'integer','description':'Unix seconds.'},"
        "'seconds':{'type':'string'},'size':{'type':'string'},'prompt':{'type':'string'},"
        "'completed_at':{'type':['integer','null'],'description':'Unix seconds.'},"
        "'error':{'type':['object','null'],'properties':{'code':{'type':'string'},"
        "'message':{'type':'string'}}},'video':{'type':'object','properties':{"
        "'url':{'type':'string'},'duration':{'type':'number'},'width':{'type':'integer'},"
        "'height':{'type':'integer'}}}}}",
    .refused_schema = family_envelope_schema,
};
