// Families: which path a job goes to where only the provider was named.
#pragma once

#include <stddef.h>

struct cli_family {
    const char *name, *path;
};

// Ends with a row without a name.
extern const struct cli_family cli_families[];

// The main path that such jobs are submitted at; NULL: there is no such family.
const char *cli_family_path(const char *name);
