// What the two halves of S3 storage share: storage_s3.c and storage_s3_file.c.
#pragma once

#include "core/message/s3.h"
#include "core/storage/storage_private.h"

struct http_call;
struct http_client;
struct orphan;
struct s3_file;

struct s3_storage {
    struct storage storage; // first: what others know
    struct http_client *http;
    const struct s3_place *place; // the configuration's
    struct s3_file *files;
    struct orphan *orphans;
    struct http_call *listing; // of uploads, while sweeping
    unsigned gatherers;        // files that hold a large buffer
    unsigned pipes;            // files whose bytes are on their way
    char last_error[240];      // the last error that was logged, so that it is logged once
};

// Logs a failure, but not again with every further task that meets the same one.
void storage_s3_note_error(struct s3_storage *s3, const struct err *err);
// Deletes the parts of the upload upload_id, which it takes; NULL: deletes the object. Tries for a
// while.
void storage_s3_delete(struct s3_storage *s3, const char *key, char *upload_id);

// A file on its way: the slots of struct storage_kind.
struct storage_file *storage_s3_file_create(struct storage *storage, const char *key,
                                            const char *content_type, int64_t expected);
bool storage_s3_file_write(struct storage_file *file, const void *data, size_t len);
bool storage_s3_file_recover(struct storage_file *file);
void storage_s3_file_commit(struct storage_file *file);
void storage_s3_file_drop(struct storage_file *file);
