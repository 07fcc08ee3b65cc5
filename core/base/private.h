// Files that are nobody else's: prompts, secrets and keys are in them. Every file that we make, or
// that a program makes which we start, is for our own user alone, except for those that are meant
// to be served.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"

// New files are private from here on. To be called before there are threads.
void private_start(void);
// The rights of a served file or folder: what the operator's own umask leaves of `mode`.
mode_t private_served(mode_t mode);
// Takes other users' rights from a file or folder that is there already, and logs that it did.
void private_tighten(const char *directory, const char *name);
// Makes a directory for our own user, and those above it that are missing. Fine where it is there.
bool private_make(const char *path, struct err *err) WARN_UNUSED;
