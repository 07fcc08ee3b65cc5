// A command line, read by the tables.
#include "scheduler/cli/cli_command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "scheduler/cli/cli_verb.h"

const struct cli_option_row cli_options[CLI_OPTION_COUNT] = {
    [CLI_URL] = {'u', "url", "URL", NULL, "where Spool is; else SPOOL_URL"},
    [CLI_KEY] = {'k', "api-key", "KEY", NULL, "the API key; else SPOOL_KEY"},
    [CLI_OUTPUT] = {'o', "output", "FORM", "table json id", "how to print: table, json or id"},
    [CLI_CONFIG] = {'c', "config", "FILE", NULL, "the configuration; else SPOOL_CONFIG"},
    [CLI_LISTEN] = {0, "listen", "HOST:PORT", NULL, "where to listen"},
    [CLI_ADMIN_LISTEN] = {0, "admin-listen", "HOST:PORT", NULL, "where to listen for operators"},
    [CLI_ROLES] = {0, "roles", "ROLES", NULL, "of api,worker,webhook those that run here"},
    [CLI_PROBE] = {0, "probe", NULL, NULL, "try the storage, Redis and the keys out"},
    [CLI_DATA] = {'d', "data", "JSON|@FILE", NULL, "the job; @FILE may hold many, - is stdin"},
    [CLI_FORM] = {'F', "form", "NAME=@FILE", NULL, "a field of a form, NAME=VALUE too"},
    [CLI_WATCH] = {0, "watch", NULL, NULL, "wait for the end"},
    [CLI_DIRECTORY] = {'O', "output-dir", "DIR", NULL, "where files go"},
    [CLI_IDEMPOTENCY_KEY] = {0, "idempotency-key", "KEY", NULL, "a second submit is the first"},
    [CLI_HOOK] = {0, "hook", "URL", NULL, "where the webhook goes"},
    [CLI_TIMEOUT] = {0, "timeout", "SECONDS", NULL, "how long to wait for the end"},
    [CLI_STATUS] = {0, "status", "STATUS", "queued in_progress succeeded failed cancelled",
                    "of this status only"},
    [CLI_PROVIDER] = {0, "provider", "NAME", NULL, "of this provider only"},
    [CLI_ACCOUNT] = {0, "account", "NAME", NULL, "of this account only (operator)"},
    [CLI_OWNER] = {0, "key", "NAME", NULL, "of this key only (operator)"},
    [CLI_SINCE] = {0, "since", "TIME", NULL, "not older: 2h, 2026-03-27"},
    [CLI_HOST] = {0, "host", "HOST", NULL, "to this receiver only"},
    [CLI_LIMIT] = {0, "limit", "N", NULL, "so many at most; 0: all"},
    [CLI_ALL] = {0, "all", NULL, NULL, "all of the key"},
    [CLI_REDELIVER] = {0, "redeliver", NULL, NULL, "send them again"},
    [CLI_PORT] = {0, "port", "N", NULL, "where to listen on this machine"},
    [CLI_SECRET] = {0, "secret", "SECRET", NULL, "whsec_ and base64"},
    [CLI_ID] = {0, "id", "ID", NULL, "the header webhook-id"},
    [CLI_TIMESTAMP] = {0, "timestamp", "SECONDS", NULL, "the header webhook-timestamp"},
    [CLI_SIGNATURE] = {0, "signature", "TEXT", NULL, "the header webhook-signature"},
    [CLI_DO] = {0, "do", "WHAT", "adopt archive resubmit", "how the task goes on"},
    [CLI_UPSTREAM_ID] = {0, "upstream-id", "ID", NULL, "the vendor's id of the job to adopt"},
    [CLI_VERSION] = {0, "version", NULL, NULL, "say the version"},
    [CLI_HELP] = {'h', "help", NULL, NULL, "say how it is used"},
};

// How many letters must change; words of any sensible length.
static size_t distance(const char *a, const char *b)
{
    size_t row[32], b_len = strlen(b);

    if (b_len >= sizeof row / sizeof row[0] || strlen(a) >= sizeof row / sizeof row[0])
        return SIZE_MAX;
    for (size_t k = 0; k <= b_len; k++)
        row[k] = k;
    for (size_t i = 1; *a != '\0'; i++, a++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            size_t best = diagonal + (*a != b[k - 1]);

            diagonal = row[k];
            best = row[k] + 1 < best ? row[k] + 1 : best;
            row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
        }
    }
    return row[b_len];
}

