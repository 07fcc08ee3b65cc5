// What the families of video, image and music have in common.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/json/field_check.h"
#include "core/task/task.h"

struct buf;

// One red pixel, for examples.
#define FAMILY_PNG                                                                                 \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"

// The id of no task.
#define FAMILY_NO_TASK "task_00000000000000000000000000"

// What every submit takes.
extern const struct field_rule family_hook_rules[];
// The item of a list is something that somebody else opens.
extern const struct field_rule family_source_items[];
// What a list of tasks is asked for with.
extern const struct field_rule family_ids_rules[];
// Schemas of what the functions below write.
extern const char family_flat_schema[], family_envelope_schema[];

// Takes notifyHook or callback_url as the task's hook.
bool family_read_hook(const json_t *body, struct task *task, struct err *err) WARN_UNUSED;
// The ids of a list's body; NULL where it has none. Whoever reads them passes over an item that is
// no id: clients poll many jobs at once, and one mistake isn't to hide them all.
bool family_list_ids(const json_t *body, const json_t **ids, struct err *err) WARN_UNUSED;
// Adds tasks to a list between `head` and `tail`. `json` begins empty, and is complete after each
// call.
void family_add_to_list(struct buf *json, const char *head, const char *tail,
                        struct task *const *tasks, size_t count,
                        void (*render)(const struct task *task, struct buf *json));
// The request becomes this JSON; takes the reference.
void family_set_request(struct task *task, json_t *request);
// The task's request, parsed: never NULL, json_decref.
json_t *family_request_of(const struct task *task);

// The first artifact of a kind, NULL where there is none; borrowed from the result.
const json_t *family_artifact(const json_t *result, const char *kind);
// The link of the first artifact of a kind, "" where there is none; borrowed from the result.
const char *family_link(const json_t *result, const char *kind);
// The same among the artifacts that belong to one of several results (outcome.h: `of`).
const char *family_link_of(const json_t *result, const char *kind, const char *of);
// The word of a phase as OpenAI has it for videos, and as other APIs took it over: a family's
// `word`.
const char *family_openai_word(enum task_phase phase, bool is_modal);
// When the client's word for the task changed last, in Unix seconds, as of the phase that is shown.
int64_t family_updated_s(const struct task *task);
// The length of the video in seconds: as the vendor told it, else as it was asked for, else 0.
double family_duration(const json_t *result, const json_t *request);
// A number as JSON has it: 5, or 5.1.
void family_add_number(struct buf *json, double number);
// Why the task failed, for programs: "task_failed" where the vendor failed it.
const char *family_error_code(const struct task *task);
// Why the task failed, for people.
const char *family_reason(const struct task *task);

// Adds `,"error":{"code","message"}`.
void family_add_error(struct buf *json, const struct task *task);

// {"code","message","data":null}, as every family but /mj and /v1/videos writes an error.
int family_refuse_flat(const struct err *err, struct buf *json);
// {"error":{"message","type","code"}}, as our own surface writes an error.
int family_refuse_envelope(const struct err *err, struct buf *json);
// The HTTP status of a result (family.h: `result`): 200 where the task has succeeded, else what its
// end means to whoever waits for it.
int family_result_status(const struct task *task);
// Writes why a task that hasn't succeeded has no result, in the envelope. Returns the HTTP status.
int family_refuse_ended(const struct task *task, struct buf *json);
// The body of webhooks about a video or an image: {"id","status","type","output",…}.
void family_render_media_callback(const struct task *task, bool is_image, struct buf *json);
// The same about a sound.
void family_render_sound_callback(const struct task *task, struct buf *json);
