// The public /fal-ai dialect: a model of fal's by its path, its input as the body, its output as
// the answer.
//
// Models take and tell what they like. The fields below are those of the public page, and those
// that most models have; whatever else a request has is passed on. The answer is the model's own
// with our links: the provider keeps it as extra (fal_answer.h).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/media_link.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

#define ROOT "fal-ai/"
#define QUEUE "/queue/" // what stands for the host of fal's queue

enum {
    MAX_PROMPT = 131072, // bytes
    MAX_MODEL = 128,
    MAX_WORD = 64,
    MAX_IMAGES = 16,
    MAX_STEPS = 1000,
    SERVER_ERROR = 500,
};

static const struct field_rule rules[] = {
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .max = MAX_PROMPT,
     .about = "What is to be seen, or to become of the image. Most models need one."},
    {.path = "negative_prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},
    {.path = "image_size",
     .kind = FIELD_ANY,
     .about = "square_hd, landscape_4_3, portrait_4_3, landscape_16_9 or portrait_16_9; some "
              "models also take {width, height}."},
    {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in 16:9."},
    {.path = "num_images",
     .kind = FIELD_INT,
     .min = 1,
     .max = MAX_IMAGES,
     .about = "How many images. The default is 1; how many there can be is the model's."},
    {.path = "seed", .kind = FIELD_INT},
    {.path = "guidance_scale", .kind = FIELD_NUMBER},
    {.path = "num_inference_steps", .kind = FIELD_INT, .min = 1, .max = MAX_STEPS},
    {.path = "output_format", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "enable_safety_checker", .kind = FIELD_BOOL},
    {.path = "sync_mode",
     .kind = FIELD_BOOL,
     .about = "Have the files in the answer, as data URLs instead of links."},
    {.path = "image_url",
     .kind = FIELD_SOURCE,
     .about = "The image to edit: a link, a data URL, or base64."},
    {.path = "image_urls",
     .kind = FIELD_ARRAY,
     .max = MAX_IMAGES,
     .items = family_source_items,
     .about = "The same, of several."},
    {.path = "mask_url",
     .kind = FIELD_SOURCE,
     .about = "What of the image is to change, where the model can do that."},
    {.path = "strength", .kind = FIELD_NUMBER, .min = 0, .max = 1},
    {0},
};

static const char shown[] =
    "{'type':'object','description':'As the model has it.','properties':{"
    "'images':{'type':'array','items':{'type':'object','required':['url'],'properties':{"
    "'url':{'type':'string'},'content_type':{'type':'string'},'file_name':{'type':'string'},"
    "'width':{'type':'integer'},'height':{'type':'integer'}}}},"
    "'seed':{'type':['integer','null']},'prompt':{'type':'string'},"
    "'has_nsfw_concepts':{'type':'array','items':{'type':'boolean'}}}}";

static const char refused[] =
    "{'type':'object','required':['error','detail'],'properties':{'error':{'type':'object',"
    "'required':['message','type','code'],'properties':{'message':{'type':'string','description':"
    "'Where a field is wrong, it begins with its name.'},'type':{'type':'string','enum':["
    "'authentication_error','invalid_request_error','rate_limit_error','server_error']},"
    "'code':{'type':'string'}}},'detail':{'type':['string','array'],'description':'The same as fal "
    "has it: a text, or a list of {loc, msg, type}.'}}}";

#define URLS                                                                                       \
    "'request_id':{'type':'string','description':'The id of the task.'},"                          \
    "'response_url':{'type':'string'},'status_url':{'type':'string'},"                             \
    "'cancel_url':{'type':'string'}"
static const char queued[] =
    "{'type':'object','required':['status','request_id','response_url','status_url','cancel_url'],"
    "'properties':{'status':{'enum':['IN_QUEUE','IN_PROGRESS','COMPLETED']},"
    "'queue_position':{'type':'integer'}," URLS "}}";
static const char cancelled[] =
    "{'type':'object','required':['status'],'properties':{"
    "'status':{'const':'CANCELLATION_REQUESTED'}}}";

static void render_status(const struct task *task, struct buf *json);
static void render_cancel(const struct task *task, struct buf *json);

#define SUBMIT                                                                                     \
    .rules = FIELD_RULES(rules, family_hook_rules),                                                \
    .example =                                                                                     \
        "{'prompt':'a majestic eagle soaring over snow-capped mountains',"                         \
        "'image_size':'landscape_16_9','num_images':1}"
#define JOB QUEUE ROOT "{app}/requests/{id}"
static const struct route routes[] = {
    {"POST", "/" ROOT "{model...}", ROUTE_RESULT, "run", SUBMIT,
     .summary = "Make or edit images with a model of fal's and wait for them",
     .shown_schema = shown},
    {"POST", QUEUE ROOT "{model...}", ROUTE_SUBMIT, "run", SUBMIT,
     .summary = "The same without waiting, as fal's clients ask for it"},
    {"GET", JOB "/status", ROUTE_FETCH, .render = render_status, .shown_schema = queued,
     .summary = "Show how such a job is"},
    {"GET", JOB, ROUTE_OUTCOME, .summary = "Show what such a job has made", .shown_schema = shown},
    {"PUT", JOB "/cancel", ROUTE_CANCEL, .render = render_cancel, .shown_schema = cancelled,
     .summary = "Cancel such a job"},
    {0},
};

static const struct family_alias aliases[] = {
    {"image_urls.0", "image_url"},
    {0},
};

// Requests.

static bool check_size(const json_t *body, struct err *err)
{
    const json_t *size = json_object_get(body, "image_size");
    bool is_fine = field_is_empty(size) || json_is_object(size) ||
                   (json_is_string(size) && json_string_length(size) <= MAX_WORD);

    return is_fine ||
           err_set(err, ERR_INVALID, "image_size: must be a word, or {\"width\", \"height\"}");
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const char *path = request->path_id == NULL ? "" : request->path_id;
    struct buf model = {0};

    (void)once;
    if (strlen(path) + strlen(ROOT) > MAX_MODEL)
        return err_set(err, ERR_MODEL, "%s%.60s...: no account serves such a model", ROOT, path);
    if (!family_check(request, err) || !check_size(request->body, err) ||
        !family_read_hook(request->body, task, err))
        return false;
    buf_fmt(&model, "%s%s", ROOT, path);
    mem_set_str(&task->provider, "fal");
    mem_set_str(&task->model, model.data);
    mem_set_str(&task->action, request->route->action);
    task->cost = 1;
    buf_clear(&model);
    return true;
}

// Answers.

// The task's result as it is kept, with the keys of files, and as it is shown, with their links:
// both list the same artifacts, one for each of `files`, which tell where the model has them.
struct result {
    const json_t *kept, *shown, *files;
    bool is_inline; // the files themselves are wanted
};

static const char *name_of(const struct result *result, size_t index)
{
    const char *name = field_str_or_empty(json_array_get(result->files, index), "at");
    const char *kind = field_str_or_empty(json_array_get(result->shown, index), "kind");

    if (*name != '\0')
        return name;
    return strcmp(kind, "image") == 0 ? "images" : kind;
}

static bool is_there(const struct result *result, size_t index)
{
    return *field_str_or_empty(json_array_get(result->shown, index), "url") != '\0';
}

static void add_name(struct buf *json, const char *name)
{
    if (json->data[json->len - 1] != '{')
        buf_char(json, ',');
    buf_json_str(json, name);
    buf_char(json, ':');
}

static void add_member(struct buf *json, const char *name, const json_t *value)
{
    char *text = json_write_text(value);

    add_name(json, name);
    buf_str(json, text == NULL ? "null" : text);
    free(text);
}

// A link, or the file in base64: that of one that we don't have can't be given.
static void add_url(struct family_answer *answer, const struct result *result, size_t index)
{
    const json_t *artifact = json_array_get(result->shown, index);
    const char *key = field_str_or_empty(json_array_get(result->kept, index), "key");
    const char *type = field_str_or_empty(artifact, "content_type");

    if (!result->is_inline || *key == '\0' || *type == '\0') {
        buf_json_str(&answer->json, field_str_or_empty(artifact, "url"));
        return;
    }
    buf_fmt(&answer->json, "\"data:%s;base64,", type);
    family_add_file(answer, key);
    buf_char(&answer->json, '"');
}

static void add_file(struct family_answer *answer, const struct result *result, size_t index)
{
    json_t *type = json_object_get(json_array_get(result->shown, index), "content_type"), *value;
    const json_t *more = json_object_get(json_array_get(result->files, index), "more");
    const char *name;

    buf_char(&answer->json, '{');
    add_name(&answer->json, "url");
    add_url(answer, result, index);
    if (json_is_string(type))
        add_member(&answer->json, "content_type", type);
    json_object_foreach((json_t *)more, name, value)
    {
        bool is_known = strcmp(name, "content_type") == 0 && json_is_string(type);

        if (!json_is_null(value) && !is_known)
            add_member(&answer->json, name, value);
    }
    buf_char(&answer->json, '}');
}

static void add_list(struct family_answer *answer, const struct result *result, const char *name)
{
    const char *separator = "";

    buf_char(&answer->json, '[');
    for (size_t i = 0; i < json_array_size(result->shown); i++) {
        if (strcmp(name_of(result, i), name) != 0 || !is_there(result, i))
            continue;
        buf_str(&answer->json, separator);
        add_file(answer, result, i);
        separator = ",";
    }
    buf_char(&answer->json, ']');
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), wanted = strlen(end);

    return len >= wanted && strcmp(text + len - wanted, end) == 0;
}

