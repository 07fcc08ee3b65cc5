// Makes names in folders last: an fsync of a folder makes all that came before it last, so those
// that come while one is under way share the next.
#pragma once

#include <stdbool.h>

struct folder_sync;
struct loop;

// The first member of whoever waits.
struct folder_wait {
    void (*done)(struct folder_wait *wait, int error); // errno; 0: it is on disk
    struct folder_wait *next;
};

struct folder_sync *folder_sync_new(struct loop *loop);
// Whoever waits is called all the same.
void folder_sync_drop(struct folder_sync **sync);
// Syncs a folder at once, on any thread. Returns errno, or 0.
int folder_sync_now(const char *folder);

// Syncs the folder that the file is in. Never calls back before it returns. `wait` is borrowed
// until it is called; it can't be cancelled.
void folder_sync_add(struct folder_sync *sync, const char *path, struct folder_wait *wait);
