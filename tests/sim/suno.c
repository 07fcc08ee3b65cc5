// Suno, as Suno-API serves it: songs of two clips, lyrics, songs put together.
//
// Words in a prompt, besides those of words.h, jobs.h and files.c:
//
//   before it is accepted   [refuse] and [invalid] 400   [402] no credits   [quota] 403
//     twice per prompt      [429]
//     once per prompt       [500]
//   as a task               [mixed] one clip fails, so the task does   [expired] "time out"
//                           [late-video] comes 3 s after the song
//
// Lyrics are only answered once they are written. While a clip is streaming its audio_url is a
// stream, which is no file to keep; it has "stream" in its title.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/suno.h"
#include "tests/sim/words.h"

enum { LATE_VIDEO_MS = 3000, QUEUED_PERCENT = 20, FIRST_CLIP_PERCENT = 80 };

enum clip_status { CLIP_SUBMITTED, CLIP_QUEUED, CLIP_STREAMING, CLIP_COMPLETE, CLIP_ERROR };

// The words for a clip's state, and for a task that waits for a clip in this state.
static const struct {
    const char *clip;
    const char *task;
} status_words[] = {
    [CLIP_SUBMITTED] = {"submitted", "SUBMITTED"},
    [CLIP_QUEUED] = {"queued", "QUEUED"},
    [CLIP_STREAMING] = {"streaming", "IN_PROGRESS"},
    [CLIP_COMPLETE] = {"complete", "SUCCESS"},
    [CLIP_ERROR] = {"error", "FAILURE"},
};

static const char song_text[] =
    "[Verse]\nThe lamp goes round, the ships come home\n"
    "[Chorus]\nHarbour light, harbour light";

int suno_clip_count(const struct job *job)
{
    return strcmp(job->route, "MUSIC") == 0 ? 2 : strcmp(job->route, "CONCAT") == 0 ? 1 : 0;
}

// A task's id ends with 0, its clips' with 1 and 2.
static void clip_id(const struct job *job, int clip, char id[UUID_SIZE])
{
    snprintf(id, UUID_SIZE, "%s", job->id);
    id[UUID_SIZE - 2] = (char)('0' + clip);
}

static enum clip_status clip_status(const struct job *job, const struct job_view *view, int clip)
{
    bool ends_well = !words_has(job->prompt, "fail") && !words_has(job->prompt, "moderation") &&
                     !words_has(job->prompt, "expired");

    switch (view->status) {
    case JOB_QUEUED:
    case JOB_CANCELLED: // Suno cancels nothing
        return CLIP_SUBMITTED;
    case JOB_RUNNING:
        if (view->progress < QUEUED_PERCENT)
            return CLIP_QUEUED;
        return clip == 1 && ends_well && view->progress >= FIRST_CLIP_PERCENT ? CLIP_COMPLETE
                                                                              : CLIP_STREAMING;
    case JOB_SUCCEEDED:
        return clip == 2 && words_has(job->prompt, "mixed") ? CLIP_ERROR : CLIP_COMPLETE;
    case JOB_FAILED:
        return CLIP_ERROR;
    case JOB_EXPIRED: // Suno-API lost patience, Suno didn't
        return CLIP_STREAMING;
    }
    return CLIP_ERROR;
}

struct job *suno_find_clip(const struct sim *sim, const char *id)
{
    size_t last = UUID_SIZE - 2;
    char task_id[UUID_SIZE];
    struct job_view view;
    struct job *job;
    int clip;

    if (strlen(id) != UUID_SIZE - 1)
        return NULL;
    snprintf(task_id, sizeof task_id, "%s", id);
    clip = task_id[last] - '0';
    task_id[last] = '0';
    job = jobs_find(sim->jobs, &sim_suno, task_id);
    if (job == NULL || clip < 1 || clip > suno_clip_count(job))
        return NULL;
    view = jobs_view(sim->jobs, job);
    return clip_status(job, &view, clip) == CLIP_COMPLETE ? job : NULL;
}

// Suno-API's word for a song: that of its first clip that isn't complete.
static const char *task_status(const struct job *job, const struct job_view *view)
{
    enum clip_status status = CLIP_COMPLETE;

    if (view->status == JOB_EXPIRED)
        return "FAILURE";
    if (suno_clip_count(job) == 0) // lyrics
        status = clip_status(job, view, 0);
    for (int clip = 1; clip <= suno_clip_count(job) && status == CLIP_COMPLETE; clip++)
        status = clip_status(job, view, clip);
    return status_words[status].task;
}

