// Google's own dialect for videos, as @google/genai and @ai-sdk/google speak it: a long-running
// operation, and its file.
//
// Sources: googleapis/js-genai and python-genai, vercel/ai packages/google. A file's name is what
// follows "files/" in its link, and they take lower case and digits alone: so it is the task's id
// in lower case, without "task_".
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/media_link.h"
#include "core/task/task.h"
#include "providers/families/google_error.h"
#include "providers/families/video_rules.h"
#include "providers/family.h"
#include "providers/family_common.h"

#define TASK_PREFIX "task_"

static const struct field_rule image_rules[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "image", .kind = FIELD_OBJECT},
    {.path = "image.bytesBase64Encoded", .kind = FIELD_BASE64, .about = "The first frame."},
    {.path = "image.mimeType", .kind = FIELD_TEXT, .max = VIDEO_MAX_NAME},
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .max = VIDEO_MAX_PROMPT,
     .about = "What is to be seen. May be left out where there is an image."},
    {0},
};

static const struct field_rule rules[] = {
    {.path = "instances",
     .kind = FIELD_ARRAY,
     .is_required = true,
     .min = 1,
     .max = 1,
     .items = image_rules,
     .about = "One, with a prompt, an image or both."},
    {.path = "parameters", .kind = FIELD_OBJECT},
    {.path = "parameters.aspectRatio", .kind = FIELD_TEXT, .max = VIDEO_MAX_WORD},
    {.path = "parameters.resolution", .kind = FIELD_TEXT, .max = VIDEO_MAX_WORD},
    {.path = "parameters.durationSeconds", .kind = FIELD_COUNT, .min = 1},
    {.path = "parameters.negativePrompt", .kind = FIELD_TEXT, .max = VIDEO_MAX_PROMPT},
    {.path = "parameters.sampleCount",
     .kind = FIELD_INT,
     .min = 1,
     .max = 1,
     .about = "A job makes one video."},
    {0},
};

#define BODY FIELD_RULES(rules, family_hook_rules)
#define EXAMPLE                                                                                    \
    "{'instances':[{'prompt':'the first tram of the morning'}],"                                   \
    "'parameters':{'aspectRatio':'16:9'}}"
#define BOTH(version)                                                                              \
    {"POST",                                                                                       \
     "/" version "/models/{model}:predictLongRunning",                                             \
     ROUTE_SUBMIT,                                                                                 \
     "video",                                                                                      \
     .rules = BODY,                                                                                \
     .summary = "Make a video, as Google's SDKs ask for it",                                       \
     .example = EXAMPLE},                                                                          \
        {"GET", "/" version "/models/{model}/operations/{id}", ROUTE_FETCH, NULL,                  \
         .summary = "Show a video's operation"},                                                   \
    {                                                                                              \
        "GET", "/" version "/files/{id}:download", ROUTE_CONTENT, NULL,                            \
            .summary = "Download an operation's video"                                             \
    }
static const struct route routes[] = {BOTH("v1beta"), BOTH("v1"), {0}};
#undef BOTH

// Errors of the unified form are told in the words that the client used.
static const struct family_alias aliases[] = {
    {"prompt", "instances.0.prompt"},
    {"images.0", "instances.0.image"},
    {"images", "instances.0.image"},
    {"aspect_ratio", "parameters.aspectRatio"},
    {"ratio", "parameters.aspectRatio"},
    {"size", "parameters.resolution"},
    {"resolution", "parameters.resolution"},
    {"duration", "parameters.durationSeconds"},
    {"negative_prompt", "parameters.negativePrompt"},
    {0},
};

// What we have no way to pass on.
static bool check_rest(const json_t *body, struct err *err)
{
    static const char *const unsupported[] = {"instances.0.lastFrame",
                                              "instances.0.referenceImages", "instances.0.video",
                                              "instances.0.image.gcsUri", "parameters.storageUri"};

    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (field_is_given(body, unsupported[i]))
            return err_set(err, ERR_INVALID, "%s: is not supported", unsupported[i]);
    return field_is_given(body, "instances.0.prompt") ||
           field_is_given(body, "instances.0.image.bytesBase64Encoded") ||
           err_set(err, ERR_INVALID, "instances.0.prompt: is required");
}

static void move(json_t *request, const char *name, json_t *parameters, const char *theirs)
{
    json_t *value = json_object_get(parameters, theirs);

    if (value != NULL)
        json_object_set(request, name, value);
    json_object_del(parameters, theirs);
}

