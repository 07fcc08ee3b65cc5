// A client's body in the words of Volcengine's visual service.
//
// DOC are Volcengine's pages 85621 on Jimeng's videos, as transcribed.
#include "providers/jimeng_body.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "providers/adapter.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "providers/unified.h"

enum { FRAMES_PER_SECOND = 24, MAX_PROMPT_CHARS = 800, MAX_FILE_BYTES = 4928307 };

enum kind { TEXT, FIRST, FIRST_AND_LAST, CAMERA };

// Which req_key a model has for each kind of job (DOC), at so many lines: the first that fits
// counts. The suffix is _1080p for a text, but _1080 for images; the camera has 720 lines only. A
// name that isn't here is a req_key itself.
static const struct job {
    const char *model;
    enum kind kind;
    int lines;
    const char *req_key;
} jobs[] = {
    {"jimeng-video-3.0", TEXT, 1080, "jimeng_t2v_v30_1080p"},
    {"jimeng-video-3.0", TEXT, 720, "jimeng_t2v_v30"},
    {"jimeng-video-3.0", FIRST, 1080, "jimeng_i2v_first_v30_1080"},
    {"jimeng-video-3.0", FIRST, 720, "jimeng_i2v_first_v30"},
    {"jimeng-video-3.0", FIRST_AND_LAST, 1080, "jimeng_i2v_first_tail_v30_1080"},
    {"jimeng-video-3.0", FIRST_AND_LAST, 720, "jimeng_i2v_first_tail_v30"},
    {"jimeng-video-3.0", CAMERA, 720, "jimeng_i2v_recamera_v30"},
    {"jimeng-video-3.0-720p", TEXT, 720, "jimeng_t2v_v30"},
    {"jimeng-video-3.0-720p", FIRST, 720, "jimeng_i2v_first_v30"},
    {"jimeng-video-3.0-720p", FIRST_AND_LAST, 720, "jimeng_i2v_first_tail_v30"},
    {"jimeng-video-3.0-720p", CAMERA, 720, "jimeng_i2v_recamera_v30"},
    {"jimeng-video-3.0-pro", TEXT, 1080, "jimeng_ti2v_v30_pro"},
    {"jimeng-video-3.0-pro", FIRST, 1080, "jimeng_ti2v_v30_pro"},
};

// The images, in order, as links or as bare base64. A client may name the first one twice.
static void read_images(const json_t *body, json_t *links, json_t *files)
{
    static const char *const lists[] = {"image_urls", "binary_data_base64"};
    const char *first = field_str_or_empty(body, "image_url"), *text;
    json_t *image;
    size_t i;

    if (*first != '\0' && strcmp(first, field_str_or_empty(body, "image_urls.0")) != 0)
        json_array_append(field_is_link(first) ? links : files, json_object_get(body, "image_url"));
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        json_array_foreach(json_object_get(body, lists[k]), i, image)
        {
            if (field_is_given(image, ""))
                json_array_append(field_is_link(json_string_value(image)) ? links : files, image);
        }
    }
    json_array_foreach(files, i, image)
    {
        text = json_string_value(image);
        if (strncmp(text, "data:", 5) == 0)
            json_array_set_new(files, i, json_string(field_base64_of(text)));
    }
}

static enum kind kind_of(const json_t *body)
{
    size_t count = field_count(body, "image_urls") + field_count(body, "binary_data_base64");

    if (field_is_given(body, "template_id"))
        return CAMERA;
    if (count == 0 && field_is_given(body, "image_url"))
        count = 1;
    return count == 0 ? TEXT : count == 1 ? FIRST : FIRST_AND_LAST;
}

static const struct job *find_job(const char *model, enum kind kind, int lines)
{
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (strcmp(jobs[i].model, model) == 0 && jobs[i].kind == kind &&
            (lines == 0 || jobs[i].lines == lines))
            return &jobs[i];
    return NULL;
}

