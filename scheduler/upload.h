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

// What a request for an upload keeps, or the beginning of it: it owns nothing.
struct upload {
    char key[96]; // in the storage; "": not yet
    const struct media_type *type;
    int64_t bytes;
    char sha256[SHA256_HEX_BYTES];
    bool is_place; // somebody was given it to PUT to
};

// What this request keeps is an upload and nothing else.
struct upload *upload_new(struct request *request);
// Gives it a key that fits its type.
void upload_make_key(struct upload *upload);
// The part of the key that nobody can guess.
void upload_name(const struct upload *upload, char name[UPLOAD_NAME_HEX + 1]);

// Stores what `data` holds, which it takes, and answers. `field` is what the client calls it.
void upload_keep(struct request *request, const char *field, struct buf *data);
// It is stored, or `err` says why not: answers.
void upload_answer(struct request *request, const struct err *err);
