// Bodies for Wan: {"model","input":{…},"parameters":{…}}.
//
// Sources: Model Studio's pages on text to video, image to video, key frames and speech to video
// (DOC). What a row doesn't list isn't sent: DashScope ignores some of it, and refuses the rest.
#include "providers/wan_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/provider.h"
#include "providers/unified.h"

enum { MAX_SEED = 2147483647 };
enum { P480 = 1, P720 = 2, P1080 = 4 };

// The sizes of text to video. Of each lines' rows the first is the one that the lines alone mean.
static const struct size {
    int lines;
    unsigned bit;
    const char *ratio, *size, *resolution;
} sizes[] = {
    {480, P480, "16:9", "832*480", "480P"},      {480, P480, "9:16", "480*832", "480P"},
    {480, P480, "1:1", "624*624", "480P"},       {720, P720, "16:9", "1280*720", "720P"},
    {720, P720, "9:16", "720*1280", "720P"},     {720, P720, "1:1", "960*960", "720P"},
    {720, P720, "4:3", "1088*832", "720P"},      {720, P720, "3:4", "832*1088", "720P"},
    {1080, P1080, "16:9", "1920*1080", "1080P"}, {1080, P1080, "9:16", "1080*1920", "1080P"},
    {1080, P1080, "1:1", "1440*1440", "1080P"},  {1080, P1080, "4:3", "1632*1248", "1080P"},
    {1080, P1080, "3:4", "1248*1632", "1080P"},
};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

// What a kind of job is made from. Lists end with NULL.
static const struct form {
    const char *mark; // in the names of its models
    const char *path;
    const char *const *required; // of the input
    const char *const *media;    // of the input, beside what is required
    const char *const *texts;    // of the input
    const char *const *parameters;
    bool takes_links_only;
} forms[] = {
    {"t2v", "video-generation", (const char *const[]){"prompt", NULL},
     (const char *const[]){"audio_url", NULL}, (const char *const[]){"negative_prompt", NULL},
     (const char *const[]){"size", "duration", "prompt_extend", "watermark", "audio", "seed", NULL},
     false},
    {"i2v", "video-generation", (const char *const[]){"img_url", NULL},
     (const char *const[]){"audio_url", NULL},
     (const char *const[]){"prompt", "negative_prompt", "template", NULL},
     (const char *const[]){"resolution", "duration", "prompt_extend", "watermark", "audio", "seed",
                           NULL},
     false},
    {"kf2v", "image2video", (const char *const[]){"first_frame_url", NULL},
     (const char *const[]){"last_frame_url", NULL},
     (const char *const[]){"prompt", "negative_prompt", "template", NULL},
     (const char *const[]){"resolution", "prompt_extend", "watermark", "seed", NULL}, false},
    {"s2v", "image2video", (const char *const[]){"image_url", "audio_url", NULL},
     (const char *const[]){NULL}, (const char *const[]){NULL},
     (const char *const[]){"resolution", NULL}, true},
};
enum { T2V, I2V, KF2V, S2V, FORMS };

// The parts of an input that are pictures or sounds.
static const char *const media[] = {"img_url",   "first_frame_url", "last_frame_url",
                                    "image_url", "audio_url",       NULL};

static const struct model {
    const char *name;
    const struct form *form;
    unsigned sizes;
    bool has_sound;    // takes audio, and makes it
    int seconds[3];    // the least, the most, the step; no step: it makes what it makes
    int fixed_seconds; // always; 0: `seconds` are asked for
    size_t prompt_characters;
} models[] = {
    {"wan2.6-t2v", &forms[T2V], P480 | P720 | P1080, true, {2, 15, 1}, 0, 1500},
    {"wan2.5-t2v-preview", &forms[T2V], P480 | P720 | P1080, true, {5, 10, 5}, 0, 1500},
    {"wan2.2-t2v-plus", &forms[T2V], P480 | P1080, false, {0}, 5, 800},
    {"wan2.5-i2v-preview", &forms[I2V], P480 | P720 | P1080, true, {5, 10, 5}, 0, 1500},
    {"wan2.2-i2v-plus", &forms[I2V], P480 | P1080, false, {0}, 5, 800},
    {"wan2.2-i2v-flash", &forms[I2V], P480 | P720 | P1080, false, {0}, 5, 800},
    {"wan2.2-kf2v-flash", &forms[KF2V], P480 | P720 | P1080, false, {0}, 5, 800},
    {"wan2.2-s2v", &forms[S2V], P480 | P720, true, {0}, 0, 0},
    {"wan2.1-t2v-plus", &forms[T2V], P720, false, {0}, 5, 800},
    {"wan2.1-i2v-plus", &forms[I2V], P720, false, {0}, 5, 800},
};

