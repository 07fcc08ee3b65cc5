// How often each of many strings came, and what came of it: a hash table that only grows.
#pragma once

#include <stddef.h>

struct buf;
struct job;

struct count {
    char *key;
    unsigned accepted;
    unsigned tried;
    struct job *job; // borrowed; NULL where its owner keeps none
};

// `struct counts c = {0}` is ready for use; counts_clear.
struct counts {
    struct count *slots;
    size_t used, cap;
};

// Never NULL; valid until the next call.
struct count *counts_entry(struct counts *counts, const char *key);
// NULL where there is none.
struct count *counts_find(const struct counts *counts, const char *key);
// As {"key": accepted, …}, only what was accepted.
void counts_add_json(const struct counts *counts, struct buf *buf);
void counts_clear(struct counts *counts);