static bool is_ours(const char *model)
{
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (strcmp(jobs[i].model, model) == 0)
            return true;
    return false;
}

// What the account calls the model, its first one where the task has none.
static const char *model_of(const struct account *account, const char *model)
{
    const char *theirs = provider_model(account, model);

    return theirs == NULL || *theirs == '\0' ? jobs[0].model : theirs;
}

static void refuse_job(const char *model, enum kind kind, struct err *err)
{
    if (find_job(model, kind, 0) != NULL)
        err_set(err, ERR_INVALID, "size: %.60s has %s", model,
                find_job(model, kind, 1080) == NULL  ? "720P only"
                : find_job(model, kind, 720) == NULL ? "1080P only"
                                                     : "720P and 1080P");
    else
        err_set(err, ERR_INVALID, "%s: is not supported by %.60s",
                kind == CAMERA ? "template_id" : "image_urls", model);
}

bool jimeng_may_choose(const struct account *account, const json_t *body, struct err *err)
{
    const char *chosen = field_str_or_empty(body, "req_key");

    return *chosen == '\0' || account_model(account, chosen) != NULL ||
           err_set(err, ERR_INVALID, "req_key: isn't one that may be chosen here");
}

const char *jimeng_req_key(const struct account *account, const char *model, const json_t *body,
                           struct err *err)
{
    const char *chosen = field_str_or_empty(body, "req_key"), *theirs = model_of(account, model);
    enum kind kind = body == NULL ? TEXT : kind_of(body);
    struct unified_frame frame;
    const struct job *job;

    if (*chosen != '\0')
        return jimeng_may_choose(account, body, err) ? account_model(account, chosen) : NULL;
    if (!is_ours(theirs))
        return theirs;
    if (!unified_read_frame(body, &frame, err))
        return NULL;
    job = find_job(theirs, kind, frame.lines);
    if (job == NULL)
        refuse_job(theirs, kind, err);
    return job == NULL ? NULL : job->req_key;
}