// Names of the open weights, and what DashScope has instead of them.
static const struct {
    const char *open, *name;
} open_names[] = {
    {"wan-ai/wan2.1-t2v-14b", "wan2.1-t2v-plus"},
    {"wan-ai/wan2.1-i2v-14b-720p", "wan2.1-i2v-plus"},
};

static bool is_listed(const char *const *list, const char *text)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, text) == 0)
            return true;
    return false;
}

static const char *closed_name(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof open_names / sizeof open_names[0]; i++)
        if (strcmp(open_names[i].open, name) == 0)
            return open_names[i].name;
    return name;
}

// A name may have its date at the end. NULL: we don't know the model.
static const struct model *model_named(const char *name)
{
    name = closed_name(name);
    for (size_t i = 0; name != NULL && i < sizeof models / sizeof models[0]; i++) {
        size_t len = strlen(models[i].name);

        if (strncmp(models[i].name, name, len) == 0 &&
            (name[len] == '\0' ||
             (name[len] == '-' && strspn(name + len + 1, "0123456789-") == strlen(name + len + 1))))
            return &models[i];
    }
    return NULL;
}

// By the account's name of the model, else by the client's.
static const struct model *model_of(const struct task *task, const struct account *account)
{
    const struct model *model = model_named(provider_model(account, task->model));

    return model != NULL ? model : model_named(task->model);
}

// What a model that we don't know makes videos from, by its name; NULL: its name doesn't say it.
static const struct form *form_named(const char *name)
{
    const struct model *model = model_named(name);

    if (model != NULL)
        return model->form;
    for (size_t i = 0; name != NULL && i < FORMS; i++) {
        const char *mark = strstr(name, forms[i].mark);

        if (mark != NULL && mark > name && strchr("-/._", mark[-1]) != NULL)
            return &forms[i];
    }
    return NULL;
}

const char *wan_body_model(const struct task *task, const struct account *account)
{
    return closed_name(provider_model(account, task->model));
}

const char *wan_body_path(const struct task *task, const struct account *account)
{
    const struct model *model = model_of(task, account);
    const struct form *form =
        model != NULL ? model->form : form_named(provider_model(account, task->model));

    if (form == NULL)
        form = form_named(task->model);
    return form == NULL ? forms[T2V].path : form->path;
}

bool wan_body_sends_prompt(const struct task *task, const struct account *account)
{
    const struct model *model = model_of(task, account);

    return model == NULL || is_listed(model->form->required, "prompt") ||
           is_listed(model->form->texts, "prompt");
}

int wan_body_lines(const char *size)
{
    for (size_t i = 0; i < SIZES; i++)
        if (strcmp(sizes[i].size, size) == 0 || strcmp(sizes[i].resolution, size) == 0)
            return sizes[i].lines;
    return 0;
}

// To DashScope.

static void keep(json_t *object, const char *const *const *lists)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, name, value)
    {
        bool is_kept = false;

        for (size_t i = 0; lists[i] != NULL; i++)
            is_kept |= is_listed(lists[i], name);
        if (!is_kept)
            json_object_del(object, name);
    }
}

// Base64 alone becomes a data URL.
static void make_urls(json_t *input)
{
    for (size_t i = 0; media[i] != NULL; i++) {
        const char *value = json_string_value(json_object_get(input, media[i]));
        struct buf url = {0};

        if (value == NULL || strncmp(value, "data:", 5) == 0 || !field_is_base64(value))
            continue;
        unified_add_image_url(value, &url);
        json_object_set_new(input, media[i], json_string(url.data));
        buf_clear(&url);
    }
}

