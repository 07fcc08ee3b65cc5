// A client's file on its way to the storage: what it is, where it goes, and the answer.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/digest.h"

struct buf;
struct err;
struct media_type;
struct request;

enum { UPLOAD_NAME_HEX = 32 };

// What a request for an upload keeps, or the first member of that. It owns nothing.
struct upload {
    char key[96]; // the file's key in the storage; "": none yet
    const struct media_type *type;
    int64_t bytes;
    char sha256[SHA256_HEX_BYTES];
    bool is_place; // a client was given the key as a place to PUT to
};

// For a request that keeps an upload and nothing else.
struct upload *upload_new(struct request *request);
// Gives the upload a key that fits its type.
void upload_make_key(struct upload *upload);
// The part of the key that nobody can guess.
void upload_name(const struct upload *upload, char name[UPLOAD_NAME_HEX + 1]);

// Stores what `data` holds, which it takes, and answers. `field` is what the client calls it.
void upload_keep(struct request *request, const char *field, struct buf *data);
// The file is stored, or `err` says why not: answers.
void upload_answer(struct request *request, const struct err *err);
