// How things are said: times, sizes, JSON, errors.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct cli;

// A line of JSON for scripts; indented where a person looks at it.
void cli_show_json(const json_t *value);
// "0.4 s", "12 s", "3 min", "5 h", "2 d"; nothing of less than none.
void cli_show_span(struct buf *to, int64_t ms);
// Of local time, "2026-03-27 10:00:05"; nothing of 0.
void cli_show_time(struct buf *to, int64_t unix_ms);
// "812 B", "1.2 MB".
void cli_show_bytes(struct buf *to, int64_t bytes);
// Added behind what is there already, with ", " between.
void cli_show_join(struct buf *to, const char *text);
// One line on stderr.
void cli_show_error(const char *message);
// What went wrong with one of many is said, and the others have their turn; but where they would
// fare no better it becomes `err`, and false.
bool cli_show_and_go_on(struct cli *cli, const struct err *why, struct err *err) WARN_UNUSED;
