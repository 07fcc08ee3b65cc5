// One task, as our own REST surface shows it.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct cli_http;

// For json_decref; NULL where there is none for this key.
json_t *cli_task_get(struct cli_http *http, const char *id, struct err *err) WARN_UNUSED;
// What a refusal means that is about this task; false.
bool cli_task_explain(const char *id, struct err *err);
bool cli_task_has_ended(const json_t *task);
// How far it is, 0 to 100. Not every vendor says: then the phase says at least how far it must be.
int cli_task_percent(const json_t *task);
// How long it took, or takes until now.
int64_t cli_task_took_ms(const json_t *task);
// Why it failed, or waits; else in what time it should be done, where that is known.
void cli_task_note(const json_t *task, struct buf *to);
