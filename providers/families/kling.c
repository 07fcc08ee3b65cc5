// The public /kling/v1 dialect: video, images and virtual try-on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/media_type.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_PROMPT = 10000, MAX_NAME = 128, MAX_STATE = 255, MAX_WORD = 32, MAX_EXTENSION = 4 };
enum { MAX_N = 100 }; // each image is a job

static const struct field_rule shot_items[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = MAX_PROMPT}, {0}};
static const struct field_rule video_items[] = {
    {.path = "video_url", .kind = FIELD_SOURCE, .is_required = true}, {0}};
static const struct field_rule image_items[] = {
    {.path = "image_url", .kind = FIELD_ANY, .about = "A link or base64; image is the same."}, {0}};

// What every video takes. Limits and words are the vendor's, and change with its models: its
// adapter checks them.
#define VIDEO_FIELDS                                                                               \
    {.path = "prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},                                     \
        {.path = "negative_prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},                        \
        {.path = "duration", .kind = FIELD_COUNT, .min = 1, .about = "In seconds."},               \
        {.path = "aspect_ratio",                                                                   \
         .kind = FIELD_TEXT,                                                                       \
         .max = MAX_WORD,                                                                          \
         .about = "16:9, 9:16 or 1:1."},                                                           \
        {.path = "mode", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "std or pro."},             \
        {.path = "sound", .kind = FIELD_SWITCH}, {.path = "multi_shots", .kind = FIELD_BOOL},      \
        {.path = "multi_shot", .kind = FIELD_BOOL},                                                \
        {.path = "shot_type", .kind = FIELD_TEXT, .max = MAX_WORD},                                \
        {.path = "multi_prompt",                                                                   \
         .kind = FIELD_ARRAY,                                                                      \
         .items = shot_items,                                                                      \
         .about = "The shots, with multi_shots."},                                                 \
        {.path = "kling_elements", .kind = FIELD_ARRAY},                                           \
        {.path = "element_list", .kind = FIELD_ARRAY},                                             \
        {.path = "cfg_scale", .kind = FIELD_NUMBER},                                               \
    {                                                                                              \
        .path = "camera_control", .kind = FIELD_OBJECT                                             \
    }

static const struct field_rule text_rules[] = {
    {.path = "image_urls", .kind = FIELD_ARRAY, .max = 2, .items = family_source_items},
    VIDEO_FIELDS,
    {0},
};

static const struct field_rule image_rules[] = {
    {.path = "image_urls",
     .kind = FIELD_ARRAY,
     .max = 2,
     .items = family_source_items,
     .about = "The first frame and the last."},
    {.path = "image", .kind = FIELD_SOURCE, .about = "The first frame: a link or base64."},
    {.path = "image_tail", .kind = FIELD_SOURCE, .about = "The last frame: a link or base64."},
    VIDEO_FIELDS,
    {0},
};

static const struct field_rule multi_image_rules[] = {
    {.path = "image_list", .kind = FIELD_ARRAY, .is_required = true, .items = image_items},
    VIDEO_FIELDS,
    {0},
};

static const struct field_rule omni_rules[] = {
    {.path = "image_list", .kind = FIELD_ARRAY, .items = image_items},
    {.path = "video_list", .kind = FIELD_ARRAY, .items = video_items},
    {.path = "voice_list", .kind = FIELD_ARRAY},
    VIDEO_FIELDS,
    {0},
};

static const struct field_rule generation_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_PROMPT},
    {.path = "negative_prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},
    {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = MAX_WORD},
    // How many at most is the model's to say; MAX_N is for those that nobody knows.
    {.path = "n", .kind = FIELD_INT, .min = 1},
    {.path = "n", .kind = FIELD_INT, .min = 1, .max = MAX_N},
    {.path = "image", .kind = FIELD_SOURCE},
    {.path = "image_reference", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "image_fidelity", .kind = FIELD_NUMBER},
    {.path = "human_fidelity", .kind = FIELD_NUMBER},
    {.path = "resolution", .kind = FIELD_TEXT, .max = MAX_WORD},
    {0},
};

static const struct field_rule try_on_rules[] = {
    {.path = "human_image", .kind = FIELD_SOURCE, .is_required = true},
    {.path = "cloth_image", .kind = FIELD_SOURCE, .is_required = true},
    {0},
};

static const struct field_rule common_rules[] = {
    {.path = "model_name",
     .kind = FIELD_TEXT,
     .max = MAX_NAME,
     .about = "As in kling-v3; model is the same, and videos need one of them."},
    {.path = "model", .kind = FIELD_TEXT, .max = MAX_NAME, .about = "The same as model_name."},
    {.path = "external_task_id", .kind = FIELD_TEXT, .max = MAX_STATE, .about = "Your own mark."},
    {0},
};

