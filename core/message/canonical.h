// A request's canonical form, which is hashed and signed, and the chain of keys that signs it: what
// AWS' Signature Version 4 and its descendants have in common. sigv4.h and volc_sign.h say what
// differs.
//
// URLs come with their path and query percent-encoded as they go over the wire (RFC 3986: a space
// is %20): they are signed in this form, without encoding them again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/digest.h"
#include "core/base/err.h"

struct buf;

enum { CANONICAL_MAX_FIELDS = 64 };

// A name and a value, borrowed: a header, or a parameter of the query.
struct canonical_field {
    const char *name, *value;
    size_t name_len, value_len;
};

struct canonical_fields {
    struct canonical_field list[CANONICAL_MAX_FIELDS];
    size_t count;
};

struct canonical_stamp {
    char time[17]; // 20130524T000000Z
    char date[9];
};

// Whose signature it is. The scope is <date>/<region>/<service>/<end>.
struct canonical_scheme {
    const char *algorithm;
    const char *key_prefix; // before the secret key
    const char *region, *service, *end;
};

void canonical_stamp(int64_t now_s, struct canonical_stamp *stamp);
// The parameters of a URL's query, sorted.
bool canonical_read_query(const char *url, struct canonical_fields *fields,
                          struct err *err) WARN_UNUSED;
// "Name: value\n" lines, sorted; the names are put in lower case in place.
bool canonical_read_headers(char *lines, struct canonical_fields *fields,
                            struct err *err) WARN_UNUSED;
// Adds the names, with semicolons between them.
void canonical_add_names(const struct canonical_fields *headers, struct buf *out);
// Adds the canonical form. `payload` is the body's hash, or what stands for it.
void canonical_add(const char *method, const char *url, const struct canonical_fields *query,
                   const struct canonical_fields *headers, const char *payload, struct buf *out);
void canonical_add_scope(const struct canonical_scheme *scheme, const char *date, struct buf *out);
// The key that signs all requests of a day.
void canonical_key(const struct canonical_scheme *scheme, const char *secret_key, const char *date,
                   unsigned char key[SHA256_BYTES]);
// The signature, in hexadecimal.
void canonical_sign(const struct canonical_scheme *scheme, const char *secret_key,
                    const struct canonical_stamp *stamp, const struct buf *canonical,
                    char signature[SHA256_HEX_BYTES]);
