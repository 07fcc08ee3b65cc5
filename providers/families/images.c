// The public /v1/images dialect: OpenAI's Images API (openai-node src/resources/images.ts), with
// the fields of other vendors' models beside OpenAI's own.
//
// A kept request has what the client sent, in one form: `images` is the list of references, each a
// text (of image, image[], image_input, images), `mask` a text; what forms say in text is a number
// or a bool. Which fields a model takes is its provider's to check. The answer is made of what is
// left of the request: `response_format` and `stream` stay in it, whatever a provider makes of the
// rest. A provider tells of the images beside their files, in its outcome's extra: `background`,
// `output_format`, `quality`, `size`, `usage`, and `data`, for each source in turn an object with
// what belongs to it (revised_prompt).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/media_type.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/family.h"
#include "providers/family_common.h"
#include "providers/picture.h"

enum {
    MAX_PROMPT = 131072, // bytes of as many characters as the most patient model reads
    MAX_NAME = 128,
    MAX_WORD = 64,
    MAX_USER = 512,
    MAX_N = 15,
    MAX_IMAGES = 16,
    MAX_PARTIAL = 3,
    HEAD_CHARS = 262144, // of base64, that are decoded to see what it is
};

static const char generate[] = "generate", edit[] = "edit", variation[] = "variation";

static const struct field_rule model_rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .is_required = true, .max = MAX_NAME},
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .is_required = true,
     .min = 1,
     .max = MAX_PROMPT,
     .about = "What is to be seen, or to become of the images."},
    {0},
};

static const struct field_rule variation_rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .max = MAX_NAME, .about = "The default is dall-e-2."},
    {0},
};

static const struct field_rule option_rules[] = {
    // How many at most is the model's to say; MAX_N is for those that nobody knows.
    {.path = "n", .kind = FIELD_COUNT, .min = 1},
    {.path = "n", .kind = FIELD_COUNT, .min = 1, .max = MAX_N, .about = "How many images."},
    {.path = "size",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "As in 1024x1024; which there are is the model's."},
    {.path = "quality", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "style", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "background", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "output_format", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "output_compression", .kind = FIELD_COUNT, .min = 0, .max = 100},
    {.path = "moderation", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "input_fidelity", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "resolution", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "watermark", .kind = FIELD_FLAG},
    {.path = "sequential_image_generation",
     .kind = FIELD_WORD,
     .words = (const char *const[]){"auto", "disabled", NULL},
     .about = "Whether the images are to belong together."},
    {.path = "sequential_image_generation_options", .kind = FIELD_OBJECT},
    {.path = "optimize_prompt_options", .kind = FIELD_OBJECT},
    {.path = "response_format",
     .kind = FIELD_WORD,
     .words = (const char *const[]){"url", "b64_json", NULL},
     .about = "The default is url. Some models refuse it."},
    {.path = "stream", .kind = FIELD_FLAG, .about = "Answer with a stream of events."},
    {.path = "partial_images",
     .kind = FIELD_COUNT,
     .min = 0,
     .max = MAX_PARTIAL,
     .about = "With stream only. There may be none."},
    {.path = "user", .kind = FIELD_TEXT, .max = MAX_USER},
    {0},
};

// accept checks what they may be.
static const struct field_rule reference_rules[] = {
    {.path = "image",
     .kind = FIELD_ANY,
     .about = "A reference, or a list of them: links, base64, or files of a form."},
    {.path = "image[]", .kind = FIELD_ANY, .about = "The same as image."},
    {.path = "image_input", .kind = FIELD_ANY, .about = "The same as image."},
    {.path = "images", .kind = FIELD_ANY, .about = "The same; items may be {image_url}, too."},
    {.path = "mask", .kind = FIELD_ANY, .about = "Of an edit: a link or base64, or {image_url}."},
    {0},
};

// Names of references, in the order in which these are kept.
static const char *const reference_names[] = {"image", "image[]", "image_input", "images", NULL};

// Models whose pages take references as links alone, and in image_input alone, where images are
// made.
static const char *const link_models[] = {"nano-banana-pro", NULL};

static const char shown[] =
    "{'type':'object','required':['created','data'],'properties':{"
    "'created':{'type':'integer','description':'Unix seconds.'},"
    "'data':{'type':'array','items':{'type':'object','properties':{'url':{'type':'string'},"
    "'b64_json':{'type':'string'},'revised_prompt':{'type':'string'}}}},"
    "'background':{'type':'string'},'output_format':{'type':'string'},"
    "'quality':{'type':'string'},'size':{'type':'string'},'usage':{'type':'object'}}}";

