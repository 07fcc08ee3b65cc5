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
    char last_error[240];      // each is logged once
};

// What an operator has to mend is said once, not with every task that waits for it.
void storage_s3_note_error(struct s3_storage *s3, const struct err *err);
// Takes upload_id, whose parts go; NULL: it is the object that is to go. Tried for a while.
void storage_s3_delete(struct s3_storage *s3, const char *key, char *upload_id);

// A file on its way: the slots of struct storage_kind.
struct storage_file *storage_s3_file_create(struct storage *storage, const char *key,
                                            const char *content_type, int64_t expected);
bool storage_s3_file_write(struct storage_file *file, const void *data, size_t len);
bool storage_s3_file_recover(struct storage_file *file);
void storage_s3_file_commit(struct storage_file *file);
void storage_s3_file_drop(struct storage_file *file);