static const char *failure_of(const struct job *job)
{
    if (words_has(job->prompt, "moderation"))
        return "Song description contains content that isn't allowed";
    return words_has(job->prompt, "expired") ? "time out" : "Generation failed, please try again";
}

// ,"name":"link of the clip's", or "" where it has none yet.
static void add_link(const struct sim *sim, const struct job *job, const char *name, bool is_there,
                     const char *part, int clip, const char *extension, struct buf *buf)
{
    char numbered[24];

    snprintf(numbered, sizeof numbered, "%s%d", part, clip);
    buf_fmt(buf, ",\"%s\":\"", name);
    if (is_there)
        jobs_add_link(sim->jobs, job, numbered, extension, buf);
    buf_char(buf, '"');
}

static void add_links(const struct sim *sim, const struct job *job, const struct job_view *view,
                      int clip, struct buf *buf)
{
    int64_t late_ms = sim->speed > 0 ? (int64_t)(LATE_VIDEO_MS / sim->speed) : 0;
    enum clip_status status = clip_status(job, view, clip);
    bool is_complete = status == CLIP_COMPLETE, is_streaming = status == CLIP_STREAMING;
    bool is_pending = is_complete && words_has(job->prompt, "late-video") &&
                      (!job_is_over(view->status) || clock_wall_ms() < view->since_ms + late_ms);

    add_link(sim, job, "audio_url", is_complete || is_streaming, is_streaming ? "stream" : "", clip,
             "mp3", buf);
    add_link(sim, job, "video_url", is_complete && !is_pending, "", clip, "mp4", buf);
    add_link(sim, job, "image_url", is_complete || is_streaming, "", clip, "jpeg", buf);
    add_link(sim, job, "image_large_url", is_complete || is_streaming, "large", clip, "jpeg", buf);
    buf_fmt(buf, ",\"is_video_pending\":%s", is_pending ? "true" : "false");
}

// Where a description is given, the other texts don't count.
static const char *custom_text(const struct job *job, const char *name)
{
    return *rules_text(job->request, "gpt_description_prompt") == '\0'
               ? rules_text(job->request, name)
               : "";
}

static void add_clip(const struct sim *sim, const struct job *job, const struct job_view *view,
                     int clip, struct buf *buf)
{
    enum clip_status status = clip_status(job, view, clip);
    const char *title = custom_text(job, "title"), *lyrics = custom_text(job, "prompt");
    const char *model = rules_text(job->request, "mv");
    char id[UUID_SIZE];

    model = *model == '\0' ? "chirp-v3-0" : model;
    clip_id(job, clip, id);
    buf_fmt(buf, "{\"id\":\"%s\",\"status\":\"%s\",\"title\":", id, status_words[status].clip);
    buf_json_str(buf, *title == '\0' ? "Harbour Light" : title);
    add_links(sim, job, view, clip, buf);
    buf_str(buf, ",\"model_name\":");
    buf_json_str(buf, model);
    buf_str(buf, ",\"major_model_version\":");
    buf_json_str(buf, strncmp(model, "chirp-", 6) == 0 ? model + 6 : "");
    buf_str(buf, ",\"metadata\":{\"tags\":");
    buf_json_str(buf, custom_text(job, "tags"));
    buf_str(buf, ",\"prompt\":");
    buf_json_str(buf, *lyrics == '\0' ? song_text : lyrics);
    buf_fmt(buf, ",\"duration\":%s",
            status == CLIP_COMPLETE ? clip == 1 ? "132.4" : "128.9" : "null");
    if (status == CLIP_ERROR)
        buf_fmt(buf, ",\"error_type\":\"%s\",\"error_message\":\"%s\"}}",
                words_has(job->prompt, "moderation") ? "moderation_failure" : "internal_error",
                failure_of(job));
    else
        buf_str(buf, ",\"error_type\":null,\"error_message\":null}}");
}

static void add_lyrics(const struct job *job, const struct job_view *view, struct buf *buf)
{
    enum clip_status status = clip_status(job, view, 0);
    bool is_complete = status == CLIP_COMPLETE;

    buf_fmt(buf, "{\"id\":\"%s\",\"status\":\"%s\",\"title\":\"%s\",\"text\":", job->id,
            is_complete            ? "complete"
            : status == CLIP_ERROR ? "error"
                                   : "running",
            is_complete ? "Harbour Light" : "");
    buf_json_str(buf, is_complete ? song_text : "");
    buf_char(buf, '}');
}

