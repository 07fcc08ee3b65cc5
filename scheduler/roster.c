// Ids of tasks, each once.
#include "scheduler/roster.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void roster_init(struct roster *roster, size_t most)
{
    *roster = (struct roster){.size = 2};
    while (roster->size < 2 * most)
        roster->size *= 2;
    roster->ids = mem_array(const char *, most);
    roster->places = mem_array(size_t, roster->size);
}

void roster_clear(struct roster *roster)
{
    free(roster->ids);
    free(roster->places);
    *roster = (struct roster){0};
}

unsigned roster_hash(const char *id)
{
    unsigned hash = 2166136261u; // FNV-1a

    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return hash;
}

// Its place, or the free one where it would be: at most half of them are taken.
static size_t place_of(const struct roster *roster, const char *id)
{
    size_t at = roster_hash(id) & (roster->size - 1);

    while (roster->places[at] != 0 && strcmp(roster->ids[roster->places[at] - 1], id) != 0)
        at = (at + 1) & (roster->size - 1);
    return at;
}

size_t roster_add(struct roster *roster, const char *id)
{
    size_t at = place_of(roster, id);

    if (roster->places[at] == 0) {
        roster->ids[roster->count++] = id;
        roster->places[at] = roster->count;
    }
    return roster->places[at] - 1;
}

size_t roster_find(const struct roster *roster, const char *id)
{
    size_t at = roster->places[place_of(roster, id)];

    return at == 0 ? roster->count : at - 1;
}
