// What is told of Veo's operations. While one runs there is no "done", not even a false one.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/media.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/veo.h"
#include "tests/sim/words.h"

enum { RPC_DEADLINE_EXCEEDED = 4, RPC_INTERNAL = 13 };

// base64 of three bytes that are 0 is four times this.
enum { ZERO_DIGIT = 'A', MEDIA_BIG_DIGITS = MEDIA_BIG_BYTES / 3 * 4 };

static int sample_count(const struct job *job)
{
    const json_t *parameters = json_object_get(json_object_get(job->request, "body"), "parameters");
    json_int_t count = json_integer_value(json_object_get(parameters, "sampleCount"));

    return count == 0 ? 1 : (int)count;
}

static void add_filtered(struct buf *json)
{
    buf_str(json,
            "\"raiMediaFilteredCount\":1,\"raiMediaFilteredReasons\":[\"The prompt could not "
            "be submitted: it might violate our safety guidelines. You were not charged.\"]");
}

static void add_gemini_samples(const struct sim *sim, const struct job *job, struct buf *json)
{
    buf_str(json, "\"generatedSamples\":[");
    for (int sample = 1; sample <= sample_count(job); sample++) {
        buf_fmt(json, "%s{\"video\":{\"uri\":\"%s/v1beta/files/%s", sample > 1 ? "," : "",
                sim->base_url, job->id);
        if (sample > 1)
            buf_int(json, sample);
        buf_str(json, ":download?alt=media\"}}");
    }
    buf_char(json, ']');
}

// Adds the same bytes as in the file of that name; of a big file those up to its zeros.
static void add_inline(const struct job *job, int sample, bool is_big, struct buf *json)
{
    char name[64], part[8] = "";
    struct buf mp4 = {0};

    if (sample > 1)
        snprintf(part, sizeof part, "-%d", sample);
    snprintf(name, sizeof name, "veo-%s%s.mp4", job->id, part);
    media_add(&mp4, MEDIA_MP4_SOUND, name);
    if (is_big)
        media_announce_zeros(&mp4, MEDIA_BIG_BYTES);
    buf_str(json, "{\"bytesBase64Encoded\":\"");
    base64_encode(mp4.data, mp4.len, json);
    buf_clear(&mp4);
}

// Where the first video is big, `tail` gets what comes behind its zeros; false where there are no
// zeros.
static bool add_vertex_videos(const struct job *job, struct buf *json, struct buf *tail)
{
    const json_t *parameters = json_object_get(json_object_get(job->request, "body"), "parameters");
    const char *storage = rules_text(parameters, "storageUri");
    bool is_big = *storage == '\0' && words_has(job->prompt, "big");
    struct buf *out = json;

    buf_str(out, "\"videos\":[");
    for (int sample = 1; sample <= sample_count(job); sample++) {
        buf_str(out, sample > 1 ? "," : "");
        if (*storage != '\0') {
            size_t len = strlen(storage);

            buf_str(out, "{\"gcsUri\":");
            buf_fmt(out, "\"%s%s%s/sample_%d.mp4", storage, storage[len - 1] == '/' ? "" : "/",
                    job->id, sample - 1);
        } else {
            add_inline(job, sample, is_big && sample == 1, out);
        }
        if (is_big)
            out = tail;
        buf_str(out, "\",\"mimeType\":\"video/mp4\"}");
    }
    buf_char(out, ']');
    return is_big;
}

// Adds {"@type":…, the result}. True where zeros are to follow, and then `tail`.
static bool add_response(const struct sim *sim, const struct job *job, struct buf *json,
                         struct buf *tail)
{
    bool is_filtered = words_has(job->prompt, "filtered") || words_has(job->prompt, "moderation");
    bool is_gemini = job->route == veo_gemini, is_big = false;

    buf_fmt(json, ",\"response\":{\"@type\":\"type.googleapis.com/%s\",",
            is_gemini ? "google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
                      : "cloud.ai.large_models.vision.GenerateVideoResponse");
    if (is_gemini)
        buf_str(json, "\"generateVideoResponse\":{");
    if (is_filtered)
        add_filtered(json);
    else if (is_gemini)
        add_gemini_samples(sim, job, json);
    else
        is_big = add_vertex_videos(job, json, tail);
    buf_str(is_big ? tail : json, is_gemini ? "}}" : "}");
    return is_big;
}

void veo_answer(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    struct job_view view = jobs_view(sim->jobs, job);
    bool is_failed = view.status == JOB_EXPIRED ||
                     (view.status == JOB_FAILED && !words_has(job->prompt, "moderation"));
    struct buf json = {0}, tail = {0};
    bool is_big = false;

    buf_fmt(&json, "{\"name\":\"%s\"", rules_text(job->request, "name"));
    if (job_is_over(view.status))
        buf_str(&json, ",\"done\":true");
    if (is_failed)
        buf_fmt(&json, ",\"error\":{\"code\":%d,\"message\":\"%s\"}",
                view.status == JOB_EXPIRED ? RPC_DEADLINE_EXCEEDED : RPC_INTERNAL,
                view.status == JOB_EXPIRED ? "The operation took too long."
                                           : "Video generation failed due to an internal server "
                                             "issue. Please try again in a few minutes.");
    else if (job_is_over(view.status))
        is_big = add_response(sim, job, &json, &tail);
    buf_char(is_big ? &tail : &json, '}');
    if (is_big)
        answer_filled(exchange, "application/json", &json, ZERO_DIGIT, MEDIA_BIG_DIGITS, &tail);
    else
        http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
    buf_clear(&tail);
}
