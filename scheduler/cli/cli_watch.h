// Follows tasks until they have ended, over one WebSocket, which is opened again when it breaks
// off.
//
// A terminal shows a bar for each that runs and a line for each that has ended; a file or a pipe
// gets a line per change.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct cli;

// What is said on stdout.
enum cli_watch_says { CLI_WATCH_CHANGES, CLI_WATCH_ENDS, CLI_WATCH_NOTHING };

struct cli_watch_options {
    const char *const *ids; // none where `is_all`
    size_t count;
    bool is_all; // whatever the key has, for ever
    enum cli_watch_says says;
    int64_t timeout_ms; // -1: none; over it is ERR_TIMEOUT
};

// Sets cli->status to 1 where one didn't succeed. Each task that ended is added to `ended`, if that
// isn't NULL.
bool cli_watch_tasks(struct cli *cli, const struct cli_watch_options *options, json_t *ended,
                     struct err *err) WARN_UNUSED;
