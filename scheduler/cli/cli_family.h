// Families: which path a job goes to where only the provider was named.
#pragma once

#include <stddef.h>

struct provider;

// The provider of that name; NULL: there is none, or none that jobs are named for.
const struct provider *cli_family_find(const char *name);
// NULL past the last.
const struct provider *cli_family_at(size_t index);