// Those that the model has under the name of the first of them: a list, a link, or one file.
static void add_named(struct family_answer *answer, const struct result *result, size_t first)
{
    const char *name = name_of(result, first);

    for (size_t i = 0; i < first; i++)
        if (strcmp(name_of(result, i), name) == 0)
            return;
    if (!ends_with(name, "s") && !is_there(result, first))
        return;
    add_name(&answer->json, name);
    if (ends_with(name, "s"))
        add_list(answer, result, name);
    else if (ends_with(name, "_url"))
        add_url(answer, result, first);
    else
        add_file(answer, result, first);
}

// Whether each of the images is blocked, of those that are shown.
static json_t *flags_of(const struct result *result, const json_t *flags)
{
    json_t *shown_flags = json_array();
    size_t number = 0;

    for (size_t i = 0; i < json_array_size(result->shown); i++) {
        if (strcmp(name_of(result, i), "images") != 0)
            continue;
        if (is_there(result, i) && json_array_get(flags, number) != NULL)
            json_array_append(shown_flags, json_array_get(flags, number));
        number++;
    }
    return shown_flags;
}

static void add_fields(struct family_answer *answer, const struct result *result,
                       const json_t *fields)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)fields, name, value)
    {
        if (strcmp(name, "has_nsfw_concepts") == 0 && json_is_array(value)) {
            json_t *flags = flags_of(result, value);

            add_member(&answer->json, name, flags);
            json_decref(flags);
        } else {
            add_member(&answer->json, name, value);
        }
    }
}