// The nearer of two candidates; what is too far is none.
static void consider(const char *typed, const char *candidate, const char **best)
{
    size_t now = distance(typed, candidate);

    if (now <= 2 && now < strlen(typed) && (*best == NULL || now < distance(typed, *best)))
        *best = candidate;
}

static void show_usage(const struct cli_verb *verb, struct buf *wrong)
{
    if (verb == NULL)
        buf_str(wrong, "; usage: spool VERB ..., and \"spool --help\" lists the verbs");
    else
        buf_fmt(wrong, "; usage: spool %s%s%s", verb->name, *verb->usage == '\0' ? "" : " ",
                verb->usage);
}

// Options.

static enum cli_option find_option(const char *name, size_t len)
{
    int option = 0;

    while (option < CLI_OPTION_COUNT && (strlen(cli_options[option].name) != len ||
                                         memcmp(cli_options[option].name, name, len) != 0))
        option++;
    return (enum cli_option)option;
}

static enum cli_option find_letter(char letter)
{
    int option = 0;

    while (option < CLI_OPTION_COUNT && cli_options[option].letter != letter)
        option++;
    return (enum cli_option)option;
}

// What goes wrong first is said, once the verb is known.
struct reader {
    struct cli_command *command;
    int argc, at;
    char **argv;
    const char *unknown;     // no option at all
    enum cli_option bare;    // lacks its value
    enum cli_option too_big; // a flag that got one
};

static void take_value(struct reader *reader, enum cli_option option, const char *value)
{
    struct cli_command *command = reader->command;

    if (cli_options[option].value == NULL) {
        if (value != NULL && reader->too_big == CLI_OPTION_COUNT)
            reader->too_big = option;
        value = "";
    } else if (value == NULL) {
        value = reader->at + 1 < reader->argc ? reader->argv[++reader->at] : NULL;
        if (value == NULL && reader->bare == CLI_OPTION_COUNT)
            reader->bare = option;
    }
    command->values[option] = value;
    if (option == CLI_FORM && value != NULL)
        command->forms[command->form_count++] = value;
}

static void read_long(struct reader *reader, const char *text)
{
    size_t len = strcspn(text + 2, "=");
    enum cli_option option = find_option(text + 2, len);

    if (option == CLI_OPTION_COUNT)
        reader->unknown = reader->unknown == NULL ? text : reader->unknown;
    else
        take_value(reader, option, text[2 + len] == '=' ? text + 3 + len : NULL);
}

static void read_letter(struct reader *reader, const char *text)
{
    enum cli_option option = text[1] == '\0' ? CLI_OPTION_COUNT : find_letter(text[1]);

    if (option == CLI_OPTION_COUNT || (cli_options[option].value == NULL && text[2] != '\0'))
        reader->unknown = reader->unknown == NULL ? text : reader->unknown;
    else
        take_value(reader, option, text[2] == '\0' ? NULL : text + 2);
}

static void read_all(struct reader *reader)
{
    struct cli_command *command = reader->command;
    bool has_ended = false;

    for (reader->at = 1; reader->at < reader->argc; reader->at++) {
        const char *text = reader->argv[reader->at];

        if (has_ended || text[0] != '-' || text[1] == '\0')
            command->words[command->word_count++] = text;
        else if (strcmp(text, "--") == 0)
            has_ended = true;
        else if (text[1] == '-')
            read_long(reader, text);
        else
            read_letter(reader, text);
    }
}

// The verb.

// How many words the verb's name takes of these; 0: it is another.
static size_t name_words(const struct cli_verb *verb, const char *const *words, size_t count)
{
    size_t len = strcspn(verb->name, " ");

    if (count == 0 || strlen(words[0]) != len || strncmp(verb->name, words[0], len) != 0)
        return 0;
    if (verb->name[len] == '\0')
        return 1;
    return count > 1 && strcmp(verb->name + len + 1, words[1]) == 0 ? 2 : 0;
}

static bool is_group(const struct cli_verb *verb, const char *word)
{
    size_t len = strlen(word);

    return strncmp(verb->name, word, len) == 0 && verb->name[len] == ' ';
}

