// Bodies for MiniMax, of both generations: v1 has a field for each thing, v2 a list of what the
// video is made from.
//
// Sources: platform.minimax.io's pages on text, image and subject to video (DOC), and on video
// generation v2 (DOC2). v1 ignores fields that it doesn't know: a wrong name would fail silently.
#include "providers/minimax_body.h"

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

enum { V1_PROMPT_CHARACTERS = 2000 };

// What videos are made from, beside a prompt.
enum { TEXT = 1, FIRST = 2, LAST = 4, SUBJECT = 8 };

static const struct picture {
    const char *field;
    int bit;
} pictures[] = {
    {"first_frame_image", FIRST},
    {"last_frame_image", LAST},
    {"subject_reference", SUBJECT},
};
enum { PICTURES = sizeof pictures / sizeof pictures[0] };

// Words for a number of lines. Of a model's words the first is what is asked for by default, where
// `is_default`. Ends with NULL.
struct resolution {
    const char *word;
    int lines;
    bool is_default;
};
static const struct resolution hailuo_02[] = {
    {"768P", 768, true}, {"768P", 720, false}, {"512P", 512, false}, {"1080P", 1080, false}, {0}};
static const struct resolution hailuo_23[] = {
    {"768P", 768, true}, {"768P", 720, false}, {"1080P", 1080, false}, {0}};
static const struct resolution first_ones[] = {{"720P", 720, false}, {0}};
static const struct resolution h3[] = {
    {"768P", 768, false}, {"768P", 720, false}, {"2K", 1440, false}, {"2K", 1080, false}, {0}};

static const struct model {
    const char *name;
    bool is_prefix; // newer ones of the name are like it
    bool is_v2;
    int made_from;
    const struct resolution *resolutions;
    int seconds[3];      // the least, the most, the step
    int default_seconds; // 0: the vendor's
} models[] = {
    {"MiniMax-Hailuo-2.3", false, false, TEXT | FIRST, hailuo_23, {6, 10, 4}, 6},
    {"MiniMax-Hailuo-2.3-Fast", false, false, FIRST, hailuo_23, {6, 10, 4}, 6},
    {"MiniMax-Hailuo-02", false, false, TEXT | FIRST | LAST, hailuo_02, {6, 10, 4}, 6},
    {"T2V-01", false, false, TEXT, first_ones, {6, 6, 1}, 0},
    {"T2V-01-Director", false, false, TEXT, first_ones, {6, 6, 1}, 0},
    {"I2V-01", false, false, FIRST, first_ones, {6, 6, 1}, 0},
    {"I2V-01-Director", false, false, FIRST, first_ones, {6, 6, 1}, 0},
    {"I2V-01-live", false, false, FIRST, first_ones, {6, 6, 1}, 0},
    {"S2V-01", false, false, SUBJECT, first_ones, {6, 6, 1}, 0},
    {"MiniMax-H3", true, true, TEXT | FIRST | LAST, h3, {4, 15, 1}, 0},
};

// Names that MiniMax has no more, and what it has instead.
static const struct {
    const char *old, *name;
} successors[] = {
    {"video-01", "MiniMax-Hailuo-02"},
    {"video-01-live2d", "I2V-01-live"},
};

static const char *successor_of(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof successors / sizeof successors[0]; i++)
        if (strcmp(successors[i].old, name) == 0)
            return successors[i].name;
    return name;
}

