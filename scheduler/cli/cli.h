// The command line: the verbs that ask a running Spool over its REST API, and the help for all.
//
// A client like any other: it may block, shares nothing with the roles, and knows no Redis.
#pragma once

#include <stdbool.h>

// What those verbs are called with that main.c does itself: serve and check-config. Borrowed from
// argv; NULL: not given.
struct cli_own {
    bool is_check; // else serve
    bool is_probe;
    const char *config, *listen, *admin_listen, *roles;
};

// Reads the command line and does what it says. True where it is for main.c: `own` says what. Else
// all is done and said, and `status` is what to exit with: 0 fine or succeeded, 1 failed, 2 wrong
// use, 3 timeout.
bool cli_run(int argc, char **argv, struct cli_own *own, int *status);