static const struct route routes[] = {
    {"POST", "/v1/images/generations", ROUTE_RESULT, generate,
     .rules = FIELD_RULES(model_rules, option_rules, reference_rules, family_hook_rules),
     .summary = "Make images and wait for them",
     .example = "{'model':'gpt-image-2','prompt':'a lighthouse at dusk','size':'1024x1024',"
                "'quality':'low'}",
     .shown_schema = shown},
    {"POST", "/v1/images/edits", ROUTE_RESULT, edit,
     .rules = FIELD_RULES(model_rules, option_rules, reference_rules, family_hook_rules),
     .summary = "Make images of others and wait for them",
     .example = "{'model':'gpt-image-2','prompt':'the same at "
                "night','image':'data:image/png;base64," FAMILY_PNG "'}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/v1/images/variations", ROUTE_RESULT, variation,
     .rules = FIELD_RULES(variation_rules, option_rules, reference_rules, family_hook_rules),
     .summary = "Make images like another and wait for them",
     .example = "{'model':'dall-e-2','image':'data:image/png;base64," FAMILY_PNG "'}",
     .shown_schema = shown, .takes_files = true},
    {0},
};

static const struct family_alias aliases[] = {
    {"images", "image"},
    {"images", "image[]"},
    {"images", "image_input"},
    {"images.0", "image"},
    {"images.0", "image[]"},
    {"images.0", "image_input"},
    {0},
};

// Requests.

// Somebody else opens links.
static bool check_picture(const char *text, const char *path, struct err *err)
{
    const struct media_type *type;
    struct buf head = {0};
    bool ok;

    if (strncmp(text, "data:", 5) != 0 && strstr(text, "://") != NULL)
        return true;
    ok = field_is_base64(text) && picture_head(text, HEAD_CHARS, &head);
    type = media_type_of(buf_text(&head), head.len);
    ok = ok && type != NULL && strcmp(type->kind, "image") == 0;
    buf_clear(&head);
    return ok ||
           err_set(err, ERR_INVALID, "%s: must be a link to an image, or one in base64", path);
}

// The vendors lay the mask on the first image.
static bool check_mask(const json_t *images, const json_t *masks, struct err *err)
{
    const char *image = json_string_value(json_array_get(images, 0));
    const char *mask = json_string_value(json_array_get(masks, 0));

    return image == NULL || mask == NULL || picture_check_mask(image, mask, err);
}

// Adds a reference as a text: it is one, or {"image_url"}. What is left empty isn't there.
static bool add_reference(json_t *value, const char *path, json_t *images, struct err *err)
{
    static const struct field_rule source = {.kind = FIELD_SOURCE};
    char inner[MAX_NAME];

    if (field_is_empty(value))
        return true;
    snprintf(inner, sizeof inner, "%s%s", path, json_is_object(value) ? ".image_url" : "");
    if (json_is_object(value)) {
        json_t *link = json_object_get(value, "image_url");

        value = json_is_object(link) ? json_object_get(link, "url") : link;
        if (field_is_empty(value))
            return err_set(err, ERR_INVALID, "%s: is required", inner);
    }
    return field_check_value(value, &source, inner, err) &&
           check_picture(json_string_value(value), inner, err) &&
           json_array_append(images, value) == 0;
}

static bool add_references(const json_t *body, const char *name, json_t *images, struct err *err)
{
    json_t *value = json_object_get(body, name), *item;
    char path[MAX_NAME];
    size_t i;

    if (!json_is_array(value))
        return add_reference(value, name, images, err);
    json_array_foreach(value, i, item)
    {
        snprintf(path, sizeof path, "%s.%zu", name, i);
        if (!add_reference(item, path, images, err))
            return false;
    }
    return true;
}

// Reads them into `images`, which is empty.
static bool read_references(const json_t *body, const char *action, json_t *images, struct err *err)
{
    bool wants_image = strcmp(action, edit) == 0 || strcmp(action, variation) == 0;
    const char *named = NULL;

    for (size_t i = 0; reference_names[i] != NULL; i++) {
        size_t before = json_array_size(images);

        if (!add_references(body, reference_names[i], images, err))
            return false;
        if (json_array_size(images) > before)
            named = reference_names[i];
    }
    if (named == NULL)
        return !wants_image || err_set(err, ERR_INVALID, "image: is required");
    return json_array_size(images) <= MAX_IMAGES ||
           err_set(err, ERR_INVALID, "%s: at most %d images", named, (int)MAX_IMAGES);
}

