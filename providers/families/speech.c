// The public /v1/audio/speech dialect: OpenAI's text to speech (openai-node
// src/resources/audio/speech.ts). The answer is the sound itself.
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum {
    MAX_CHARACTERS = 4096,
    MAX_TEXT = MAX_CHARACTERS * 4, // bytes
    MAX_NAME = 128,
};

static const struct field_rule rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .is_required = true, .max = MAX_NAME},
    {.path = "input",
     .kind = FIELD_TEXT,
     .is_required = true,
     .min = 1,
     .max = MAX_TEXT,
     .about = "What is to be said, of at most 4096 characters."},
    {.path = "voice",
     .kind = FIELD_ANY,
     .is_required = true,
     .about = "The name of one of the model's voices, or {id} of one's own."},
    {.path = "instructions",
     .kind = FIELD_TEXT,
     .max = MAX_TEXT,
     .about = "How it is to be said, of at most 4096 characters."},
    {.path = "response_format",
     .kind = FIELD_WORD,
     .words = (const char *const[]){"mp3", "opus", "aac", "flac", "wav", "pcm", NULL},
     .about = "The default is mp3."},
    {.path = "speed", .kind = FIELD_NUMBER, .min = 0.25, .max = 4},
    {.path = "stream_format",
     .kind = FIELD_WORD,
     .words = (const char *const[]){"audio", NULL},
     .about = "The sound comes as a whole: there are no events."},
    {0},
};

static const struct route routes[] = {
    {"POST", "/v1/audio/speech", ROUTE_RESULT, "speech",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Say a text and wait for the sound",
     .example = "{'model':'tts-1','input':'The first tram of the morning.','voice':'nova'}"},
    {0},
};

static bool check_characters(const json_t *body, const char *name, struct err *err)
{
    return adapter_characters(field_str_or_empty(body, name)) <= MAX_CHARACTERS ||
           err_set(err, ERR_INVALID, "%s: is longer than %d characters", name, (int)MAX_CHARACTERS);
}

static bool check_voice(const json_t *body, struct err *err)
{
    static const struct field_rule name = {
        .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = MAX_NAME};
    const json_t *voice = json_object_get(body, "voice");
    const json_t *id = json_object_get(voice, "id");

    if (!json_is_object(voice))
        return field_check_value(voice, &name, "voice", err);
    if (id == NULL)
        return err_set(err, ERR_INVALID, "voice.id: is required");
    return field_check_value(id, &name, "voice.id", err);
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const json_t *body = request->body;

    (void)once;
    if (!family_check(request, err) || !check_characters(body, "input", err) ||
        !check_characters(body, "instructions", err) || !check_voice(body, err) ||
        !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->model, field_str_or_empty(body, "model"));
    mem_set_str(&task->action, request->route->action);
    task->cost = 1;
    return true;
}

static int result(const struct task *task, struct family_answer *answer)
{
    json_t *result = json_read(task->result);
    const char *key = field_str_or_empty(family_artifact(result, "audio"), "key");
    int status = 200;

    if (*key != '\0')
        answer->file = mem_str(key);
    else
        status = family_refuse_ended(task, &answer->json);
    json_decref(result);
    return status;
}

const struct family family_speech = {
    .name = "speech",
    .media = MEDIA_SPEECH,
    .routes = routes,
    .accept = accept,
    .result = result,
    .render_callback = family_render_sound_callback,
    .word = family_openai_word,
    .refuse = family_refuse_envelope,
    .title = "Speech, as OpenAI has it",
    .refused_schema = family_envelope_schema,
};