// The clips, or the lyrics.
static void add_payload(const struct sim *sim, const struct job *job, const struct job_view *view,
                        struct buf *buf)
{
    int count = suno_clip_count(job);

    if (count == 0) {
        add_lyrics(job, view, buf);
        return;
    }
    for (int clip = 1; clip <= count; clip++) {
        buf_char(buf, clip == 1 ? '[' : ',');
        add_clip(sim, job, view, clip, buf);
    }
    buf_char(buf, ']');
}

static void add_task(const struct sim *sim, const struct job *job, struct buf *buf)
{
    struct job_view view = jobs_view(sim->jobs, job);
    const char *status = task_status(job, &view);
    bool is_failed = strcmp(status, "FAILURE") == 0;

    buf_fmt(buf,
            "{\"task_id\":\"%s\",\"action\":\"%s\",\"status\":\"%s\",\"fail_reason\":\"%s\","
            "\"submit_time\":%lld,\"start_time\":%lld,\"finish_time\":%lld,\"progress\":\"%d%%\","
            "\"data\":",
            job->id, job->route, status, is_failed ? failure_of(job) : "",
            (long long)job->began_ms / 1000,
            view.status == JOB_QUEUED ? 0 : (long long)job->began_ms / 1000,
            job_is_over(view.status) ? (long long)view.since_ms / 1000 : 0, view.progress);
    add_payload(sim, job, &view, buf);
    buf_char(buf, '}');
}

void suno_refuse(struct http_exchange *exchange, int status, const char *code, const char *why)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":\"%s\",\"message\":", code);
    buf_json_str(&json, why);
    buf_str(&json, ",\"data\":null}");
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static void fetch_one(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_suno, id);
    struct job_view view;
    struct buf json = {0};

    sim->stats.polls_single++;
    if (job == NULL) {
        suno_refuse(exchange, 400, "invalid_request", "task not exist");
        return;
    }
    job->polls++;
    view = jobs_view(sim->jobs, job);
    buf_str(&json, "{\"code\":\"success\",\"message\":\"\",\"data\":");
    add_payload(sim, job, &view, &json);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void fetch_many(struct sim *sim, struct http_exchange *exchange)
{
    size_t len, i;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, 0, NULL);
    json_t *ids = json_object_get(body, "ids"), *id;
    struct buf json = {0};
    bool is_first = true;

    sim->stats.polls_batch++;
    if (!json_is_array(ids)) {
        suno_refuse(exchange, 400, "invalid_request", "ids must be an array");
        return;
    }
    buf_str(&json, "{\"code\":\"success\",\"message\":\"\",\"data\":");
    json_array_foreach(ids, i, id)
    {
        struct job *job =
            json_is_string(id) ? jobs_find(sim->jobs, &sim_suno, json_string_value(id)) : NULL;

        if (job == NULL)
            continue;
        job->polls++;
        buf_char(&json, is_first ? '[' : ',');
        add_task(sim, job, &json);
        is_first = false;
    }
    buf_str(&json, is_first ? "null}" : "]}");
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// Whether the request has the key; where the simulator has no secret everybody may ask.
static bool has_key(const struct sim *sim, const struct http_exchange *exchange)
{
    static const char bearer[] = "Bearer ";
    const char *authorization = http_exchange_header(exchange, "authorization");

    return *sim->secret == '\0' ||
           (authorization != NULL && strncmp(authorization, bearer, sizeof bearer - 1) == 0 &&
            strcmp(authorization + sizeof bearer - 1, sim->secret) == 0);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char root[] = "/suno/", submit[] = "submit/", fetch[] = "fetch/";
    const char *path = http_exchange_path(exchange);
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;

    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    path += sizeof root - 1;
    if (!has_key(sim, exchange))
        suno_refuse(exchange, 401, "invalid_request", "unauthorized secret token");
    else if (is_post && strncmp(path, submit, sizeof submit - 1) == 0)
        suno_submit(sim, exchange, path + sizeof submit - 1);
    else if (is_post && strcmp(path, "fetch") == 0)
        fetch_many(sim, exchange);
    else if (!is_post && strncmp(path, fetch, sizeof fetch - 1) == 0)
        fetch_one(sim, exchange, path + sizeof fetch - 1);
    else
        http_exchange_answer(exchange, 404, "text/plain", "404 page not found", 18);
    return true;
}

const struct sim_vendor sim_suno = {
    .name = "suno",
    .has_sound = true,
    .has_early_files = true,
    .handle = handle,
};