// `images` are the body's references.
static bool check_links(const json_t *body, const char *action, const json_t *images,
                        struct err *err)
{
    static const struct field_rule link = {.kind = FIELD_LINK};
    const char *model = field_str_or_empty(body, "model");
    json_t *image;
    size_t i;

    if (strcmp(action, generate) != 0 || !adapter_is_one_of(model, link_models))
        return true;
    for (i = 0; reference_names[i] != NULL; i++)
        if (strcmp(reference_names[i], "image_input") != 0 &&
            !field_is_empty(json_object_get(body, reference_names[i])))
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", reference_names[i],
                           model);
    json_array_foreach(images, i, image)
    {
        if (!field_check_value(image, &link, "image_input", err))
            return false;
    }
    return true;
}

static bool read_mask(const json_t *body, json_t *masks, struct err *err)
{
    return add_reference(json_object_get(body, "mask"), "mask", masks, err);
}

// Forms know texts alone.
static void read_texts(json_t *request)
{
    static const char *const counts[] = {"n", "output_compression", "partial_images"};
    static const char *const flags[] = {"stream", "watermark"};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const char *text = field_str_or_empty(request, counts[i]);

        if (*text != '\0')
            json_object_set_new(request, counts[i], json_integer(strtol(text, NULL, 10)));
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        const char *text = field_str_or_empty(request, flags[i]);

        if (*text != '\0')
            json_object_set_new(request, flags[i], json_boolean(strcmp(text, "true") == 0));
    }
}

static json_t *normalise(const json_t *body, json_t *images, const json_t *masks)
{
    json_t *request = json_copy((json_t *)body);

    for (size_t i = 0; reference_names[i] != NULL; i++)
        json_object_del(request, reference_names[i]);
    json_object_del(request, "mask");
    if (json_array_size(images) > 0)
        json_object_set(request, "images", images);
    if (json_array_size(masks) > 0)
        json_object_set(request, "mask", json_array_get(masks, 0));
    read_texts(request);
    return request;
}

static bool check_stream(const json_t *request, struct err *err)
{
    return json_is_true(json_object_get(request, "stream")) ||
           !field_is_given(request, "partial_images") ||
           err_set(err, ERR_INVALID, "partial_images: only with stream");
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const char *action = request->route->action;
    const char *model = field_str_or_empty(request->body, "model");
    json_t *images = json_array(), *masks = json_array(), *kept = NULL;
    bool ok = family_check(request, err) && read_references(request->body, action, images, err) &&
              check_links(request->body, action, images, err) &&
              read_mask(request->body, masks, err) && check_mask(images, masks, err) &&
              family_read_hook(request->body, task, err);

    (void)once;
    if (ok) {
        kept = normalise(request->body, images, masks);
        ok = check_stream(kept, err);
    }
    if (ok) {
        mem_set_str(&task->model, *model == '\0' ? "dall-e-2" : model);
        mem_set_str(&task->action, action);
        task->cost = 1;
        json_object_set_new(kept, "model", json_string(task->model));
        family_set_request(task, kept);
        kept = NULL;
    }
    json_decref(images);
    json_decref(masks);
    json_decref(kept);
    return ok;
}

static bool wants_stream(const struct task *task)
{
    json_t *request = family_request_of(task);
    bool wants = json_is_true(json_object_get(request, "stream"));

    json_decref(request);
    return wants;
}

// Answers.

// The task's result as it is kept, with the keys of files, and as it is shown, with their links:
// both list the same artifacts.
struct result {
    json_t *kept, *shown;
};

static struct result result_of(const struct task *task)
{
    struct result result = {json_read(task->result), family_result_whole(task)};

    return result;
}

static void result_clear(struct result *result)
{
    json_decref(result->kept);
    json_decref(result->shown);
}

static void add_member(struct buf *json, const char *name, const json_t *value)
{
    char *text = value == NULL ? NULL : json_write_text(value);

    if (text != NULL) {
        buf_char(json, ',');
        buf_json_str(json, name);
        buf_char(json, ':');
        buf_str(json, text);
    }
    free(text);
}