// NULL: we don't know the model.
static const struct model *model_named(const char *name)
{
    name = successor_of(name);
    for (size_t i = 0; name != NULL && i < sizeof models / sizeof models[0]; i++)
        if (models[i].is_prefix ? strncmp(models[i].name, name, strlen(models[i].name)) == 0
                                : strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

// By the account's name of the model, else by the client's.
static const struct model *model_of(const struct task *task, const struct account *account)
{
    const struct model *model = model_named(provider_model(account, task->model));

    return model != NULL ? model : model_named(task->model);
}

const char *minimax_body_model(const struct task *task, const struct account *account)
{
    return successor_of(provider_model(account, task->model));
}

bool minimax_body_is_v2(const struct task *task, const struct account *account)
{
    const struct model *model = model_of(task, account);

    return model != NULL && model->is_v2;
}

// To MiniMax.

static void keep(json_t *object, const char *const *names)
{
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, name, value)
    {
        bool is_kept = false;

        for (size_t i = 0; names[i] != NULL; i++)
            is_kept |= strcmp(names[i], name) == 0;
        if (!is_kept)
            json_object_del(object, name);
    }
}

// Base64 alone becomes a data URL.
static json_t *url_of(const char *image)
{
    struct buf url = {0};
    json_t *text;

    unified_add_image_url(image, &url);
    text = json_string(buf_text(&url));
    buf_clear(&url);
    return text;
}

static void make_urls(json_t *body)
{
    json_t *subject, *image;
    size_t i, k;

    for (i = 0; i < PICTURES; i++) {
        const char *given = json_string_value(json_object_get(body, pictures[i].field));

        if (given != NULL)
            json_object_set_new(body, pictures[i].field, url_of(given));
    }
    json_array_foreach(json_object_get(body, "subject_reference"), i, subject)
    {
        json_t *images = json_object_get(subject, "image");

        json_array_foreach(images, k, image) if (json_is_string(image))
            json_array_set_new(images, k, url_of(json_string_value(image)));
    }
}

static void set_defaults(const struct model *model, json_t *body)
{
    if (model->default_seconds > 0 && !field_is_given(body, "duration"))
        json_object_set_new(body, "duration", json_integer(model->default_seconds));
    if (model->resolutions->is_default && !field_is_given(body, "resolution"))
        json_object_set_new(body, "resolution", json_string(model->resolutions->word));
}

static json_t *v1_body(const struct model *model, json_t *request)
{
    static const char *const names[] = {
        "model",    "prompt",     "first_frame_image", "last_frame_image",  "subject_reference",
        "duration", "resolution", "prompt_optimizer",  "fast_pretreatment", "aigc_watermark",
        NULL};

    keep(request, names);
    make_urls(request);
    if (model != NULL)
        set_defaults(model, request);
    return request;
}

static json_t *v2_body(json_t *request)
{
    static const char *const names[] = {"model", "content",        "duration", "resolution",
                                        "ratio", "aigc_watermark", NULL};
    static const char *const roles[][2] = {{"first_frame_image", "first_frame"},
                                           {"last_frame_image", "last_frame"}};
    const char *prompt = field_str_or_empty(request, "prompt");
    json_t *content = json_array();

    make_urls(request);
    if (*prompt != '\0')
        json_array_append_new(content, json_pack("{s:s,s:s}", "type", "text", "text", prompt));
    for (size_t i = 0; i < 2; i++) {
        json_t *image = json_object_get(request, roles[i][0]);

        if (image != NULL)
            json_array_append_new(content,
                                  json_pack("{s:s,s:{s:O},s:s}", "type", "image_url", "image_url",
                                            "url", image, "role", roles[i][1]));
    }
    // Of text alone it wants to know the shape (DOC2); else that of the frames counts.
    if (json_array_size(content) == (size_t)(*prompt != '\0') && !field_is_given(request, "ratio"))
        json_object_set_new(request, "ratio", json_string("16:9"));
    json_object_set_new(request, "content", content);
    keep(request, names);
    return request;
}

json_t *minimax_body_of(const struct task *task, const struct account *account, json_t *request)
{
    const struct model *model = model_of(task, account);

    request = model != NULL && model->is_v2 ? v2_body(request) : v1_body(model, request);
    json_object_set_new(request, "model", json_string(minimax_body_model(task, account)));
    return request;
}

// Checks.

static int characters_of(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool check_subject(const struct model *model, const json_t *body, const char *name,
                          struct err *err)
{
    bool has_pictures = false;

    for (size_t i = 0; i < PICTURES; i++) {
        bool is_given = !field_is_empty(field_at(body, pictures[i].field));

        if (is_given && (model->made_from & pictures[i].bit) == 0)
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", pictures[i].field,
                           name);
        if (!is_given && model->made_from == pictures[i].bit)
            return err_set(err, ERR_INVALID, "%s: is required by %.60s", pictures[i].field, name);
        has_pictures |= is_given;
    }
    if (!model->is_v2 && characters_of(field_str_or_empty(body, "prompt")) > V1_PROMPT_CHARACTERS)
        return err_set(err, ERR_INVALID, "prompt: is longer than %d characters",
                       (int)V1_PROMPT_CHARACTERS);
    return has_pictures || field_is_given(body, "prompt") ||
           err_set(err, ERR_INVALID, "prompt: is required");
}

static bool check_resolution(const struct model *model, const json_t *body, struct err *err)
{
    const char *words[8] = {NULL};
    const struct field_rule rules[] = {{.path = "resolution", .kind = FIELD_WORD, .words = words},
                                       {0}};
    size_t count = 0;

    for (const struct resolution *one = model->resolutions; one->word != NULL; one++)
        if (count == 0 || strcmp(words[count - 1], one->word) != 0)
            words[count++] = one->word;
    return field_check(body, rules, err);
}

static bool check_seconds(const struct model *model, const json_t *body, struct err *err)
{
    int64_t seconds = field_int_or(body, "duration", -1);
    const int *may = model->seconds;

    if (!field_is_given(body, "duration"))
        return true;
    if (seconds < may[0] || seconds > may[1] || (seconds - may[0]) % may[2] != 0)
        return may[0] == may[1] ? err_set(err, ERR_INVALID, "duration: must be %d", may[0])
               : may[2] > 1
                   ? err_set(err, ERR_INVALID, "duration: must be %d or %d", may[0], may[1])
                   : err_set(err, ERR_INVALID, "duration: must be from %d to %d", may[0], may[1]);
    return model->is_v2 || seconds == may[0] ||
           strcmp(field_str_or_empty(body, "resolution"), "1080P") != 0 ||
           err_set(err, ERR_INVALID, "duration: must be %d in 1080P", may[0]);
}

static const char *const ratios[] = {"16:9", "9:16", "1:1", "4:3", "3:4", "21:9", NULL};

static bool check_ratio(const struct model *model, const json_t *body, struct err *err)
{
    static const char *const wide[] = {"16:9", NULL}; // whatever v1 makes of text
    const struct field_rule rules[] = {
        {.path = "ratio", .kind = FIELD_WORD, .words = model->is_v2 ? ratios : wide}, {0}};

    return field_check(body, rules, err);
}

bool minimax_body_check(const struct task *task, const struct account *account, struct err *err)
{
    const struct model *model = model_of(task, account);
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL &&
              (model == NULL || (check_subject(model, body, task->model, err) &&
                                 check_resolution(model, body, err) &&
                                 check_ratio(model, body, err) && check_seconds(model, body, err)));

    json_decref(body);
    return ok;
}

// From the unified form.

// One image is the first frame, or the subject, where that is all that the model takes; two are the
// first frame and the last.
static bool set_images(const struct model *model, json_t *request, struct err *err)
{
    json_t *images = unified_images(request);
    size_t count = json_array_size(images);
    bool is_subject = model != NULL && model->made_from == SUBJECT;
    size_t most = is_subject || (model != NULL && (model->made_from & LAST) == 0) ? 1 : 2;

    if (count > most) {
        json_decref(images);
        return err_set(err, ERR_INVALID, "images: at most %zu", most);
    }
    if (is_subject && count > 0)
        json_object_set_new(request, "subject_reference",
                            json_pack("[{s:s,s:O}]", "type", "character", "image", images));
    for (size_t i = 0; i < count && !is_subject; i++)
        json_object_set(request, pictures[i].field, json_array_get(images, i));
    json_object_del(request, "images");
    json_decref(images);
    return true;
}

// The nearest ratio that has a word, within two percent: a video of 1366x768 is 16:9 to everybody.
// NULL: none is near.
static const char *ratio_word(const char *ratio)
{
    int width, height, a, b;

    if (sscanf(ratio, "%5d:%5d", &width, &height) != 2 || width < 1 || height < 1)
        return NULL;
    for (size_t i = 0; ratios[i] != NULL; i++)
        if (sscanf(ratios[i], "%d:%d", &a, &b) == 2 &&
            labs((long)width * b - (long)height * a) * 50 <= (long)height * a)
            return ratios[i];
    return NULL;
}

// The model's word for these lines; of a model that we don't know, as most have it.
static bool set_resolution(const struct model *model, int lines, json_t *request, struct err *err)
{
    char text[16];
    const char *word = model == NULL ? text : NULL;

    snprintf(text, sizeof text, "%dP", lines);
    for (size_t i = 0; model != NULL && model->resolutions[i].word != NULL && word == NULL; i++)
        if (model->resolutions[i].lines == lines)
            word = model->resolutions[i].word;
    if (word == NULL)
        return err_set(err, ERR_INVALID, "size: isn't one that the model makes");
    json_object_set_new(request, "resolution", json_string(word));
    return true;
}

// A video that begins with a picture has the picture's ratio: only the lines are asked for.
static bool set_frame(const struct model *model, json_t *request, struct err *err)
{
    bool is_by_size = !field_is_given(request, "aspect_ratio");
    bool has_picture = field_count(request, "images") > 0;
    struct unified_frame frame;

    if (!unified_read_frame(request, &frame, err))
        return false;
    if (!has_picture && *frame.ratio != '\0') {
        const char *word = ratio_word(frame.ratio);

        if (word == NULL)
            return err_set(err, ERR_INVALID, "%s: isn't one that the model makes",
                           is_by_size ? "size" : "aspect_ratio");
        json_object_set_new(request, "ratio", json_string(word));
    }
    return frame.lines == 0 || set_resolution(model, frame.lines, request, err);
}

static void set_duration(json_t *request)
{
    const char *text = json_string_value(field_at(request, "duration"));

    if (text != NULL && *text != '\0')
        json_object_set_new(request, "duration", json_integer(strtol(text, NULL, 10)));
}

// What the client asked for stays beside it, to be shown.
bool minimax_body_from_unified(struct task *task, struct err *err)
{
    static const char *const absent[] = {"negative_prompt", "storyboard", NULL};
    json_t *request = json_read(task->request);
    const struct model *model = model_named(task->model);
    bool ok = unified_check_absent(request, absent, task->model, err) &&
              set_frame(model, request, err) && set_images(model, request, err);

    if (ok) {
        set_duration(request);
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return ok;
}
