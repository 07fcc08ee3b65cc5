// S3's requests and answers: pure. Paths are in path style, http(s)://host/bucket/key, which every
// compatible store takes. (AWS: Amazon S3 API Reference.)
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/message/http_message.h"
#include "core/message/sigv4.h"

struct buf;

// Where the objects are. Owns its strings: s3_place_clear.
struct s3_place {
    char *base;             // endpoint and bucket
    char *prefix;           // "" or "some/folder/"
    struct sigv4_keys keys; // borrowed, outlive it
};

// `url` is "s3://bucket/prefix"; an empty `endpoint` means Amazon's in the keys' region. The error
// begins with the setting that is wrong (storage.url, storage.access_key).
bool s3_place_init(struct s3_place *place, const char *url, const char *endpoint,
                   const struct sigv4_keys *keys, struct err *err) WARN_UNUSED;
void s3_place_clear(struct s3_place *place);

// The object's URL, without a signature, added to `url`.
void s3_url(const struct s3_place *place, const char *key, struct buf *url);
// Makes a signed request about an object. `query` is without "?", NULL: none. The request's headers
// and body must be there already. `payload` is as in sigv4_sign; NULL: that of the body in the
// request.
bool s3_request(const struct s3_place *place, enum http_method method, const char *key,
                const char *query, const char *payload, int64_t now_s, struct http_request *request,
                struct err *err) WARN_UNUSED;

// Adds the text of an XML answer's first element of that name to `text`; false where there is no
// such element.
bool s3_text(const struct http_response *response, const char *element, struct buf *text);
// The same within a piece of XML that ends at `end`.
bool s3_text_in(const char *xml, const char *end, const char *element, struct buf *text);
// Turns an answer other than the one hoped for into an error: ERR_CONFIG where an operator must
// act, and says what to mend; else ERR_UPSTREAM.
void s3_error(const struct http_response *response, struct err *err);