// Text to video has a size where the page has lines.
static void name_size(json_t *parameters)
{
    const char *resolution = field_str_or_empty(parameters, "resolution");

    for (size_t i = 0; i < SIZES && !field_is_given(parameters, "size"); i++)
        if (strcmp(sizes[i].resolution, resolution) == 0)
            json_object_set_new(parameters, "size", json_string(sizes[i].size));
}

json_t *wan_body_of(const struct task *task, const struct account *account, json_t *request)
{
    static const char *const parts[] = {"model", "input", "parameters", NULL};
    const struct model *model = model_of(task, account);
    json_t *input = json_object_get(request, "input");
    json_t *parameters = json_object_get(request, "parameters");

    keep(request, (const char *const *const[]){parts, NULL});
    make_urls(input);
    if (model != NULL && model->form == &forms[T2V])
        name_size(parameters);
    if (model != NULL) {
        const struct form *form = model->form;

        keep(input, (const char *const *const[]){form->required, form->media, form->texts, NULL});
        keep(parameters, (const char *const *const[]){form->parameters, NULL});
    }
    if (model != NULL && model->fixed_seconds > 0)
        json_object_del(parameters, "duration");
    if (model != NULL && !model->has_sound)
        json_object_del(parameters, "audio");
    if (json_object_size(parameters) == 0)
        json_object_del(request, "parameters");
    json_object_set_new(request, "model", json_string(wan_body_model(task, account)));
    return request;
}

const char *const *wan_body_linked_fields(const struct task *task)
{
    static const char *const fields[] = {"input.image_url", "input.audio_url", NULL};
    const struct form *form = form_named(task->model);

    return form != NULL && form->takes_links_only ? fields : NULL;
}

// Checks.

static bool missing(const char *name, const char *model, struct err *err)
{
    return err_set(err, ERR_INVALID, "input.%s: is required by %.60s", name, model);
}

// Whether the model has a place for this part of the input.
static bool takes(const struct model *model, const char *name)
{
    return is_listed(model->form->required, name) ||
           (is_listed(model->form->media, name) &&
            (model->has_sound || strcmp(name, "audio_url") != 0));
}

static bool check_input(const struct model *model, const json_t *input, const char *name,
                        struct err *err)
{
    static const struct field_rule file = {.kind = FIELD_MEDIA};
    const struct form *form = model->form;
    char path[64];

    for (size_t i = 0; form->required[i] != NULL; i++)
        if (!field_is_given(input, form->required[i]))
            return missing(form->required[i], name, err);
    if (form == &forms[KF2V] && !field_is_given(input, "last_frame_url") &&
        !field_is_given(input, "template"))
        return missing("last_frame_url", name, err);
    for (size_t i = 0; media[i] != NULL; i++) {
        const json_t *value = field_at(input, media[i]);

        if (value == NULL)
            continue;
        if (!takes(model, media[i]))
            return err_set(err, ERR_INVALID, "input.%s: is not supported by %.60s", media[i], name);
        snprintf(path, sizeof path, "input.%s", media[i]);
        if (form->takes_links_only && !field_check_value(value, &file, path, err))
            return false;
    }
    return true;
}

static bool check_texts(const struct model *model, const json_t *input, struct err *err)
{
    const struct {
        const char *name;
        size_t max;
    } texts[] = {{"prompt", model->prompt_characters}, {"negative_prompt", 500}};

    for (size_t i = 0; i < 2 && model->prompt_characters > 0; i++)
        if (adapter_characters(field_str_or_empty(input, texts[i].name)) > texts[i].max)
            return err_set(err, ERR_INVALID, "input.%s: is longer than %zu characters",
                           texts[i].name, texts[i].max);
    return true;
}

