// The clip dialect of Suno, as front ends speak it that were made for gateways to Suno's own site:
// a job is its clips, which have names before Suno has made them.
//
// As chatgpt-web-midjourney-proxy sends and reads it. A song makes two clips; they are named
// "<task>-1" and "<task>-2", and a further one, where there is one, goes on with that.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/json/field.h"
#include "core/task/task.h"
#include "providers/families/suno.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { CLIPS = 2 };

#define EXAMPLE "{'gpt_description_prompt':'a sea shanty about deadlines','mv':'chirp-v4'}"
#define SONG .rules = FIELD_RULES(suno_music_rules, family_hook_rules)
#define LYRICS                                                                                     \
    .rules = FIELD_RULES(suno_lyrics_rules, family_hook_rules),                                    \
    .summary = "Write lyrics, as clients of the clip dialect ask for them",                        \
    .example = "{'prompt':'a sea shanty about deadlines'}"

static void render_lyrics(const struct task *task, struct buf *json);

static const struct route routes[] = {
    {"POST", "/suno/generate", ROUTE_SUBMIT, "MUSIC", SONG,
     .summary = "Make a song, and name its clips",
     .example = "{'prompt':'We sail at five','title':'Deadlines','tags':'shanty'}"},
    {"POST", "/suno/generate/description-mode", ROUTE_SUBMIT, "MUSIC", SONG,
     .summary = "Make a song of a description, and name its clips", .example = EXAMPLE},
    {"GET", "/suno/feed/{id}", ROUTE_LIST, NULL, .summary = "Show clips, by ids between commas"},
    {"POST", "/suno/generate/lyrics/", ROUTE_SUBMIT, "LYRICS", LYRICS},
    {"POST", "/suno/generate/lyrics", ROUTE_SUBMIT, "LYRICS", LYRICS},
    {"GET", "/suno/lyrics/{id}", ROUTE_FETCH, NULL, .summary = "Show lyrics",
     .render = render_lyrics},
    {0},
};

static const char *clip_word(enum task_phase phase)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "submitted",    [TASK_SUBMITTING] = "submitted",
        [TASK_IN_DOUBT] = "submitted",  [TASK_SUBMITTED] = "queued",
        [TASK_RENDERING] = "streaming", [TASK_ARCHIVING] = "streaming",
        [TASK_SUCCEEDED] = "complete",  [TASK_FAILED] = "error",
        [TASK_CANCELLED] = "error",
    };

    return words[phase];
}

static void add_text(struct buf *json, const char *name, const char *text)
{
    buf_fmt(json, ",\"%s\":", name);
    buf_json_str(json, text);
}

static void add_fact(struct buf *json, const char *name, const json_t *value)
{
    char *text =
        value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));

    buf_fmt(json, ",\"%s\":%s", name, text == NULL ? "null" : text);
    free(text);
}

// The second image of a clip is the larger one, where there are two.
static const char *large_of(const json_t *result, const char *clip)
{
    const char *link = "";
    json_t *artifact;
    size_t i;

    json_array_foreach(field_at(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), "cover") == 0 &&
            strcmp(field_str_or_empty(artifact, "of"), clip) == 0)
            link = field_str_or_empty(artifact, "url");
    }
    return link;
}

// A clip that a finished song hasn't got, or without its sound, has failed.
static void add_clip(struct buf *json, const struct task *task, size_t number)
{
    json_t *result = family_result(task), *request = family_request_of(task);
    const json_t *clip = json_array_get(field_at(result, "extra.clips"), number - 1);
    const char *theirs = field_str_or_empty(clip, "id");
    const char *audio = clip == NULL ? "" : family_link_of(result, "audio", theirs);
    const char *title = field_str_or_empty(clip, "title");
    bool is_missing = task->phase == TASK_SUCCEEDED && *audio == '\0';
    bool has_failed = is_missing || task->phase == TASK_FAILED || task->phase == TASK_CANCELLED;

    buf_fmt(json, "{\"id\":\"%s-%zu\"", task->id, number);
    add_text(json, "title", *title == '\0' ? field_str_or_empty(request, "title") : title);
    add_text(json, "status", has_failed ? "error" : clip_word(task->phase));
    add_text(json, "audio_url", audio);
    add_text(json, "video_url", clip == NULL ? "" : family_link_of(result, "video", theirs));
    add_text(json, "image_url", clip == NULL ? "" : family_link_of(result, "cover", theirs));
    add_text(json, "image_large_url", clip == NULL ? "" : large_of(result, theirs));
    add_text(json, "model_name", task->model == NULL ? "" : task->model);
    buf_str(json, ",\"metadata\":{\"task_id\":");
    buf_json_str(json, task->id);
    add_fact(json, "tags",
             clip == NULL ? json_object_get(request, "tags") : field_at(clip, "tags"));
    add_fact(json, "prompt",
             clip == NULL ? json_object_get(request, "prompt") : field_at(clip, "prompt"));
    add_fact(json, "duration", clip == NULL ? NULL : field_at(clip, "duration"));
    if (has_failed)
        add_text(json, "error_message",
                 is_missing ? "this clip of the song has failed" : family_reason(task));
    buf_str(json, "}}");
    json_decref(request);
    json_decref(result);
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"id\":\"%s\"", task->id);
    if (suno_is_lyrics(task)) {
        buf_char(json, '}');
        return;
    }
    buf_str(json, ",\"clips\":[");
    for (size_t i = 1; i <= CLIPS; i++) {
        if (i > 1)
            buf_char(json, ',');
        add_clip(json, task, i);
    }
    buf_str(json, "]}");
}

