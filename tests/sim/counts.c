// How often each of many strings came, and what came of it.
#include "tests/sim/counts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

// The slot where `key` is, or would be. The table is never full.
static struct count *slot_of(const struct counts *counts, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t at;

    for (const char *c = key; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    at = (size_t)(hash ^ hash >> 32) & (counts->cap - 1);
    while (counts->slots[at].key != NULL && strcmp(counts->slots[at].key, key) != 0)
        at = (at + 1) & (counts->cap - 1);
    return &counts->slots[at];
}

static void grow(struct counts *counts)
{
    struct counts bigger = {.used = counts->used, .cap = counts->cap == 0 ? 64 : counts->cap * 2};

    bigger.slots = mem_array(struct count, bigger.cap);
    for (size_t i = 0; i < counts->cap; i++)
        if (counts->slots[i].key != NULL)
            *slot_of(&bigger, counts->slots[i].key) = counts->slots[i];
    free(counts->slots);
    *counts = bigger;
}

struct count *counts_entry(struct counts *counts, const char *key)
{
    struct count *entry;

    if (counts->used * 2 >= counts->cap)
        grow(counts);
    entry = slot_of(counts, key);
    if (entry->key == NULL) {
        entry->key = mem_str(key);
        counts->used++;
    }
    return entry;
}

struct count *counts_find(const struct counts *counts, const char *key)
{
    struct count *entry = counts->cap == 0 ? NULL : slot_of(counts, key);

    return entry == NULL || entry->key == NULL ? NULL : entry;
}

void counts_add_json(const struct counts *counts, struct buf *buf)
{
    const char *separator = "";

    buf_char(buf, '{');
    for (size_t i = 0; i < counts->cap; i++) {
        if (counts->slots[i].key == NULL || counts->slots[i].accepted == 0)
            continue;
        buf_str(buf, separator);
        buf_json_str(buf, counts->slots[i].key);
        buf_char(buf, ':');
        buf_int(buf, counts->slots[i].accepted);
        separator = ",";
    }
    buf_char(buf, '}');
}

void counts_clear(struct counts *counts)
{
    for (size_t i = 0; i < counts->cap; i++)
        free(counts->slots[i].key);
    free(counts->slots);
    *counts = (struct counts){0};
}
