// The public /suno dialect: songs, lyrics, concatenations.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/families/suno.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_PROMPT = 10000, MAX_TITLE = 200, MAX_TAGS = 1000, MAX_NAME = 128 };

#define TEXT(name, most, what)                                                                     \
    {                                                                                              \
        .path = (name), .kind = FIELD_TEXT, .max = (most), .about = (what)                         \
    }
#define NEEDED(name, most)                                                                         \
    {                                                                                              \
        .path = (name), .kind = FIELD_TEXT, .is_required = true, .max = (most)                     \
    }

// Fields of a song in every mode.
const struct field_rule suno_music_rules[] = {
    TEXT("prompt", MAX_PROMPT, "The lyrics, where they are yours."),
    TEXT("gpt_description_prompt", MAX_PROMPT, "What the song is to be like, lyrics and all."),
    TEXT("title", MAX_TITLE, "Is needed with lyrics of yours."),
    TEXT("tags", MAX_TAGS, "Styles; are needed with lyrics of yours."),
    TEXT("mv", MAX_NAME, "The model, as GET /v1/models lists them."),
    TEXT("singer_style", MAX_TAGS, NULL),
    TEXT("continue_clip_id", MAX_NAME, "A clip that one of the key's tasks made, to be continued."),
    {.path = "continue_at", .kind = FIELD_NUMBER, .about = "From where on, in seconds."},
    TEXT("task", MAX_NAME, "Another task that a relay offers."),
    {.path = "audio_url", .kind = FIELD_SOURCE},
    {.path = "make_instrumental", .kind = FIELD_BOOL},
    {0},
};

// What each mode needs; the first whose field is given is the mode.
static const struct mode {
    const char *field; // NULL: every other request
    bool needs_lyrics; // unless nobody is to sing
    struct field_rule rules[3];
} modes[] = {
    {"continue_clip_id",
     true,
     {{.path = "continue_at", .kind = FIELD_NUMBER, .is_required = true}, {0}}},
    {"audio_url", false, {{0}}},
    {"gpt_description_prompt", false, {{0}}},
    {"task", false, {{0}}}, // another task that a relay offers; the relay knows what it takes
    {NULL, true, {NEEDED("title", MAX_TITLE), NEEDED("tags", MAX_TAGS), {0}}},
};

const struct field_rule suno_lyrics_rules[] = {NEEDED("prompt", MAX_PROMPT), {0}};

static const struct field_rule concat_rules[] = {
    NEEDED("clip_id", MAX_NAME),
    {.path = "is_infill", .kind = FIELD_BOOL},
    {0},
};

static const struct field_rule ids_rules[] = {
    {.path = "ids",
     .kind = FIELD_ARRAY,
     .is_required = true,
     .about = "Ids of tasks, as many as fit. What is no id is left out."},
    {0},
};

// Some relays ask with an action in capitals (Veloera).
#define SUBMIT(path, action, capitals, ...)                                                        \
    {"POST", "/suno/submit/" path, ROUTE_SUBMIT, action, __VA_ARGS__},                             \
    {                                                                                              \
        "POST", "/suno/submit/" capitals, ROUTE_SUBMIT, action, __VA_ARGS__                        \
    }
static const struct route routes[] = {
    SUBMIT("music", "MUSIC", "MUSIC", .rules = FIELD_RULES(suno_music_rules, family_hook_rules),
           .summary = "Make a song",
           .example = "{'gpt_description_prompt':'a sea shanty about deadlines','mv':'chirp-v4'}"),
    SUBMIT("lyrics", "LYRICS", "LYRICS", .rules = FIELD_RULES(suno_lyrics_rules, family_hook_rules),
           .summary = "Write lyrics", .example = "{'prompt':'a sea shanty about deadlines'}"),
    SUBMIT("concat", "CONCAT", "CONCAT", .rules = FIELD_RULES(concat_rules, family_hook_rules),
           .summary = "Join the parts of a song that was continued",
           .example = "{'clip_id':'00000000-0000-4000-8000-000000000000'}"),
    {"GET", "/suno/fetch/{id}", ROUTE_FETCH, NULL, .summary = "Show a song or lyrics"},
    {"POST", "/suno/fetch", ROUTE_LIST, NULL, .rules = FIELD_RULES(ids_rules),
     .summary = "Show many songs and lyrics", .example = "{'ids':['" FAMILY_NO_TASK "']}"},
    {0},
};
#undef SUBMIT

// `is_named`: the song's title and tags are wanted, as the page has it; clients of the clip dialect
// leave them out.
static bool check_music(const json_t *body, bool is_named, struct err *err)
{
    const struct mode *mode = modes;

    while (mode->field != NULL && !field_is_given(body, mode->field))
        mode++;
    if (mode->needs_lyrics && !json_is_true(field_at(body, "make_instrumental")) &&
        !field_check(body, suno_lyrics_rules, err))
        return false;
    return (mode->field == NULL && !is_named) || field_check(body, mode->rules, err);
}