// Limits (DOC).
static const char *const ratios[] = {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", NULL};
static const char *const strengths[] = {"weak", "medium", "strong", NULL};
static const char *const templates[] = {
    "hitchcock_dolly_in", "hitchcock_dolly_out",     "robo_arm",
    "dynamic_orbit",      "central_orbit",           "crane_push",
    "quick_pull_back",    "counterclockwise_swivel", "clockwise_swivel",
    "handheld",           "rapid_push_pull",         NULL};
static const struct field_rule bounds[] = {
    {.path = "aspect_ratio", .kind = FIELD_WORD, .words = ratios},
    {.path = "template_id", .kind = FIELD_WORD, .words = templates},
    {.path = "camera_strength", .kind = FIELD_WORD, .words = strengths},
    {.path = "seed", .kind = FIELD_INT, .min = -1},
    {0},
};

// A number, perhaps as a text; 0 where there is none.
static int64_t number_at(const json_t *body, const char *name)
{
    const char *text = field_str_or_empty(body, name);

    return *text != '\0' ? strtol(text, NULL, 10) : field_int_or(body, name, 0);
}

// 5 or 10 seconds; clients may name the frames instead.
static bool check_length(const json_t *body, struct err *err)
{
    int64_t seconds = number_at(body, "duration"), frames = number_at(body, "frames");

    if (field_is_given(body, "duration") && seconds != 5 && seconds != 10)
        return err_set(err, ERR_INVALID, "duration: must be 5 or 10");
    if (field_is_given(body, "frames") && frames != 121 && frames != 241)
        return err_set(err, ERR_INVALID, "frames: must be 121 or 241");
    return seconds == 0 || frames == 0 || frames == seconds * FRAMES_PER_SECOND + 1 ||
           err_set(err, ERR_INVALID, "frames: doesn't fit the duration");
}

static bool check_prompt(const json_t *body, struct err *err)
{
    return adapter_characters(field_str_or_empty(body, "prompt")) <= MAX_PROMPT_CHARS ||
           err_set(err, ERR_INVALID, "prompt: at most %d characters", (int)MAX_PROMPT_CHARS);
}

static bool check_images(const json_t *body, struct err *err)
{
    const char *name = field_count(body, "binary_data_base64") > 0 ? "binary_data_base64"
                       : field_count(body, "image_urls") > 0       ? "image_urls"
                                                                   : "image_url";
    json_t *links = json_array(), *files = json_array(), *file;
    bool ok = true;
    size_t i;

    read_images(body, links, files);
    if (json_array_size(links) > 0 && json_array_size(files) > 0)
        ok = err_set(err, ERR_INVALID, "%s: a link and base64 can't be sent together", name);
    json_array_foreach(files, i, file)
    {
        if (ok && !field_is_base64(json_string_value(file)))
            ok = err_set(err, ERR_INVALID, "%s: must be an http or https URL, or base64", name);
        if (ok && json_string_length(file) / 4 * 3 > MAX_FILE_BYTES)
            ok = err_set(err, ERR_INVALID, "%s: an image has at most 4.7 MB", name);
    }
    json_decref(links);
    json_decref(files);
    return ok;
}

bool jimeng_check(const struct account *account, const char *model, const json_t *body,
                  struct err *err)
{
    return jimeng_may_choose(account, body, err) && check_images(body, err) &&
           jimeng_req_key(account, model, body, err) != NULL &&
           // Only the vendor knows the limits of what its operator has chosen.
           (field_is_given(body, "req_key") || !is_ours(model_of(account, model)) ||
            (field_check(body, bounds, err) && check_length(body, err) && check_prompt(body, err)));
}

static void set_frames(json_t *body)
{
    int64_t seconds = number_at(body, "duration"), frames = number_at(body, "frames");

    if (frames == 0 && seconds > 0)
        frames = seconds * FRAMES_PER_SECOND + 1;
    if (frames > 0)
        json_object_set_new(body, "frames", json_integer(frames));
    json_object_del(body, "duration");
}

static void set_images(json_t *body)
{
    json_t *links = json_array(), *files = json_array();

    read_images(body, links, files);
    json_object_del(body, "image_url");
    json_object_del(body, "image_urls");
    json_object_del(body, "binary_data_base64");
    if (json_array_size(links) > 0)
        json_object_set(body, "image_urls", links);
    if (json_array_size(files) > 0)
        json_object_set(body, "binary_data_base64", files);
    json_decref(links);
    json_decref(files);
}

void jimeng_remap(json_t *body, const char *req_key)
{
    if (kind_of(body) != TEXT)
        json_object_del(body, "aspect_ratio"); // that of the image
    set_frames(body);
    set_images(body);
    json_object_set_new(body, "req_key", json_string(req_key));
    json_object_del(body, "model");
    unified_drop_shown(body);
}

// From the unified form. The size stays: its lines choose the req_key.
static bool shape(json_t *request, const struct task *task, struct err *err)
{
    static const char *const absent[] = {"negative_prompt", "storyboard", NULL};
    struct unified_frame frame;
    json_t *images = unified_images(request);
    bool ok = unified_check_absent(request, absent, task->model, err) &&
              unified_read_frame(request, &frame, err) &&
              (json_array_size(images) <= 2 ||
               err_set(err, ERR_INVALID, "images: must have at most 2 items"));

    if (ok && *frame.ratio != '\0')
        json_object_set_new(request, "aspect_ratio", json_string(frame.ratio));
    if (ok && field_is_given(request, "duration"))
        json_object_set_new(request, "duration", json_integer(number_at(request, "duration")));
    json_object_del(request, "images");
    if (ok && json_array_size(images) > 0)
        json_object_set(request, "image_urls", images);
    json_decref(images);
    return ok;
}

bool jimeng_from_unified(struct task *task, struct err *err)
{
    json_t *request = json_read(task->request);
    bool ok = shape(request, task, err);

    if (ok) {
        mem_set_str(&task->action, "generate");
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return ok;
}