// One of the model's sizes, as `parameters.size` or `parameters.resolution` names them.
static bool check_size(const struct model *model, const json_t *parameters, const char *field,
                       struct err *err)
{
    const char *words[SIZES + 1] = {NULL}, *last = "";
    const struct field_rule rule = {.kind = FIELD_WORD, .words = words};
    bool is_size = strcmp(field, "size") == 0;
    const json_t *value = field_at(parameters, field);
    size_t count = 0;
    char path[64];

    for (size_t i = 0; i < SIZES; i++) {
        const char *word = is_size ? sizes[i].size : sizes[i].resolution;

        if ((model->sizes & sizes[i].bit) != 0 && strcmp(word, last) != 0)
            words[count++] = last = word;
    }
    snprintf(path, sizeof path, "parameters.%s", field);
    return value == NULL || field_check_value(value, &rule, path, err);
}

static bool check_seconds(const struct model *model, const json_t *parameters, const char *name,
                          struct err *err)
{
    int64_t seconds = field_int_or(parameters, "duration", -1);
    const int *may = model->seconds;

    if (field_at(parameters, "duration") == NULL)
        return true;
    if (model->fixed_seconds > 0)
        return seconds == model->fixed_seconds ||
               err_set(err, ERR_INVALID, "parameters.duration: %.60s makes %d seconds", name,
                       model->fixed_seconds);
    if (may[2] == 0 || (seconds >= may[0] && seconds <= may[1] && (seconds - may[0]) % may[2] == 0))
        return true;
    if (may[2] > 1)
        return err_set(err, ERR_INVALID, "parameters.duration: must be %d or %d", may[0], may[1]);
    return err_set(err, ERR_INVALID, "parameters.duration: must be from %d to %d", may[0], may[1]);
}

static bool check_body(const struct model *model, const json_t *body, const char *name,
                       struct err *err)
{
    static const struct field_rule rules[] = {
        {.path = "parameters.seed", .kind = FIELD_INT, .min = 0, .max = MAX_SEED}, {0}};
    const json_t *input = field_at(body, "input"), *parameters = field_at(body, "parameters");

    return check_input(model, input, name, err) && check_texts(model, input, err) &&
           (model->form != &forms[T2V] || check_size(model, parameters, "size", err)) &&
           check_size(model, parameters, "resolution", err) &&
           check_seconds(model, parameters, name, err) && field_check(body, rules, err);
}

bool wan_body_check(const struct task *task, const struct account *account, struct err *err)
{
    const struct model *model = model_of(task, account);
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL && (model == NULL || check_body(model, body, task->model, err));

    json_decref(body);
    return ok;
}

// From the unified form.

// "832x480" as it is; NULL where it isn't one of Wan's sizes.
static const struct size *size_named(const char *asked)
{
    for (size_t i = 0; i < SIZES; i++) {
        size_t width = strcspn(sizes[i].size, "*");

        if (strlen(asked) == strlen(sizes[i].size) && strncmp(sizes[i].size, asked, width) == 0 &&
            strchr("xX*", asked[width]) != NULL &&
            strcmp(sizes[i].size + width + 1, asked + width + 1) == 0)
            return &sizes[i];
    }
    return NULL;
}

static const struct size *size_like(const char *ratio, int lines)
{
    for (size_t i = 0; i < SIZES; i++)
        if (sizes[i].lines == lines && strcmp(sizes[i].ratio, ratio) == 0)
            return &sizes[i];
    return NULL;
}

// Sets the size of text to video. `lines`: those that are meant where nobody says them.
static bool set_size(const json_t *request, json_t *parameters, int lines, struct err *err)
{
    bool is_by_size = !field_is_given(request, "aspect_ratio");
    const struct size *size = is_by_size ? size_named(field_str_or_empty(request, "size")) : NULL;
    struct unified_frame frame;

    if (size == NULL && !unified_read_frame(request, &frame, err))
        return false;
    if (size == NULL && *frame.ratio == '\0' && frame.lines == 0)
        return true;
    if (size == NULL)
        size = size_like(*frame.ratio == '\0' ? "16:9" : frame.ratio,
                         frame.lines > 0 ? frame.lines : lines);
    if (size == NULL)
        return err_set(err, ERR_INVALID, "%s: isn't one that Wan makes",
                       is_by_size ? "size" : "aspect_ratio");
    json_object_set_new(parameters, "size", json_string(size->size));
    return true;
}

