// The command line: reads it, runs the verb, says what went wrong.
#include "scheduler/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_text.h"
#include "scheduler/cli/cli_verb.h"

enum { EXIT_USAGE = 2, EXIT_TIMEOUT = 3 };

static int status_of(const struct err *err)
{
    return err->code == ERR_CONFIG    ? EXIT_USAGE
           : err->code == ERR_TIMEOUT ? EXIT_TIMEOUT
                                      : EXIT_FAILURE;
}

// Help.

static void show_option(int option)
{
    const struct cli_option_row *row = &cli_options[option];
    struct buf text = {0};

    if (row->letter != 0)
        buf_fmt(&text, "-%c, ", row->letter);
    buf_fmt(&text, "--%s", row->name);
    if (row->value != NULL)
        buf_fmt(&text, " %s", row->value);
    printf("  %-30s %s\n", text.data, row->about);
    buf_clear(&text);
}

static void help_with(const struct cli_verb *verb)
{
    printf("usage: spool %s%s%s\n\n%s.\n", verb->name, *verb->usage == '\0' ? "" : " ", verb->usage,
           verb->about);
    if (verb->options != 0)
        putchar('\n');
    for (int option = 0; option < CLI_OPTION_COUNT; option++)
        if ((verb->options & CLI_WITH(option)) != 0)
            show_option(option);
}

static void help(void)
{
    fputs(
        "usage: spool [-u URL] [-k KEY] [-o table|json|id] VERB ...\n"
        "       spool --version | --help\n"
        "\n"
        "Takes media generation jobs over REST, submits them to their vendors, follows them,\n"
        "archives what they give, and tells the client by webhook and WebSocket.\n"
        "\n",
        stdout);
    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++)
        printf("  %-18s %s\n", verb->name, verb->about);
    fputs(
        "\n"
        "URL and key are also taken from SPOOL_URL and SPOOL_KEY. \"spool VERB --help\" says "
        "more,\n"
        "spool(1) all.\n",
        stdout);
}

static bool show_help(const struct cli_command *command)
{
    if (command->values[CLI_HELP] != NULL && command->verb != NULL)
        help_with(command->verb);
    else if (command->values[CLI_HELP] != NULL)
        help();
    else if (command->values[CLI_VERSION] != NULL)
        puts("spool " SPOOL_VERSION);
    else
        return false;
    return true;
}

// Running.

static const char *value_or(const struct cli_command *command, enum cli_option option,
                            const char *variable)
{
    const char *value = command->values[option];

    return value != NULL ? value : getenv(variable);
}

static enum cli_output output_of(const struct cli_command *command)
{
    const char *text = command->values[CLI_OUTPUT];

    return text == NULL                ? CLI_TABLE
           : strcmp(text, "json") == 0 ? CLI_JSON
           : strcmp(text, "id") == 0   ? CLI_IDS
                                       : CLI_TABLE;
}

static int run_verb(const struct cli_command *command)
{
    struct cli cli = {.command = command, .output = output_of(command)};
    bool asks = (command->verb->options & CLI_WITH(CLI_URL)) != 0, ok = true;
    struct err err;

    if (asks) {
        cli.http = cli_http_new(value_or(command, CLI_URL, "SPOOL_URL"),
                                value_or(command, CLI_KEY, "SPOOL_KEY"), &err);
        ok = cli.http != NULL;
    }
    ok = ok && command->verb->run(&cli, &err);
    if (ok && fflush(stdout) != 0)
        ok = err_set(&err, ERR_IO, "the output can't be written");
    cli_http_free(cli.http);
    if (ok)
        return cli.status;
    cli_show_error(err.message);
    return status_of(&err);
}

bool cli_run(int argc, char **argv, struct cli_own *own, int *status)
{
    struct cli_command command;
    struct buf wrong = {0};
    bool is_own = false;

    cli_text_start();
    if (!cli_command_read(&command, argc, argv, &wrong)) {
        cli_show_error(wrong.data);
        *status = EXIT_USAGE;
    } else if (show_help(&command)) {
        *status = EXIT_SUCCESS;
    } else if (command.verb->run != NULL) {
        *status = run_verb(&command);
    } else {
        is_own = true;
        *own = (struct cli_own){.is_check = strcmp(command.verb->name, "check-config") == 0,
                                .is_probe = command.values[CLI_PROBE] != NULL,
                                .config = command.values[CLI_CONFIG],
                                .listen = command.values[CLI_LISTEN],
                                .admin_listen = command.values[CLI_ADMIN_LISTEN],
                                .roles = command.values[CLI_ROLES]};
    }
    buf_clear(&wrong);
    cli_command_clear(&command);
    return is_own;
}
