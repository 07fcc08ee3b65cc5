// Blocks of an arena: what doesn't fit into the last one gets another.
#include "core/base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
// What was given back is as forbidden as freed memory.
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { BLOCK_BYTES = 4096, ALIGNMENT = _Alignof(max_align_t) };

struct arena_block {
    struct arena_block *next;
    size_t size, used; // of `bytes`
    _Alignas(max_align_t) char bytes[];
};

static void add_block(struct arena *arena, size_t size)
{
    size_t room = BLOCK_BYTES - sizeof(struct arena_block);
    struct arena_block *block;

    if (room < size)
        room = size;
    block = mem_resize(NULL, sizeof *block + room);
    *block = (struct arena_block){.next = arena->block, .size = room};
    ASAN_POISON_MEMORY_REGION(block->bytes, room);
    arena->block = block;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t whole = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct arena_block *block = arena->block;
    void *taken;

    if (block == NULL || block->size - block->used < whole) {
        add_block(arena, whole);
        block = arena->block;
    }
    taken = block->bytes + block->used;
    block->used += whole;
    ASAN_UNPOISON_MEMORY_REGION(taken, size);
    return memset(taken, 0, size);
}

static void drop_block(struct arena *arena)
{
    struct arena_block *block = arena->block;

    arena->block = block->next;
    ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
    free(block);
}

void arena_reset(struct arena *arena)
{
    while (arena->block != NULL && arena->block->next != NULL)
        drop_block(arena);
    if (arena->block == NULL)
        return;
    ASAN_POISON_MEMORY_REGION(arena->block->bytes, arena->block->size);
    arena->block->used = 0;
}

void arena_clear(struct arena *arena)
{
    while (arena->block != NULL)
        drop_block(arena);
}

struct arena arena_spares_take(struct arena_spares *spares)
{
    return spares->count > 0 ? spares->list[--spares->count] : (struct arena){0};
}

void arena_spares_give(struct arena_spares *spares, struct arena *arena)
{
    if (spares->count < ARENA_SPARES) {
        arena_reset(arena);
        spares->list[spares->count++] = *arena;
    } else {
        arena_clear(arena);
    }
    *arena = (struct arena){0};
}

void arena_spares_clear(struct arena_spares *spares)
{
    while (spares->count > 0)
        arena_clear(&spares->list[--spares->count]);
}
