// A command line as it was typed: a verb, its words, its options.
//
// Options may stand anywhere, also before the verb, until "--" ends them. What is right is in two
// tables, of options here and of verbs in cli_verb.h; usage, help and completion are made of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct cli_verb;

enum cli_option {
    CLI_URL,
    CLI_KEY,
    CLI_OUTPUT,
    CLI_CONFIG,
    CLI_LISTEN,
    CLI_ADMIN_LISTEN,
    CLI_ROLES,
    CLI_PROBE,
    CLI_DATA,
    CLI_FORM,
    CLI_WATCH,
    CLI_DIRECTORY,
    CLI_IDEMPOTENCY_KEY,
    CLI_HOOK,
    CLI_TIMEOUT,
    CLI_STATUS,
    CLI_PROVIDER,
    CLI_ACCOUNT,
    CLI_OWNER,
    CLI_SINCE,
    CLI_HOST,
    CLI_LIMIT,
    CLI_ALL,
    CLI_REDELIVER,
    CLI_PORT,
    CLI_SECRET,
    CLI_ID,
    CLI_TIMESTAMP,
    CLI_SIGNATURE,
    CLI_DO,
    CLI_UPSTREAM_ID,
    CLI_VERSION,
    CLI_HELP,
    CLI_OPTION_COUNT
};

struct cli_option_row {
    char letter;         // 0: it has none
    const char *name;    // behind "--"
    const char *value;   // what its value is called; NULL: it takes none
    const char *choices; // words that the value must be one of, with spaces between; NULL: any
    const char *about;
};

extern const struct cli_option_row cli_options[CLI_OPTION_COUNT];

struct cli_command {
    const struct cli_verb *verb;          // NULL: --help or --version alone
    const char *values[CLI_OPTION_COUNT]; // borrowed from argv; NULL: not given; "" of a flag
    const char **words;                   // behind the verb; the list is ours
    size_t word_count;
    const char **forms; // each -F; the list is ours
    size_t form_count;
};

// False where it isn't understood: `wrong` is one line that says what and shows what would be
// right. cli_command_clear in any case.
bool cli_command_read(struct cli_command *command, int argc, char **argv, struct buf *wrong)
    __attribute__((warn_unused_result));
void cli_command_clear(struct cli_command *command);

// Leaves the number alone where the option isn't given.
bool cli_command_number(const struct cli_command *command, enum cli_option option, int64_t least,
                        int64_t most, int64_t *number, struct err *err) WARN_UNUSED;
// Seconds, fractions too, as milliseconds.
bool cli_command_seconds(const struct cli_command *command, enum cli_option option, int64_t *ms,
                         struct err *err) WARN_UNUSED;
// A time, as Unix milliseconds: so long ago ("90s", "30m", "2h", "1d"), a date and perhaps a time
// of UTC ("2026-03-27", "2026-03-27T10:00:00Z"), or Unix milliseconds as they are.
bool cli_command_time(const struct cli_command *command, enum cli_option option, int64_t now_ms,
                      int64_t *ms, struct err *err) WARN_UNUSED;