// A video that begins with a picture has the picture's ratio: only the lines are asked for.
static bool set_resolution(const json_t *request, json_t *parameters, struct err *err)
{
    char resolution[16];
    struct unified_frame frame;
    const char *size = field_str_or_empty(request, "size");
    json_t *lines = json_object();
    bool ok;

    json_object_set_new(lines, "size", json_string(size));
    ok = unified_read_frame(lines, &frame, err);
    json_decref(lines);
    snprintf(resolution, sizeof resolution, "%dP", frame.lines);
    if (ok && frame.lines > 0)
        json_object_set_new(parameters, "resolution", json_string(resolution));
    return ok;
}

// One image is the first frame, two are the first and the last.
static bool set_images(const struct form *form, const json_t *images, const char *model,
                       json_t *input, struct err *err)
{
    static const struct {
        const struct form *form;
        const char *names[2];
        size_t count;
    } places[] = {
        {&forms[T2V], {NULL, NULL}, 0},
        {&forms[I2V], {"img_url", NULL}, 1},
        {&forms[KF2V], {"first_frame_url", "last_frame_url"}, 2},
    };
    size_t count = json_array_size(images), row = 0;
    struct buf url = {0};

    if (form == &forms[S2V])
        return err_set(err, ERR_INVALID, "model: %.60s needs a voice, which has no field here",
                       model);
    while (places[row].form != form)
        row++;
    if (count != places[row].count)
        return places[row].count == 0
                   ? err_set(err, ERR_INVALID, "images: is not supported by %.60s", model)
                   : err_set(err, ERR_INVALID, "images: %.60s takes %zu", model, places[row].count);
    for (size_t i = 0; i < count; i++) {
        buf_reset(&url);
        unified_add_image_url(json_string_value(json_array_get(images, i)), &url);
        json_object_set_new(input, places[row].names[i], json_string(buf_text(&url)));
    }
    buf_clear(&url);
    return true;
}

static const struct form *form_by_images(size_t count)
{
    return &forms[count == 0 ? T2V : count == 1 ? I2V : KF2V];
}

static void set_texts(const json_t *request, json_t *input)
{
    static const char *const names[] = {"prompt", "negative_prompt", NULL};

    for (size_t i = 0; names[i] != NULL; i++)
        if (field_is_given(request, names[i]))
            json_object_set(input, names[i], field_at(request, names[i]));
}

static void set_duration(const json_t *request, json_t *parameters)
{
    const json_t *duration = field_at(request, "duration");
    const char *text = json_string_value(duration);

    if (json_is_integer(duration) || (text != NULL && *text != '\0'))
        json_object_set_new(
            parameters, "duration",
            json_integer(text == NULL ? json_integer_value(duration) : strtol(text, NULL, 10)));
}

// What the client asked for stays beside it, to be shown.
bool wan_body_from_unified(struct task *task, struct err *err)
{
    static const char *const absent[] = {"storyboard", NULL};
    json_t *request = json_read(task->request);
    json_t *images = unified_images(request), *input = json_object(), *parameters = json_object();
    const struct model *model = model_named(task->model);
    const struct form *form = form_named(task->model);
    int lines = model != NULL && (model->sizes & P1080) == 0 ? 720 : 1080;
    bool ok;

    if (form == NULL)
        form = form_by_images(json_array_size(images));
    ok = unified_check_absent(request, absent, task->model, err) &&
         set_images(form, images, task->model, input, err) &&
         (form == &forms[T2V] ? set_size(request, parameters, lines, err)
                              : set_resolution(request, parameters, err));
    if (ok) {
        set_texts(request, input);
        set_duration(request, parameters);
        json_object_set(request, "input", input);
        if (json_object_size(parameters) > 0)
            json_object_set(request, "parameters", parameters);
        json_object_del(request, "images");
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    json_decref(images);
    json_decref(input);
    json_decref(parameters);
    return ok;
}
