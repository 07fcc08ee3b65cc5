// Memory that goes all at once. Taking some costs an addition, giving it back nothing, and what is
// done over and over again with the same arena allocates nothing at all.
//
// Memory the caller has: `struct arena arena = {0}` is ready for use, arena_clear gives it back.
#pragma once

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *block; // the one that is taken from; NULL: none yet
};

// Zeroed, and aligned for anything. Lives until the arena is reset.
void *arena_take(struct arena *arena, size_t size);
// All that was taken is gone. One block is kept, for what will be taken next.
void arena_reset(struct arena *arena);
void arena_clear(struct arena *arena);

// Arenas that are not in use: a few of them, whatever there once were.
enum { ARENA_SPARES = 64 };
struct arena_spares {
    struct arena list[ARENA_SPARES];
    unsigned count;
};

struct arena arena_spares_take(struct arena_spares *spares);
// Takes the arena; all that was taken from it is gone.
void arena_spares_give(struct arena_spares *spares, struct arena *arena);
void arena_spares_clear(struct arena_spares *spares);