// Each action's path serves its queries, too; any task of the family is found under each path.
#define BOTH(path, action, own_rules, what, body)                                                  \
    {"POST",                                                                                       \
     path,                                                                                         \
     ROUTE_SUBMIT,                                                                                 \
     action,                                                                                       \
     .rules = FIELD_RULES(common_rules, own_rules, family_hook_rules),                             \
     .summary = "Make " what,                                                                      \
     .example = body},                                                                             \
    {                                                                                              \
        "GET", path "/{id}", ROUTE_FETCH, NULL, .summary = "Show the task of " what                \
    }
#define PNG_LINK "data:image/png;base64," FAMILY_PNG
static const struct route routes[] = {
    BOTH("/kling/v1/videos/text2video", "text2video", text_rules, "a video of a text",
         "{'model_name':'kling-v2-6','prompt':'a paper boat on a stormy sea','duration':'5'}"),
    BOTH("/kling/v1/videos/image2video", "image2video", image_rules, "a video of an image",
         "{'model_name':'kling-v2-6','prompt':'it sets sail','image':'" PNG_LINK "'}"),
    BOTH("/kling/v1/videos/multi-image2video", "multi-image2video", multi_image_rules,
         "a video of several images",
         "{'model_name':'kling-v1-6','prompt':'they meet',"
         "'image_list':[{'image_url':'" PNG_LINK "'},{'image_url':'" PNG_LINK "'}]}"),
    BOTH("/kling/v1/videos/omni-video", "omni-video", omni_rules, "a video of anything",
         "{'model_name':'kling-v3','prompt':'a paper boat on a stormy sea','duration':'5'}"),
    BOTH("/kling/v1/images/generations", "generations", generation_rules, "images",
         "{'model_name':'kling-v2','prompt':'a paper boat','n':1}"),
    BOTH("/kling/v1/images/kolors-virtual-try-on", "kolors-virtual-try-on", try_on_rules,
         "an image of somebody in other clothes",
         "{'model_name':'kolors-virtual-try-on-v1','human_image':'" PNG_LINK
         "','cloth_image':'" PNG_LINK "'}"),
    {0},
};
#undef BOTH

static const struct kind {
    const char *action;
    bool needs_model, is_image;
} kinds[] = {
    {"text2video", true, false},        {"image2video", true, false},
    {"multi-image2video", true, false}, {"omni-video", true, false},
    {"generations", false, true},       {"kolors-virtual-try-on", false, true},
};

static const struct kind *kind_of(const char *action)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].action, action) == 0)
            return &kinds[i];
    return &kinds[0];
}

static bool wrong(struct err *err, const char *text)
{
    return err_set(err, ERR_INVALID, "%s", text);
}

// An element of image_list calls its image image_url, as the public page has it, or image, as the
// vendor has it.
static bool check_image_list(const json_t *body, struct err *err)
{
    static const struct field_rule source = {.kind = FIELD_SOURCE};
    json_t *item;
    size_t i;

    json_array_foreach(field_at(body, "image_list"), i, item)
    {
        const json_t *image = json_is_string(item) ? item : field_at(item, "image_url");
        char path[64];

        snprintf(path, sizeof path, "image_list.%zu.image_url", i);
        if (!field_is_given(item, ""))
            continue;
        if (!field_is_given(image, ""))
            image = field_at(item, "image");
        if (image == NULL)
            return err_set(err, ERR_INVALID, "%s: is required", path);
        if (!field_check_value(image, &source, path, err))
            return false;
    }
    return true;
}

// Checks that a video has something to be made of: frames can move without a prompt, and each of
// several shots has its own, unless the vendor is to find the shots (shot_type "intelligence").
static bool check_subject(const json_t *body, const char *action, struct err *err)
{
    bool is_multi =
        json_is_true(field_at(body, "multi_shots")) || json_is_true(field_at(body, "multi_shot"));
    bool has_shots = field_count(body, "multi_prompt") > 0;
    bool is_image = strcmp(action, "image2video") == 0;
    bool has_frames = field_count(body, "image_urls") > 0;
    const char *type = field_str_or_empty(body, "shot_type");

    if (is_image)
        has_frames =
            has_frames || field_is_given(body, "image") || field_is_given(body, "image_tail");
    if (is_image && !has_frames)
        return wrong(err, "image_urls: is required");
    if (is_multi && !has_shots && (*type == '\0' || strcmp(type, "customize") == 0))
        return wrong(err, "multi_prompt: is required with multi_shots");
    if (field_is_given(body, "prompt") || (is_multi && has_shots) ||
        (has_frames && (is_image || strcmp(action, "text2video") == 0)))
        return true;
    return wrong(err, field_at(body, "prompt") == NULL ? "prompt: is required"
                                                       : "prompt: must not be empty");
}