static void render_lyrics(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);

    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\"", task->id, clip_word(task->phase));
    add_text(json, "title", field_str_or_empty(result, "extra.title"));
    add_text(json, "text", suno_text_of(result));
    if (task->phase == TASK_FAILED || task->phase == TASK_CANCELLED)
        add_text(json, "error_message", family_reason(task));
    buf_char(json, '}');
    json_decref(result);
}

// How many the song has; as long as nobody knows, as many as the client was told of.
static size_t count_clips(const struct task *task)
{
    json_t *result = family_result(task);
    size_t count = json_array_size(field_at(result, "extra.clips"));

    json_decref(result);
    return count > CLIPS ? count : CLIPS;
}

// All clips of a song.
static void render(const struct task *task, struct buf *json)
{
    size_t count;

    if (suno_is_lyrics(task)) {
        render_lyrics(task, json);
        return;
    }
    count = count_clips(task);
    for (size_t i = 1; i <= count; i++) {
        if (i > 1)
            buf_char(json, ',');
        add_clip(json, task, i);
    }
}

// A clip, or a task, whose clips are meant then.
static bool read_id(const char *text, char id[ID_SIZE])
{
    size_t number;

    if (suno_read_clip(text, id, &number))
        return true;
    snprintf(id, ID_SIZE, "%s", text);
    return id_is_task(text);
}

static void render_list(struct task *const *tasks, const char *const *ids, size_t count,
                        struct buf *json)
{
    if (json->len == 0)
        buf_char(json, '[');
    else
        json->len--; // the list goes on
    for (size_t i = 0; i < count; i++) {
        char id[ID_SIZE];
        size_t number;
        bool is_clip;

        if (tasks[i] == NULL || suno_is_lyrics(tasks[i]))
            continue;
        is_clip = suno_read_clip(ids[i], id, &number);
        if (is_clip && number > count_clips(tasks[i]))
            continue; // no such clip
        if (json->len > 1)
            buf_char(json, ',');
        if (is_clip)
            add_clip(json, tasks[i], number);
        else
            render(tasks[i], json);
    }
    buf_char(json, ']');
}

#define CLIP_SCHEMA                                                                                \
    "{'type':'object','required':['id','status','audio_url'],'properties':{'id':{'type':"          \
    "'string'},'title':{'type':'string'},'status':{'enum':['submitted','queued','streaming',"      \
    "'complete','error']},'audio_url':{'type':'string'},'video_url':{'type':'string'},"            \
    "'image_url':{'type':'string'},'image_large_url':{'type':'string'},'model_name':{'type':"      \
    "'string'},'metadata':{'type':'object'}}}"

const struct family family_suno_clips = {
    .name = "suno_clips",
    .kin = "suno",
    .routes = routes,
    .accept = suno_accept,
    .adopt = suno_adopt,
    .accepted = accepted,
    .render = render_lyrics,
    .read_id = read_id,
    .render_list = render_list,
    .render_callback = suno_render_callback,
    .word = suno_word,
    .refuse = family_refuse_flat,
    .title = "Suno, as clips",
    .accepted_schema =
        "{'type':'object','required':['id'],'description':'The task, and the clips "
        "of a song.','properties':{'id':{'type':'string'},'clips':{'type':'array',"
        "'items':" CLIP_SCHEMA "}}}",
    .shown_schema =
        "{'type':'object','required':['id','status','title','text'],'properties':{"
        "'id':{'type':'string'},'status':{'type':'string'},'title':{'type':'string'},"
        "'text':{'type':'string'}}}",
    .listed_schema = "{'type':'array','items':" CLIP_SCHEMA "}",
    .refused_schema = family_flat_schema,
};
