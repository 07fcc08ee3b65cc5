// What the two halves of local storage share: storage_local.c and storage_local_file.c.
#pragma once

#include "core/storage/storage_private.h"

struct folder_sync;

struct local_storage {
    struct storage storage; // first: what others know
    struct folder_sync *sync;
    bool names_by_fd; // a file without a name can be given one, by /proc
};

// Whether what the key names is served: inputs, and answers of vendors that aren't archived yet,
// are kept outside the folder that is.
bool storage_local_is_served(const char *key);
// Adds the folder that the key is put behind.
void storage_local_add_root(const struct storage *storage, const char *key, struct buf *path);

// The following runs on a thread of the pool. Gives `from` the name `to`, by link or rename, and
// makes the folders that it needs, those with a path longer than `private_len` for all to read.
// False, with errno: ETIME where the deadline, of our monotonic clock, was over by then.
bool storage_local_place(int (*fn)(const char *from, const char *to), const char *from, char *to,
                         size_t private_len, int64_t deadline_ms);

// A file on its way: the slots of struct storage_kind.
struct storage_file *storage_local_file_create(struct storage *storage, const char *key,
                                               const char *content_type, int64_t expected);
bool storage_local_file_write(struct storage_file *file, const void *data, size_t len);
bool storage_local_file_recover(struct storage_file *file);
void storage_local_file_commit(struct storage_file *file);
void storage_local_file_drop(struct storage_file *file);
