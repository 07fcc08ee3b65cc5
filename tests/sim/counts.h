// How often each of many strings came, and what came of it: a hash table that only grows.
#pragma once

#include <stddef.h>

struct buf;
struct job;

struct count {
    char *key;
    unsigned accepted;
    unsigned tried;
    struct job *job; // borrowed; NULL where the table's owner keeps none
};

// `struct counts c = {0}` is ready for use; counts_clear.
struct counts {
    struct count *slots;
    size_t used, cap;
};

// The count of `key`, made where there is none; valid until the next call.
struct count *counts_entry(struct counts *counts, const char *key);
// NULL where there is none.
struct count *counts_find(const struct counts *counts, const char *key);
// Adds {"key": accepted, …}, only keys of which something was accepted.
void counts_add_json(const struct counts *counts, struct buf *buf);
void counts_clear(struct counts *counts);
