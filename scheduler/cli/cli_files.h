// Files: what a task made, from its links to a folder.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct cli;

// Every file of a task that has ended, under its own name, whole and with the checksum that Spool
// says, or not at all. `directory` NULL: the present one; it is made where it isn't there. What is
// there already, and right, isn't fetched again.
bool cli_files_save(struct cli *cli, const json_t *task, const char *directory,
                    struct err *err) WARN_UNUSED;