// Becomes the unified form, and what Google alone has words for.
static json_t *unify(const json_t *body, const char *model)
{
    const json_t *instance = field_at(body, "instances.0");
    const char *image = field_str_or_empty(instance, "image.bytesBase64Encoded");
    const char *type = field_str_or_empty(instance, "image.mimeType");
    json_t *request =
        json_pack("{s:s,s:s}", "model", model, "prompt", field_str_or_empty(instance, "prompt"));
    json_t *parameters = json_copy(json_object_get(body, "parameters"));

    if (*image != '\0')
        json_object_set_new(request, "images",
                            json_pack("[o]", *type == '\0' || strncmp(image, "data:", 5) == 0
                                                 ? json_string(image)
                                                 : json_sprintf("data:%s;base64,%s", type, image)));
    move(request, "aspect_ratio", parameters, "aspectRatio");
    move(request, "size", parameters, "resolution");
    move(request, "duration", parameters, "durationSeconds");
    move(request, "negative_prompt", parameters, "negativePrompt");
    json_object_del(parameters, "sampleCount");
    if (json_object_size(parameters) > 0)
        json_object_set(request, "google", parameters);
    json_decref(parameters);
    return request;
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    (void)once;
    if (!family_check(request, err) || !check_rest(request->body, err) ||
        !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->model, request->path_id);
    mem_set_str(&task->action, request->route->action);
    task->cost = 1;
    family_set_request(task, unify(request->body, request->path_id));
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    struct buf name = {0};

    (void)waiting, (void)is_repeated;
    buf_fmt(&name, "models/%s/operations/%s", task->model, task->id);
    buf_str(json, "{\"name\":");
    buf_json_str(json, name.data);
    buf_char(json, '}');
    buf_clear(&name);
}

static bool read_id(const char *text, char id[ID_SIZE])
{
    if (!id_is_task(text)) {
        snprintf(id, ID_SIZE, TASK_PREFIX "%s", text);
        for (char *c = id + strlen(TASK_PREFIX); *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        return id_is_task(id);
    }
    snprintf(id, ID_SIZE, "%s", text);
    return true;
}

static void add_file(const struct task *task, struct buf *json)
{
    char name[ID_SIZE];
    struct buf uri = {0};

    snprintf(name, sizeof name, "%s", task->id + strlen(TASK_PREFIX));
    for (char *c = name; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    if (task->links != NULL && task->links->api != NULL)
        buf_str(&uri, task->links->api);
    buf_fmt(&uri, "/v1beta/files/%s:download?alt=media", name);
    buf_str(json, "{\"video\":{\"uri\":");
    buf_json_str(json, uri.data);
    buf_str(json, ",\"mimeType\":\"video/mp4\"}}");
    buf_clear(&uri);
}

// google.rpc.Code
static int code_of(const struct task *task)
{
    enum { CANCELLED = 1, INVALID_ARGUMENT = 3, DEADLINE_EXCEEDED = 4, INTERNAL = 13 };
    const char *code = family_error_code(task);

    if (task->phase == TASK_CANCELLED)
        return CANCELLED;
    if (strcmp(code, "content_filter") == 0 || strcmp(code, "invalid_request") == 0)
        return INVALID_ARGUMENT;
    return strcmp(code, "task_timeout") == 0 ? DEADLINE_EXCEEDED : INTERNAL;
}

// "done" is absent while it isn't.
static void render(const struct task *task, struct buf *json)
{
    accepted(task, 0, false, json);
    if (!task_is_terminal(task->phase))
        return;
    json->len--;
    buf_str(json, ",\"done\":true,");
    if (task->phase == TASK_SUCCEEDED) {
        buf_str(json,
                "\"response\":{\"@type\":\"type.googleapis.com/google.ai.generativelanguage.v1beta."
                "PredictLongRunningResponse\",\"generateVideoResponse\":{\"generatedSamples\":[");
        add_file(task, json);
        buf_str(json, "]}}}");
    } else {
        buf_fmt(json, "\"error\":{\"code\":%d,\"message\":", code_of(task));
        buf_json_str(json, family_reason(task));
        buf_str(json, "}}");
    }
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

static const char *word(enum task_phase phase, bool is_modal)
{
    (void)is_modal;
    if (!task_is_terminal(phase))
        return "processing";
    return phase == TASK_SUCCEEDED ? "completed" : "failed";
}

const struct family family_veo = {
    .name = "veo",
    .routes = routes,
    .takes_google_keys = true,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .read_id = read_id,
    .render_callback = render_callback,
    .word = word,
    .aliases = aliases,
    .refuse = google_error_refuse,
    .title = "Video, as Google's SDKs ask for it",
    .accepted_schema =
        "{'type':'object','required':['name'],'properties':{'name':{'type':'string'}}}",
    .shown_schema =
        "{'type':'object','required':['name'],'properties':{'name':{'type':'string'},"
        "'done':{'const':true},'response':{'type':'object'},'error':{'type':'object',"
        "'properties':{'code':{'type':'integer'},'message':{'type':'string'}}}}}",
    .refused_schema = google_error_schema,
};
