// Files that a request holds, for a vendor that takes them as links alone: they are put where the
// vendor can open them, like a client's uploads, and the request gets the links.
//
// A file is called by its task: whoever submits the task once more stores the same files again.
#pragma once

struct err;
struct job;
struct linked;

enum linked_end {
    LINKED_THERE,           // the task's request has links
    LINKED_NEVER,           // a file is none that the vendor could open
    LINKED_WITHOUT_STORAGE, // the storage is at fault
};

// `err` is NULL where all are there.
typedef void (*linked_fn)(void *ctx, enum linked_end end, const struct err *err);

// NULL: the request holds no such file. Else calls back once, never before it returns, never after
// linked_drop. The job is borrowed, and outlives it.
struct linked *linked_start(struct job *job, linked_fn fn, void *ctx);
void linked_drop(struct linked **linked);
