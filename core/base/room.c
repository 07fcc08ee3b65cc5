// Something that many share.
#include "core/base/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct room_share {
    char *owner;
    size_t held;
    struct room_share *next;
};

// Where the owner's share is, or would be.
static struct room_share **find(struct room *room, const char *owner)
{
    struct room_share **at = &room->shares;

    while (*at != NULL && strcmp((*at)->owner, owner) != 0)
        at = &(*at)->next;
    return at;
}

bool room_take(struct room *room, const char *owner, size_t bytes)
{
    struct room_share **at = find(room, owner);
    size_t own = *at == NULL ? 0 : (*at)->held;
    size_t most = (room->total - (room->held - own)) / 2;

    if (bytes == 0)
        return true;
    if (own > most || bytes > most - own)
        return false;
    if (*at == NULL) {
        *at = mem_new(struct room_share);
        (*at)->owner = mem_str(owner);
    }
    (*at)->held += bytes;
    room->held += bytes;
    return true;
}

static void remove_share(struct room_share **at)
{
    struct room_share *share = *at;

    *at = share->next;
    free(share->owner);
    free(share);
}

void room_give(struct room *room, const char *owner, size_t bytes)
{
    struct room_share **at = find(room, owner);

    if (*at == NULL)
        return; // the owner took nothing, or no bytes
    assert((*at)->held >= bytes);
    (*at)->held -= bytes;
    room->held -= bytes;
    if ((*at)->held == 0)
        remove_share(at);
}

void room_clear(struct room *room)
{
    while (room->shares != NULL)
        remove_share(&room->shares);
    *room = (struct room){0};
}