// Where a body has both names of the model, they must be the same.
static bool read_model(const json_t *body, bool is_needed, struct task *task, struct err *err)
{
    const char *name = field_str_or_empty(body, "model_name");
    const char *other = field_str_or_empty(body, "model");

    if (*name != '\0' && *other != '\0' && strcmp(name, other) != 0)
        return wrong(err, "model: is another one than model_name");
    if (*name == '\0')
        name = other;
    if (*name == '\0' && is_needed)
        return wrong(err, "model_name: is required");
    if (*name != '\0')
        mem_set_str(&task->model, name);
    return true;
}

// A last frame alone is moved to image_tail, since a list that begins with nothing has lost its
// order.
static void name_tail(const json_t *body, struct task *task)
{
    const json_t *images = field_at(body, "image_urls");
    json_t *request;

    if (field_is_given(images, "0") || !field_is_given(images, "1"))
        return;
    request = json_copy((json_t *)body);
    json_object_del(request, "image_urls");
    if (!field_is_given(body, "image_tail"))
        json_object_set(request, "image_tail", field_at(images, "1"));
    family_set_request(task, request);
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const struct kind *kind = kind_of(request->route->action);
    const json_t *body = request->body;
    const char *state = field_str_or_empty(body, "external_task_id");

    (void)once;
    if (!family_check(request, err) || !read_model(body, kind->needs_model, task, err) ||
        !check_image_list(body, err) ||
        (!kind->is_image && !check_subject(body, kind->action, err)) ||
        !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->provider, "kling");
    mem_set_str(&task->action, kind->action);
    // The vendor has one path for frames and another for a prompt alone.
    if (strcmp(kind->action, "text2video") == 0 && field_count(body, "image_urls") > 0)
        mem_set_str(&task->action, "image2video");
    if (strcmp(task->action, "image2video") == 0)
        name_tail(body, task);
    if (*state != '\0')
        mem_set_str(&task->state, state);
    task->cost = 1;
    if (strcmp(kind->action, "generations") == 0)
        task->cost = (int)field_int_or(body, "n", 1); // the vendor counts each image as one job
    return true;
}

// Clients of Kling's own API read its envelope, which stands beside the page's fields.

static const char *own_word(enum task_phase phase)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "submitted",     [TASK_SUBMITTING] = "submitted",
        [TASK_IN_DOUBT] = "submitted",   [TASK_SUBMITTED] = "submitted",
        [TASK_RENDERING] = "processing", [TASK_ARCHIVING] = "processing",
        [TASK_SUCCEEDED] = "succeed",    [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "failed",
    };

    return words[phase];
}

static void add_own_status(struct buf *json, const struct task *task, int64_t updated_ms)
{
    buf_fmt(json,
            "\"task_id\":\"%s\",\"task_status\":\"%s\",\"created_at\":%lld,\"updated_at\":%lld",
            task->id, own_word(task->phase), (long long)task->created_ms, (long long)updated_ms);
}

// A video is one with its watermarked copy, which comes second; images are as many as there are.
static void add_own_files(struct buf *json, const struct task *task, const json_t *result,
                          const char *kind)
{
    bool is_image = strcmp(kind, "image") == 0;
    json_t *artifact;
    size_t i, count = 0;

    buf_fmt(json, "\"task_result\":{\"%ss\":[", kind);
    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), kind) != 0)
            continue;
        if (is_image)
            buf_fmt(json, "%s{\"index\":%zu,\"url\":", count == 0 ? "" : ",", count);
        else if (count == 0)
            buf_fmt(json, "{\"id\":\"%s\",\"url\":", task->id);
        else if (count == 1)
            buf_str(json, ",\"watermark_url\":");
        else
            break;
        buf_json_str(json, field_str_or_empty(artifact, "url"));
        if (is_image)
            buf_char(json, '}');
        count++;
    }
    if (!is_image && count > 0) {
        json_t *request = family_request_of(task);

        buf_str(json, ",\"duration\":\"");
        family_add_number(json, family_duration(result, request));
        buf_str(json, "\"}");
        json_decref(request);
    }
    buf_str(json, "]}");
}