static bool complain_of_group(const char *group, const char *word, struct buf *wrong)
{
    bool is_first = true;

    if (word == NULL)
        buf_fmt(wrong, "%s needs to be told what to do", group);
    else
        buf_fmt(wrong, "%s has no \"%s\"", group, word);
    buf_fmt(wrong, "; usage: spool %s ", group);
    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
        if (!is_group(verb, group))
            continue;
        buf_fmt(wrong, "%s%s", is_first ? "" : "|", verb->name + strlen(group) + 1);
        is_first = false;
    }
    return false;
}

static bool find_verb(struct cli_command *command, struct buf *wrong)
{
    const char *word = command->word_count > 0 ? command->words[0] : NULL, *near = NULL;
    bool is_known_group = false;

    for (const struct cli_verb *verb = cli_verbs; word != NULL && verb->name != NULL; verb++) {
        size_t count = name_words(verb, command->words, command->word_count);

        if (count > 0) {
            command->verb = verb;
            command->word_count -= count;
            memmove(command->words, command->words + count,
                    command->word_count * sizeof *command->words);
            return true;
        }
        is_known_group = is_known_group || is_group(verb, word);
        if (strchr(verb->name, ' ') == NULL)
            consider(word, verb->name, &near);
    }
    if (command->values[CLI_HELP] != NULL || command->values[CLI_VERSION] != NULL)
        return true;
    if (is_known_group)
        return complain_of_group(word, command->word_count > 1 ? command->words[1] : NULL, wrong);
    if (word == NULL)
        buf_str(wrong, "there is nothing to do");
    else
        buf_fmt(wrong, "there is no verb \"%s\"", word);
    if (near != NULL)
        buf_fmt(wrong, " (is it \"%s\"?)", near);
    show_usage(NULL, wrong);
    return false;
}

// What is wrong for this verb.

static const char *verb_name(const struct cli_command *command)
{
    return command->verb == NULL ? "spool" : command->verb->name;
}

static bool has_option(const struct cli_command *command, int option)
{
    return option == CLI_HELP || (command->verb == NULL && option == CLI_VERSION) ||
           (command->verb != NULL && (command->verb->options & CLI_WITH(option)) != 0);
}

static bool complain_of_unknown(const struct cli_command *command, const char *text,
                                struct buf *wrong)
{
    char name[32];
    const char *near = NULL;
    size_t len = strcspn(text, "=");

    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), text);
    for (int option = 0; option < CLI_OPTION_COUNT && strncmp(name, "--", 2) == 0; option++)
        if (has_option(command, option))
            consider(name + 2, cli_options[option].name, &near);
    buf_fmt(wrong, "%s has no option %.*s", verb_name(command), (int)len, text);
    if (near != NULL)
        buf_fmt(wrong, " (is it --%s?)", near);
    show_usage(command->verb, wrong);
    return false;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);

    for (const char *word = choices; len > 0; word++) {
        size_t word_len = strcspn(word, " ");

        if (word_len == len && strncmp(word, value, len) == 0)
            return true;
        word += word_len;
        if (*word == '\0')
            break;
    }
    return false;
}

// A script's variable that isn't set mustn't mean "none of them" or "all of them". What has a
// default of its own goes by that; the verb says what is wrong with an empty job.
static bool may_be_empty(int option)
{
    return cli_options[option].value == NULL || option == CLI_URL || option == CLI_KEY ||
           option == CLI_ADMIN_LISTEN || option == CLI_DATA;
}

static bool check_options(const struct cli_command *command, struct buf *wrong)
{
    for (int option = 0; option < CLI_OPTION_COUNT; option++) {
        const struct cli_option_row *row = &cli_options[option];
        const char *value = command->values[option];

        if (value == NULL)
            continue;
        if (!has_option(command, option)) {
            buf_fmt(wrong, "%s has no option --%s", verb_name(command), row->name);
            show_usage(command->verb, wrong);
            return false;
        }
        if (row->choices != NULL && !is_choice(row->choices, value)) {
            buf_fmt(wrong, "--%s: must be one of: %s", row->name, row->choices);
            return false;
        }
        if (*value == '\0' && !may_be_empty(option)) {
            buf_fmt(wrong, "--%s: must not be empty", row->name);
            return false;
        }
    }
    return true;
}

static bool check_words(const struct cli_command *command, struct buf *wrong)
{
    const struct cli_verb *verb = command->verb;

    if (command->word_count < verb->least)
        buf_fmt(wrong, "%s lacks something", verb->name);
    else if (command->word_count > verb->most)
        buf_fmt(wrong, "%s: \"%s\" is too much", verb->name, command->words[verb->most]);
    else
        return true;
    show_usage(verb, wrong);
    return false;
}