bool suno_accept(const struct family_request *request, struct task *task, const char **once,
                 struct err *err)
{
    const char *action = request->route->action;
    const json_t *body = request->body;
    const char *clip = field_str_or_empty(body, "continue_clip_id");
    const char *model = field_str_or_empty(body, "mv");
    char parent[ID_SIZE];
    size_t number;
    bool is_named = strncmp(request->route->path, "/suno/submit/", 13) == 0;
    bool ok = family_check(request, err) &&
              (strcmp(action, "MUSIC") != 0 || check_music(body, is_named, err));

    (void)once;
    if (!ok || !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->provider, "suno");
    mem_set_str(&task->action, action);
    task->cost = 1;
    if (strcmp(action, "MUSIC") == 0 && *model != '\0')
        mem_set_str(&task->model, model);
    // A clip is known to the vendor at one account only: that of the task that made it.
    if (strcmp(action, "CONCAT") == 0)
        clip = field_str_or_empty(body, "clip_id");
    if (strcmp(action, "LYRICS") == 0 || *clip == '\0')
        return true;
    if (suno_read_clip(clip, parent, &number))
        mem_set_str(&task->parent, parent);
    else
        mem_set_str(&task->mark, clip);
    return true;
}

bool suno_read_clip(const char *text, char task[ID_SIZE], size_t *number)
{
    size_t len = strcspn(text, "-");
    char *end;

    if (len >= ID_SIZE || text[len] != '-' || strspn(text + len + 1, "0123456789") == 0)
        return false;
    memcpy(task, text, len);
    task[len] = '\0';
    *number = strtoul(text + len + 1, &end, 10);
    return *end == '\0' && *number > 0 && id_is_task(task);
}

// The request says which clip; the vendor knows it by the vendor's name.
static bool name_clip(struct task *task, const struct task *parent, const char *field,
                      struct err *err)
{
    json_t *request = family_request_of(task), *result = NULL;
    char id[ID_SIZE], place[64];
    size_t number;
    const char *theirs;
    bool ok = true;

    if (suno_read_clip(field_str_or_empty(request, field), id, &number)) {
        result = family_result(parent);
        snprintf(place, sizeof place, "extra.clips.%zu.id", number - 1);
        theirs = field_str_or_empty(result, place);
        ok = *theirs != '\0' ||
             (task_is_terminal(parent->phase)
                  ? err_set(err, ERR_NOT_FOUND, "%s: there is no such clip", field)
                  : err_set(err, ERR_INVALID, "%s: there is no such clip yet", field));
        if (ok) {
            json_object_set_new(request, field, json_string(theirs));
            family_set_request(task, json_incref(request));
        }
    }
    json_decref(result);
    json_decref(request);
    return ok;
}

bool suno_adopt(struct task *task, const struct task *parent, struct err *err)
{
    const char *field = strcmp(task->action, "CONCAT") == 0 ? "clip_id" : "continue_clip_id";

    if (parent == NULL || strcmp(parent->provider, "suno") != 0)
        return err_set(err, ERR_NOT_FOUND, "%s: no task of this key made such a clip", field);
    if (parent->upstream_id == NULL || parent->account == NULL)
        return err_set(err, ERR_INVALID, "%s: the vendor never had its task", field);
    if (!name_clip(task, parent, field, err))
        return false;
    mem_set_str(&task->account, parent->account);
    mem_set_str(&task->upstream_parent, parent->upstream_id);
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"code\":1,\"description\":\"Submitted successfully\",\"result\":\"%s\"}",
            task->id);
}

const char *suno_word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "submitted",     [TASK_SUBMITTING] = "submitted",
        [TASK_IN_DOUBT] = "submitted",   [TASK_SUBMITTED] = "submitted",
        [TASK_RENDERING] = "processing", [TASK_ARCHIVING] = "processing",
        [TASK_SUCCEEDED] = "complete",   [TASK_FAILED] = "error",
        [TASK_CANCELLED] = "error",
    };

    (void)is_modal;
    return words[phase];
}

bool suno_is_lyrics(const struct task *task)
{
    return strcmp(task->action, "LYRICS") == 0;
}

static void add_fact(struct buf *json, const json_t *clip, const char *name, const char *otherwise)
{
    json_t *value = field_at(clip, name);
    char *text = value == NULL
                     ? NULL
                     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));

    buf_fmt(json, ",\"%s\":", name);
    buf_str(json, text == NULL ? otherwise : text);
    free(text);
}

static void add_link(struct buf *json, const char *name, const char *url)
{
    buf_fmt(json, ",\"%s\":", name);
    buf_json_str(json, url);
}

static void add_clip(struct buf *json, const json_t *result, const json_t *clip)
{
    const char *id = field_str_or_empty(clip, "id");

    buf_str(json, "{\"id\":");
    buf_json_str(json, id);
    add_fact(json, clip, "title", "\"\"");
    add_link(json, "audio_url", family_link_of(result, "audio", id));
    add_link(json, "image_url", family_link_of(result, "cover", id));
    add_fact(json, clip, "duration", "0");
    add_fact(json, clip, "tags", "\"\"");
    add_fact(json, clip, "prompt", "\"\"");
    add_fact(json, clip, "status", "\"complete\"");
    buf_char(json, '}');
}