// What is known of the images beside their files.
static void add_known(struct buf *json, const json_t *extra)
{
    static const char *const names[] = {"background", "output_format", "quality", "size", "usage"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_member(json, names[i], json_object_get(extra, names[i]));
}

static void add_url(struct buf *json, const json_t *artifact)
{
    buf_str(json, "\"url\":");
    buf_json_str(json, field_str_or_empty(artifact, "url"));
}

static void add_base64(struct family_answer *answer, const char *key)
{
    buf_str(&answer->json, "\"b64_json\":\"");
    family_add_file(answer, key);
    buf_char(&answer->json, '"');
}

// One image; `more` is what the provider tells of it. The file of one that we don't have can't be
// given but by its link.
static void add_image(struct family_answer *answer, const char *key, const json_t *artifact,
                      bool wants_base64, const json_t *more)
{
    const char *name;
    json_t *value;

    buf_char(&answer->json, '{');
    if (wants_base64 && *key != '\0')
        add_base64(answer, key);
    else
        add_url(&answer->json, artifact);
    json_object_foreach((json_t *)more, name, value) add_member(&answer->json, name, value);
    buf_char(&answer->json, '}');
}

static bool is_image(const json_t *artifact)
{
    return strcmp(field_str_or_empty(artifact, "kind"), "image") == 0;
}

static void add_images(struct family_answer *answer, const struct result *result, bool wants_base64)
{
    const json_t *kept = json_object_get(result->kept, "artifacts");
    const json_t *more = field_at(result->kept, "extra.data");
    const char *separator = "";
    json_t *artifact;
    size_t i, number = 0;

    json_array_foreach(json_object_get(result->shown, "artifacts"), i, artifact)
    {
        if (!is_image(artifact))
            continue;
        if (*field_str_or_empty(artifact, "url") != '\0') {
            buf_str(&answer->json, separator);
            add_image(answer, field_str_or_empty(json_array_get(kept, i), "key"), artifact,
                      wants_base64, json_array_get(more, number));
            separator = ",";
        }
        number++;
    }
}

static void write_whole(const struct task *task, const struct result *result, bool wants_base64,
                        struct family_answer *answer)
{
    buf_fmt(&answer->json, "{\"created\":%lld,\"data\":[", (long long)(task->finished_ms / 1000));
    add_images(answer, result, wants_base64);
    buf_char(&answer->json, ']');
    add_known(&answer->json, json_object_get(result->kept, "extra"));
    buf_char(&answer->json, '}');
}

// The first image that there is; its key goes to `key`. NULL: there is none.
static const json_t *first_image(const struct result *result, const char **key)
{
    json_t *artifact;
    size_t i;

    json_array_foreach(json_object_get(result->shown, "artifacts"), i, artifact)
    {
        if (!is_image(artifact) || *field_str_or_empty(artifact, "url") == '\0')
            continue;
        *key = field_str_or_empty(json_array_get(json_object_get(result->kept, "artifacts"), i),
                                  "key");
        return artifact;
    }
    return NULL;
}

// The event that ends a stream is about one image; `data` has the links of all.
static void write_event(const struct task *task, const struct result *result,
                        struct family_answer *answer)
{
    const char *key = "";
    const json_t *artifact = first_image(result, &key);

    answer->event =
        strcmp(task->action, edit) == 0 ? "image_edit.completed" : "image_generation.completed";
    buf_fmt(&answer->json, "{\"type\":\"%s\",\"created_at\":%lld,", answer->event,
            (long long)(task->finished_ms / 1000));
    if (*key != '\0') {
        add_base64(answer, key);
        buf_char(&answer->json, ',');
    }
    add_url(&answer->json, artifact);
    buf_str(&answer->json, ",\"data\":[");
    add_images(answer, result, false);
    buf_char(&answer->json, ']');
    add_known(&answer->json, json_object_get(result->kept, "extra"));
    buf_char(&answer->json, '}');
}

static int result(const struct task *task, struct family_answer *answer)
{
    struct result kept;
    json_t *request;

    if (task->phase != TASK_SUCCEEDED) {
        answer->event = "error";
        return family_refuse_ended(task, &answer->json);
    }
    kept = result_of(task);
    request = family_request_of(task);
    if (json_is_true(json_object_get(request, "stream")))
        write_event(task, &kept, answer);
    else
        write_whole(task, &kept,
                    strcmp(field_str_or_empty(request, "response_format"), "b64_json") == 0,
                    answer);
    json_decref(request);
    result_clear(&kept);
    return 200;
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, true, json);
}

const struct family family_images = {
    .name = "images",
    .media = MEDIA_IMAGE,
    .routes = routes,
    .accept = accept,
    .result = result,
    .wants_stream = wants_stream,
    .render_callback = render_callback,
    .word = family_openai_word,
    .aliases = aliases,
    .refuse = family_refuse_envelope,
    .title = "Images, as OpenAI has them",
    .refused_schema = family_envelope_schema,
};
