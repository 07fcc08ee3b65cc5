// What is wrong with a configuration: all of it, in the order in which it is found.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

// `struct config_mistakes m = {0}` has none; config_mistakes_clear gives the memory back.
struct config_mistakes {
    const char *file; // they are of; borrowed, NULL: of none
    struct err *list; // each begins with its key
    size_t count;
};

void config_mistakes_add(struct config_mistakes *mistakes, const struct err *mistake);
// Whether there is one of this key already, or of one below it, as accounts.0.name is below
// accounts: what follows from it needn't be said, too.
bool config_mistakes_has(const struct config_mistakes *mistakes, const char *key, ...)
    __attribute__((format(printf, 2, 3)));
void config_mistakes_clear(struct config_mistakes *mistakes);