static void add_failure(struct buf *json, const struct task *task)
{
    if (task->phase != TASK_FAILED && task->phase != TASK_CANCELLED)
        return;
    buf_str(json, ",\"fail_reason\":");
    buf_json_str(json, family_reason(task));
}

static void add_song(struct buf *json, const struct task *task)
{
    json_t *result = family_result(task), *clip;
    size_t i;

    buf_fmt(json, "{\"task_id\":\"%s\",\"status\":\"%s\",\"data\":[", task->id,
            suno_word(task->phase, false));
    json_array_foreach(field_at(result, "extra.clips"), i, clip)
    {
        if (i > 0)
            buf_char(json, ',');
        add_clip(json, result, clip);
    }
    buf_char(json, ']');
    add_failure(json, task);
    buf_char(json, '}');
    json_decref(result);
}

// The text of the lyrics, "" while there is none; borrowed from the result.
const char *suno_text_of(const json_t *result)
{
    json_t *artifact;
    size_t i;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), "text") == 0)
            return field_str_or_empty(artifact, "text");
    }
    return "";
}

static void add_lyrics(struct buf *json, const struct task *task)
{
    json_t *result = family_result(task);

    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\",\"data\":{\"title\":", task->id,
            suno_word(task->phase, false));
    buf_json_str(json, field_str_or_empty(result, "extra.title"));
    add_link(json, "text", suno_text_of(result));
    buf_char(json, '}');
    add_failure(json, task);
    buf_char(json, '}');
    json_decref(result);
}

static void render(const struct task *task, struct buf *json)
{
    if (suno_is_lyrics(task)) {
        add_lyrics(json, task);
        return;
    }
    buf_str(json, "{\"code\":1,\"data\":");
    add_song(json, task);
    buf_char(json, '}');
}

static void render_item(const struct task *task, struct buf *json)
{
    if (suno_is_lyrics(task))
        add_lyrics(json, task);
    else
        add_song(json, task);
}

static void render_list(struct task *const *tasks, const char *const *ids, size_t count,
                        struct buf *json)
{
    (void)ids;
    family_add_to_list(json, "{\"code\":1,\"data\":[", "]}", tasks, count, render_item);
}

// A list may be empty, but there must be one.
static bool list_ids(const json_t *body, const json_t **ids, struct err *err)
{
    return family_list_ids(body, ids, err) &&
           (*ids != NULL || err_set(err, ERR_INVALID, "ids: is required"));
}

// The first usable clip; lyrics have a title and a text.
void suno_render_callback(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task), *clips = field_at(result, "extra.clips"), *clip = NULL;
    const char *audio = "";
    size_t i;

    for (i = 0; i < json_array_size(clips) && *audio == '\0'; i++) {
        clip = json_array_get(clips, i);
        audio = family_link_of(result, "audio", field_str_or_empty(clip, "id"));
    }
    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\",\"output\":{", task->id,
            suno_word(task->phase, false));
    if (suno_is_lyrics(task)) {
        buf_str(json, "\"title\":");
        buf_json_str(json, field_str_or_empty(result, "extra.title"));
        add_link(json, "text", suno_text_of(result));
    } else {
        buf_str(json, "\"audio_url\":");
        buf_json_str(json, audio);
        add_fact(json, clip, "title", "\"\"");
        add_fact(json, clip, "duration", "0");
    }
    buf_char(json, '}');
    add_failure(json, task);
    buf_char(json, '}');
    json_decref(result);
}

const struct family family_suno = {
    .name = "suno",
    .kin = "suno_clips",
    .routes = routes,
    .accept = suno_accept,
    .adopt = suno_adopt,
    .accepted = accepted,
    .render = render,
    .list_ids = list_ids,
    .render_list = render_list,
    .render_callback = suno_render_callback,
    .word = suno_word,
    .refuse = family_refuse_flat,
    .title = "Suno",
    .accepted_schema =
        "{'type':'object','required':['code','description','result'],'properties':{"
        "'code':{'const':1},'description':{'type':'string'},'result':{'type':"
        "'string','description':'The id of the task.'}}}",
    .shown_schema =
        "{'type':'object','description':'A song: code, and data with task_id, status and its "
        "clips. Lyrics: id, status, and data with title and text.','properties':{'code':{"
        "'const':1},'id':{'type':'string'},'status':{'enum':['submitted','processing','complete',"
        "'error']},'fail_reason':{'type':'string'},'data':{'type':'object'}}}",
    .listed_schema =
        "{'type':'object','required':['code','data'],'properties':{'code':{'const':1},"
        "'data':{'type':'array','items':{'type':'object'}}}}",
    .refused_schema = family_flat_schema,
};