// The page's answer has these, which not every model tells: a seed that nobody named is unknown.
static void add_asked(struct family_answer *answer, const json_t *fields, const json_t *request)
{
    json_t *seed = json_object_get(request, "seed"), *prompt = json_object_get(request, "prompt");

    if (json_object_get(fields, "seed") == NULL)
        add_member(&answer->json, "seed", json_is_integer(seed) ? seed : json_null());
    if (json_object_get(fields, "prompt") == NULL && json_is_string(prompt))
        add_member(&answer->json, "prompt", prompt);
}

static void write_whole(const struct task *task, struct family_answer *answer)
{
    json_t *kept = json_read(task->result);
    json_t *whole = family_result_whole(task), *request = family_request_of(task);
    const json_t *fields = field_at(kept, "extra.fields");
    const struct result result = {.kept = json_object_get(kept, "artifacts"),
                                  .shown = json_object_get(whole, "artifacts"),
                                  .files = field_at(kept, "extra.files"),
                                  .is_inline = json_is_true(json_object_get(request, "sync_mode"))};

    buf_char(&answer->json, '{');
    for (size_t i = 0; i < json_array_size(result.shown); i++)
        add_named(answer, &result, i);
    add_fields(answer, &result, fields);
    add_asked(answer, fields, request);
    buf_char(&answer->json, '}');
    json_decref(request);
    json_decref(whole);
    json_decref(kept);
}

// The queue.

// "fal-ai/flux" of "fal-ai/flux/dev"
static size_t app_len(const char *model)
{
    return strlen(ROOT) + strcspn(model + strlen(ROOT), "/");
}

static void add_link(const struct task *task, const char *name, const char *behind,
                     struct buf *json)
{
    struct buf link = {0};

    if (task->links != NULL && task->links->api != NULL)
        buf_str(&link, task->links->api);
    buf_str(&link, QUEUE ROOT);
    if (task->model != NULL && strncmp(task->model, ROOT, strlen(ROOT)) == 0) {
        char *app = mem_strn(task->model + strlen(ROOT), app_len(task->model) - strlen(ROOT));

        buf_percent(&link, app);
        free(app);
    }
    buf_fmt(&link, "/requests/%s%s", task->id, behind);
    add_name(json, name);
    buf_json_str(json, link.data);
    buf_clear(&link);
}

