// Ids of tasks, each once, in the order in which they first came, so that each task of a read is
// read once.
#pragma once

#include <stddef.h>

#include "core/base/ids.h"

// Memory the caller has; roster_clear.
struct roster {
    const char **ids; // ours; the strings are borrowed, outlive it
    size_t count;
    size_t *places; // in a hash table, each 0 or the index of an id, plus one
    size_t size;
};

void roster_init(struct roster *roster, size_t most);
void roster_clear(struct roster *roster);
size_t roster_add(struct roster *roster, const char *id);        // its index
size_t roster_find(const struct roster *roster, const char *id); // `count`: it isn't there
unsigned roster_hash(const char *id);