static bool complain_of_value(const struct reader *reader, struct buf *wrong)
{
    bool is_bare = reader->bare != CLI_OPTION_COUNT;
    const struct cli_option_row *row = &cli_options[is_bare ? reader->bare : reader->too_big];

    if (is_bare)
        buf_fmt(wrong, "--%s needs a value, %s", row->name, row->value);
    else
        buf_fmt(wrong, "--%s takes no value", row->name);
    show_usage(reader->command->verb, wrong);
    return false;
}

bool cli_command_read(struct cli_command *command, int argc, char **argv, struct buf *wrong)
{
    struct reader reader = {.command = command,
                            .argc = argc,
                            .argv = argv,
                            .bare = CLI_OPTION_COUNT,
                            .too_big = CLI_OPTION_COUNT};

    *command = (struct cli_command){.words = mem_array(const char *, (size_t)argc + 1),
                                    .forms = mem_array(const char *, (size_t)argc + 1)};
    read_all(&reader);
    if (reader.unknown != NULL && command->word_count == 0)
        return complain_of_unknown(command, reader.unknown, wrong);
    if (!find_verb(command, wrong))
        return false;
    if (reader.unknown != NULL)
        return complain_of_unknown(command, reader.unknown, wrong);
    if (reader.bare != CLI_OPTION_COUNT || reader.too_big != CLI_OPTION_COUNT)
        return complain_of_value(&reader, wrong);
    if (!check_options(command, wrong))
        return false;
    // Who asks for help may leave out what is needed.
    return command->verb == NULL || command->values[CLI_HELP] != NULL ||
           check_words(command, wrong);
}

void cli_command_clear(struct cli_command *command)
{
    free(command->words);
    free(command->forms);
    *command = (struct cli_command){0};
}

// Values.

static bool bad_value(enum cli_option option, const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, "--%s: %s", cli_options[option].name, what);
}

bool cli_command_number(const struct cli_command *command, enum cli_option option, int64_t least,
                        int64_t most, int64_t *number, struct err *err)
{
    const char *text = command->values[option];
    char *end, what[80];
    long long value;

    if (text == NULL)
        return true;
    value = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || value < least || value > most) {
        snprintf(what, sizeof what, "must be a number from %lld to %lld", (long long)least,
                 (long long)most);
        return bad_value(option, what, err);
    }
    *number = value;
    return true;
}

bool cli_command_seconds(const struct cli_command *command, enum cli_option option, int64_t *ms,
                         struct err *err)
{
    static const double most = 3600.0 * 24 * 365;
    const char *text = command->values[option];
    double seconds;
    char *end;

    if (text == NULL)
        return true;
    seconds = strtod(text, &end);
    if (!isdigit((unsigned char)*text) || *end != '\0' || !(seconds >= 0 && seconds <= most))
        return bad_value(option, "must be a number of seconds", err);
    *ms = (int64_t)(seconds * 1000);
    return true;
}

static bool read_ago(const char *text, int64_t now_ms, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 24 * 3600000}};
    char *end;
    long long count = strtoll(text, &end, 10);

    if (count < 0 || count > 1000000 || *end == '\0' || end[1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == *end) {
            *ms = now_ms - count * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool read_date(const char *text, int64_t *ms)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm utc = {0};
        const char *end = strptime(text, forms[i], &utc);

        if (end != NULL && (*end == '\0' || strcmp(end, "Z") == 0)) {
            *ms = (int64_t)timegm(&utc) * 1000;
            return true;
        }
    }
    return false;
}

bool cli_command_time(const struct cli_command *command, enum cli_option option, int64_t now_ms,
                      int64_t *ms, struct err *err)
{
    const char *text = command->values[option];

    if (text == NULL)
        return true;
    if (isdigit((unsigned char)*text)) {
        char *end;
        long long value = strtoll(text, &end, 10);

        if (*end == '\0' && strlen(text) > 10 && strlen(text) < 16) {
            *ms = value;
            return true;
        }
        if (read_ago(text, now_ms, ms) || read_date(text, ms))
            return true;
    }
    return bad_value(option,
                     "must be a time, as in 30m, 2h, 1d, 2026-03-27 or 2026-03-27T10:00:00Z", err);
}
