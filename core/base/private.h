// Files that are nobody else's: prompts, secrets and keys are in them. All that we make, and that
// programs make which we start, is for our own user alone, but for what is meant to be served.
#pragma once

#include <sys/types.h>

// From here on. To be called before there are threads.
void private_start(void);
// What a served file or folder may have, of `mode`: what the operator's own umask leaves of it.
mode_t private_served(mode_t mode);
// Takes others' rights from what is there already, and says so.
void private_tighten(const char *directory, const char *name);
