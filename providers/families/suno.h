// What Suno's two public dialects have in common: suno.c speaks of tasks, suno_clips.c of the clips
// that a task makes.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"
#include "core/json/field_check.h"
#include "core/task/task.h"

struct buf;
struct family_request;

extern const struct field_rule suno_music_rules[], suno_lyrics_rules[];

// These are as families have them (providers/family.h).
bool suno_accept(const struct family_request *request, struct task *task, const char **once,
                 struct err *err) WARN_UNUSED;
bool suno_adopt(struct task *task, const struct task *parent, struct err *err) WARN_UNUSED;
void suno_render_callback(const struct task *task, struct buf *json);
const char *suno_word(enum task_phase phase, bool is_modal);

bool suno_is_lyrics(const struct task *task);
// The text of the lyrics, "" while there is none; borrowed from the result.
const char *suno_text_of(const json_t *result);

// A clip as we name it before Suno has: "<task>-<n>", from 1. False: it is no such name.
bool suno_read_clip(const char *text, char task[ID_SIZE], size_t *number);