static void render_queued(const struct task *task, int64_t waiting, struct buf *json)
{
    bool is_queued = task->phase < TASK_RENDERING;

    buf_fmt(json, "{\"status\":\"%s\"",
            task_is_terminal(task->phase) ? "COMPLETED"
            : is_queued                   ? "IN_QUEUE"
                                          : "IN_PROGRESS");
    if (is_queued)
        buf_fmt(json, ",\"queue_position\":%lld", (long long)waiting);
    buf_fmt(json, ",\"request_id\":\"%s\"", task->id);
    add_link(task, "response_url", "", json);
    add_link(task, "status_url", "/status", json);
    add_link(task, "cancel_url", "/cancel", json);
    buf_char(json, '}');
}

static void render_status(const struct task *task, struct buf *json)
{
    render_queued(task, 0, json);
}

static void render_cancel(const struct task *task, struct buf *json)
{
    (void)task;
    buf_str(json, "{\"status\":\"CANCELLATION_REQUESTED\"}");
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)is_repeated;
    render_queued(task, waiting, json);
}

// Errors.

// ["body","image_urls",0]
static json_t *loc_of(const char *path, size_t len)
{
    json_t *loc = json_pack("[s]", "body");

    while (len > 0) {
        size_t part = strcspn(path, ".:");

        if (strspn(path, "0123456789") == part)
            json_array_append_new(loc, json_integer(strtol(path, NULL, 10)));
        else
            json_array_append_new(loc, json_stringn(path, part));
        len -= part;
        path += part;
        len -= len > 0;
        path++;
    }
    return loc;
}

// What is wrong as fal says it: of a field, or, with no field to name, of the prompt.
static json_t *detail_of(const char *code, const char *message)
{
    bool is_filter = strcmp(code, "content_filter") == 0;
    size_t len = strspn(message, "abcdefghijklmnopqrstuvwxyz_.0123456789");
    bool has_field = len > 0 && strncmp(message + len, ": ", 2) == 0;
    const char *why = has_field ? message + len + 2 : message;

    if (!is_filter && !(has_field && strcmp(code, "invalid_request") == 0))
        return json_string(message);
    return json_pack("[{s:o,s:s,s:s}]", "loc",
                     has_field ? loc_of(message, len) : loc_of("prompt", strlen("prompt")), "msg",
                     why, "type",
                     is_filter                         ? "content_policy_violation"
                     : strcmp(why, "is required") == 0 ? "missing"
                                                       : "value_error");
}

// Adds to the envelope what fal's clients look for.
static void add_detail(struct buf *json, const char *code, const char *message)
{
    json_t *detail = detail_of(code, message);

    json->data[--json->len] = '\0'; // the closing brace
    add_member(json, "detail", detail);
    buf_char(json, '}');
    json_decref(detail);
}

static int refuse(const struct err *err, struct buf *json)
{
    int status = family_refuse_envelope(err, json);

    add_detail(json, err_name(err->code), err->message);
    return status;
}

// fal's clients send again what ends with 502 or 504, whatever it has cost: but not after a 500,
// with which fal itself says that a job has failed.
static int refuse_ended(const struct task *task, struct buf *json)
{
    int status = family_refuse_ended(task, json);

    add_detail(json, task->error_code == NULL ? "" : task->error_code, family_reason(task));
    return status == 502 || status == 504 ? SERVER_ERROR : status;
}

static int result(const struct task *task, struct family_answer *answer)
{
    if (task->phase != TASK_SUCCEEDED)
        return refuse_ended(task, &answer->json);
    write_whole(task, answer);
    return 200;
}

static void render_callback(const struct task *task, struct buf *json)
{
    json_t *made = family_result(task);
    bool is_video = *family_link(made, "video") != '\0';

    family_render_media_callback(task, !is_video, json);
    json_decref(made);
}

const struct family family_fal = {
    .name = "fal",
    .media = MEDIA_IMAGE,
    .routes = routes,
    .takes_key_scheme = true,
    .accept = accept,
    .accepted = accepted,
    .result = result,
    .id_header = "X-Fal-Request-Id",
    .unfinished = "Request is still in progress", // as fal says it
    .render = render_status,
    .render_callback = render_callback,
    .word = family_openai_word,
    .aliases = aliases,
    .refuse = refuse,
    .title = "fal's models",
    .accepted_schema = queued,
    .shown_schema = queued,
    .refused_schema = refused,
};