static void add_own(struct buf *json, const struct task *task, const json_t *result,
                    const char *kind)
{
    bool has_failed = task->phase == TASK_FAILED || task->phase == TASK_CANCELLED;
    int64_t updated_ms = family_updated_s(task) * 1000;

    buf_char(json, ',');
    // Whole seconds would be before it was made, while it is young.
    add_own_status(json, task, updated_ms < task->created_ms ? task->created_ms : updated_ms);
    buf_str(json, ",\"task_status_msg\":");
    buf_json_str(json, has_failed ? family_reason(task) : "");
    buf_str(json, ",\"task_info\":{\"external_task_id\":");
    buf_json_str(json, task->state);
    buf_str(json, "},");
    add_own_files(json, task, result, kind);
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json,
            "{\"created_at\":%lld,\"id\":\"%s\",\"model\":", (long long)(task->created_ms / 1000),
            task->id);
    buf_json_str(json, task->model);
    buf_fmt(json,
            ",\"object\":\"video\",\"progress\":0,\"status\":\"\",\"task_id\":\"%s\","
            "\"code\":0,\"message\":\"SUCCEED\",\"request_id\":\"%s\",\"data\":{",
            task->id, task->id);
    add_own_status(json, task, task->created_ms);
    buf_str(json, "}}");
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

// Adds the file's format: by its type, or the extension in a vendor's link; the format that it will
// have, while there is no file.
static void add_format(struct buf *json, const struct task *task, const json_t *artifact)
{
    const struct media_type *type = media_type_named(field_str_or_empty(artifact, "content_type"));
    const char *url = field_str_or_empty(artifact, "url");
    size_t end = strcspn(url, "?#"), start = end;
    char format[MAX_EXTENSION + 1];

    while (start > 0 && url[start - 1] != '.' && url[start - 1] != '/')
        start--;
    if (type != NULL)
        snprintf(format, sizeof format, "%s", type->extension);
    else if (start > 0 && url[start - 1] == '.' && end > start && end - start <= MAX_EXTENSION)
        snprintf(format, sizeof format, "%.*s", (int)(end - start), url + start);
    else
        snprintf(format, sizeof format, "%s", kind_of(task->action)->is_image ? "png" : "mp4");
    buf_str(json, ",\"format\":");
    buf_json_str(json, format);
}

// {"urls":[…]} where there is more than one image, else null.
static void add_metadata(struct buf *json, const json_t *result)
{
    json_t *artifact;
    size_t i, count = 0;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact) count +=
        strcmp(field_str_or_empty(artifact, "kind"), "image") == 0;
    if (count < 2) {
        buf_str(json, "null");
        return;
    }
    buf_str(json, "{\"urls\":[");
    count = 0;
    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), "image") != 0)
            continue;
        if (count++ > 0)
            buf_char(json, ',');
        buf_json_str(json, field_str_or_empty(artifact, "url"));
    }
    buf_str(json, "]}");
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);
    const char *kind = kind_of(task->action)->is_image ? "image" : "video";

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
    add_format(json, task, family_artifact(result, kind));
    buf_str(json, ",\"metadata\":");
    add_metadata(json, result);
    buf_fmt(json, ",\"status\":\"%s\",\"url\":", word(task->phase, false));
    buf_json_str(json, family_link(result, kind));
    add_own(json, task, result, kind);
    buf_str(json, "}}");
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, kind_of(task->action)->is_image, json);
}

const struct family family_kling = {
    .name = "kling",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = family_refuse_flat,
    .title = "Kling",
    .accepted_schema =
        "{'type':'object','required':['created_at','id','model','object','progress','status',"
        "'task_id'],'properties':{'created_at':{'type':'integer','description':'Unix seconds.'},"
        "'id':{'type':'string'},'task_id':{'type':'string'},'model':{'type':'string'},"
        "'object':{'const':'video'},'progress':{'type':'integer'},'status':{'type':'string'},"
        "'code':{'const':0},'message':{'type':'string'},'request_id':{'type':'string'},'data':{"
        "'type':'object','description':'As in the API of Kling itself.'}}}",
    .shown_schema =
        "{'type':'object','required':['code','message','data'],'properties':{'code':{'const':"
        "'success'},'message':{'type':'string'},'data':{'type':'object','required':['task_id',"
        "'status','url'],'properties':{'task_id':{'type':'string'},'task_status':{'enum':["
        "'submitted','processing','succeed','failed']},'task_status_msg':{'type':'string'},"
        "'task_info':{'type':'object'},'task_result':{'type':'object'},"
        "'created_at':{'type':'integer','description':'Unix "
        "milliseconds.'},'updated_at':{'type':'integer'},'status':{'enum':['queued',"
        "'processing','succeeded','failed']},'url':{'type':'string'},'format':{'type':'string'},"
        "'metadata':{'type':['object','null'],'properties':{'urls':{'type':'array','items':{"
        "'type':'string'}}}},'error':{'type':['object','null'],'properties':{'code':{'type':"
        "'string'},'message':{'type':'string'}}}}}}}",
    .refused_schema = family_flat_schema,
};
