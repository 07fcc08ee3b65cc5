// The table of verbs: what there is to do, in the order in which help shows it.
#include <stdlib.h>

#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_verb.h"

#define CONFIGURES                                                                                 \
    (CLI_WITH(CLI_CONFIG) | CLI_WITH(CLI_LISTEN) | CLI_WITH(CLI_ADMIN_LISTEN) | CLI_WITH(CLI_ROLES))
#define ASKS (CLI_WITH(CLI_URL) | CLI_WITH(CLI_KEY) | CLI_WITH(CLI_OUTPUT))

const struct cli_verb cli_verbs[] = {
    {"serve",
     "[-c FILE] [--listen HOST:PORT] [--admin-listen HOST:PORT] [--roles api,worker,webhook]",
     "run Spool", 0, 0, CONFIGURES, NULL, NULL},
    {"check-config", "-c FILE [--probe]", "say what is wrong with a configuration", 0, 0,
     CONFIGURES | CLI_WITH(CLI_PROBE), NULL, NULL},
    {"submit",
     "PATH|FAMILY [-d JSON|@FILE|- | -F NAME=@FILE] [--hook URL] [--watch] [--timeout SECONDS] "
     "[-O DIR] [--idempotency-key K]",
     "submit a job, or many", 1, 1,
     ASKS | CLI_WITH(CLI_DATA) | CLI_WITH(CLI_FORM) | CLI_WITH(CLI_WATCH) | CLI_WITH(CLI_TIMEOUT) |
         CLI_WITH(CLI_DIRECTORY) | CLI_WITH(CLI_IDEMPOTENCY_KEY) | CLI_WITH(CLI_HOOK),
     NULL, cli_submit_jobs},
    {"get", "ID", "show a task", 1, 1, ASKS, NULL, cli_tasks_get},
    {"list",
     "[--status STATUS] [--provider NAME] [--account NAME] [--key NAME] [--since TIME] "
     "[--limit N]",
     "show tasks, the newest first", 0, 0,
     ASKS | CLI_WITH(CLI_STATUS) | CLI_WITH(CLI_PROVIDER) | CLI_WITH(CLI_ACCOUNT) |
         CLI_WITH(CLI_OWNER) | CLI_WITH(CLI_SINCE) | CLI_WITH(CLI_LIMIT),
     NULL, cli_tasks_list},
    {"watch", "[ID...|--all] [--timeout SECONDS]", "follow tasks to their end", 0, CLI_MANY,
     ASKS | CLI_WITH(CLI_ALL) | CLI_WITH(CLI_TIMEOUT), NULL, cli_watch_verb},
    {"cancel", "ID...", "cancel tasks", 1, CLI_MANY, ASKS, NULL, cli_tasks_cancel},
    {"timeline", "ID", "show what happened to a task", 1, 1, ASKS, NULL, cli_tasks_timeline},
    {"download", "ID... [-O DIR]", "fetch the files of tasks", 1, CLI_MANY,
     ASKS | CLI_WITH(CLI_DIRECTORY), NULL, cli_files_download},
    {"upload", "FILE", "keep a file for a job, and say its link", 1, 1, ASKS, NULL,
     cli_files_upload},
    {"models", "", "show the models that the key may use", 0, 0, ASKS, NULL, cli_tasks_models},
    {"hooks list", "ID", "show the webhooks of a task", 1, 1, ASKS, NULL, cli_hooks_list},
    {"hooks redeliver", "ID [N]", "send a webhook again, the newest", 1, 2, ASKS, NULL,
     cli_hooks_redeliver},
    {"hooks exhausted", "[--redeliver] [--host HOST] [--since TIME]",
     "show what no receiver took (operator)", 0, 0,
     ASKS | CLI_WITH(CLI_REDELIVER) | CLI_WITH(CLI_HOST) | CLI_WITH(CLI_SINCE), NULL,
     cli_hooks_exhausted},
    {"hooks listen", "[--port N] [--secret SECRET]", "receive webhooks here, and check them", 0, 0,
     CLI_WITH(CLI_PORT) | CLI_WITH(CLI_SECRET) | CLI_WITH(CLI_OUTPUT), NULL, cli_listen_verb},
    {"hooks secret", "", "make a secret", 0, 0, 0, NULL, cli_hooks_secret},
    {"hooks verify", "--secret SECRET --id ID --timestamp SECONDS --signature TEXT FILE",
     "check a webhook that came", 1, 1,
     CLI_WITH(CLI_SECRET) | CLI_WITH(CLI_ID) | CLI_WITH(CLI_TIMESTAMP) | CLI_WITH(CLI_SIGNATURE),
     NULL, cli_hooks_verify},
    {"top", "", "watch the whole (operator)", 0, 0, ASKS, NULL, cli_operator_top},
    {"accounts ls", "", "show the accounts (operator)", 0, 0, ASKS, NULL, cli_operator_accounts},
    {"accounts test", "NAME", "ask the vendor something free (operator)", 1, 1, ASKS, NULL,
     cli_operator_test},
    {"accounts disable", "NAME", "give an account no more work (operator)", 1, 1, ASKS, NULL,
     cli_operator_disable},
    {"accounts enable", "NAME", "give it work again (operator)", 1, 1, ASKS, NULL,
     cli_operator_enable},
    {"resolve", "ID --do adopt|archive|resubmit [--upstream-id ID]",
     "help a failed task on (operator)", 1, 1, ASKS | CLI_WITH(CLI_DO) | CLI_WITH(CLI_UPSTREAM_ID),
     NULL, cli_operator_resolve},
    {"dev", "[--listen HOST:PORT] [-O DIR]", "try Spool out, with simulated vendors and a Redis", 0,
     0, CLI_WITH(CLI_LISTEN) | CLI_WITH(CLI_DIRECTORY), NULL, cli_dev_verb},
    {"completion", "bash|zsh", "print what completes this in a shell", 1, 1, 0, "bash zsh",
     cli_completion_verb},
    {0},
};
