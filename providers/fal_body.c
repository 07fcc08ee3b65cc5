// What fal's models are asked for. Each has an input of its own, in words that most of them share;
// the families below have some that are known to differ. Whatever else a request has is sent as it
// is, so a client can say all that a model understands.
#include "providers/fal_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/unified.h"

enum duration {
    DURATION_AS_GIVEN,
    DURATION_NUMBER,  // 8
    DURATION_TEXT,    // "8"
    DURATION_SECONDS, // "8s"
};

enum { UHD_LINES = 2160 };

static const char *const nothing[] = {NULL};
static const char *const no_negative[] = {"negative_prompt", NULL};
static const char *const prompt_only[] = {"negative_prompt", "aspect_ratio", NULL};
static const char *const in_frames[] = {"duration", NULL}; // they count frames

// How the names of a family's models begin. The first row that fits counts.
static const struct family {
    const char *begins;
    enum duration duration;
    char lines;                // what follows the number in a resolution; 0: there is none
    const char *last_image;    // the word for a second image; NULL: there is none
    const char *const *absent; // what there is no word for
} families[] = {
    {"fal-ai/kling-video/", DURATION_TEXT, 0, "tail_image_url", nothing},
    {"fal-ai/minimax/", DURATION_TEXT, 'P', "end_image_url", prompt_only},
    {"fal-ai/luma-dream-machine", DURATION_SECONDS, 'p', "end_image_url", no_negative},
    {"fal-ai/veo2", DURATION_SECONDS, 'p', NULL, nothing},
    {"fal-ai/veo3", DURATION_SECONDS, 'p', NULL, nothing},
    {"fal-ai/wan/", DURATION_AS_GIVEN, 'p', NULL, in_frames},
    {"fal-ai/wan-t2v", DURATION_AS_GIVEN, 'p', NULL, in_frames},
    {"fal-ai/wan-i2v", DURATION_AS_GIVEN, 'p', NULL, in_frames},
    {"fal-ai/wan-25-preview/", DURATION_TEXT, 'p', NULL, nothing},
    {"fal-ai/bytedance/seedance/", DURATION_TEXT, 'p', "end_image_url", no_negative},
    {"fal-ai/pixverse/", DURATION_TEXT, 'p', NULL, nothing},
    {"fal-ai/sora-2/", DURATION_NUMBER, 'p', NULL, no_negative},
    {"", DURATION_AS_GIVEN, 'p', NULL, nothing},
};

static const struct family *family_of(const char *model)
{
    const struct family *family = families;

    while (strncmp(model, family->begins, strlen(family->begins)) != 0)
        family++;
    return family;
}

// Some families have a model for images, too.
bool fal_body_makes(const char *model)
{
    return *family_of(model)->begins != '\0' && strstr(model, "-to-image") == NULL &&
           strstr(model, "/image-0") == NULL;
}

static void set_duration(json_t *body, enum duration form)
{
    json_t *given = json_object_get(body, "duration");
    int64_t seconds = json_integer_value(given);
    struct buf text = {0};

    if (given == NULL || form == DURATION_AS_GIVEN)
        return;
    if (json_is_string(given))
        seconds = strtoll(json_string_value(given), NULL, 10);
    buf_int(&text, seconds);
    if (form == DURATION_SECONDS)
        buf_char(&text, 's');
    json_object_set_new(body, "duration",
                        form == DURATION_NUMBER ? json_integer(seconds) : json_string(text.data));
    buf_clear(&text);
}

// A size in pixels also says the ratio, which is enough for a model that has no resolutions.
static bool set_frame(json_t *body, const struct family *family, const char *model, struct err *err)
{
    struct unified_frame frame;
    char lines[16] = "4k";

    if (!unified_read_frame(body, &frame, err))
        return false;
    if (frame.lines > 0 && family->lines == 0 && *frame.ratio == '\0')
        return err_set(err, ERR_INVALID, "size: is not supported by %.60s", model);
    if (*frame.ratio != '\0')
        json_object_set_new(body, "aspect_ratio", json_string(frame.ratio));
    if (frame.lines > 0 && family->lines != 0) {
        if (frame.lines != UHD_LINES)
            snprintf(lines, sizeof lines, "%d%c", frame.lines, family->lines);
        json_object_set_new(body, "resolution", json_string(lines));
    }
    return true;
}

static bool set_images(json_t *body, const struct family *family, const char *model,
                       struct err *err)
{
    const char *words[] = {"image_url", family->last_image};
    size_t most = family->last_image == NULL ? 1 : 2, count;
    json_t *images = unified_images(body);

    count = json_array_size(images);
    for (size_t i = 0; i < count && i < most; i++) {
        struct buf url = {0};

        unified_add_image_url(json_string_value(json_array_get(images, i)), &url);
        json_object_set_new(body, words[i], json_string(buf_text(&url)));
        buf_clear(&url);
    }
    json_object_del(body, "images");
    json_decref(images);
    return count <= most || err_set(err, ERR_INVALID, "images: at most %zu for %.60s", most, model);
}

// sync_mode would have the file in the answer, as a data URL.
json_t *fal_body_of(const struct task *task, const char *model, struct err *err)
{
    static const char *const never[] = {"storyboard", NULL};
    const struct family *family = family_of(model);
    json_t *body = adapter_request_of(task, err);

    if (body == NULL)
        return NULL;
    if (!unified_check_absent(body, never, task->model, err) ||
        !unified_check_absent(body, family->absent, task->model, err) ||
        !set_frame(body, family, task->model, err) || !set_images(body, family, task->model, err)) {
        json_decref(body);
        return NULL;
    }
    set_duration(body, family->duration);
    unified_drop_shown(body);
    json_object_del(body, "model");
    json_object_del(body, "sync_mode");
    return body;
}
