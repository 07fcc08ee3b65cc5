// The verbs: one row each, and what they are given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"

struct cli_command;
struct cli_http;

enum cli_output { CLI_TABLE, CLI_JSON, CLI_IDS };

// What a verb is run with.
struct cli {
    const struct cli_command *command;
    struct cli_http *http; // NULL where the verb asks nobody
    enum cli_output output;
    int status; // what to exit with where nothing else went wrong
};

// False: `err` is what went wrong, and is said once by the caller. ERR_CONFIG stands for wrong use,
// ERR_TIMEOUT for a time that is over.
typedef bool (*cli_verb_fn)(struct cli *cli, struct err *err);

struct cli_verb {
    const char *name;    // "hooks list": a group, and the verb in it
    const char *usage;   // what follows the name
    const char *about;   // a few words
    size_t least, most;  // words behind it
    uint64_t options;    // bits of enum cli_option
    const char *choices; // what the first word may be, for completion; NULL: anything
    cli_verb_fn run;     // NULL: main.c does it
};

#define CLI_WITH(option) (1ULL << (option))
enum { CLI_MANY = 1000000 };

// Ends with a row without a name.
extern const struct cli_verb cli_verbs[];

// cli_tasks.c
bool cli_tasks_get(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_tasks_list(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_tasks_cancel(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_tasks_timeline(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_tasks_models(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_submit.c
bool cli_submit_jobs(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_files.c
bool cli_files_download(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_files_upload(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_watch.c
bool cli_watch_verb(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_hooks.c
bool cli_hooks_list(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_hooks_redeliver(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_hooks_exhausted(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_hooks_secret(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_hooks_verify(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_listen.c
bool cli_listen_verb(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_operator.c
bool cli_operator_top(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_operator_accounts(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_operator_test(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_operator_disable(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_operator_enable(struct cli *cli, struct err *err) WARN_UNUSED;
bool cli_operator_resolve(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_dev.c
bool cli_dev_verb(struct cli *cli, struct err *err) WARN_UNUSED;
// cli_completion.c
bool cli_completion_verb(struct cli *cli, struct err *err) WARN_UNUSED;
