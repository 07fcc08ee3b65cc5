// The body of a request with files in it, as it goes out: its text, and in its gaps the files, read
// piece by piece from where they are. However large they are, it holds no more than a fixed buffer.
//
// The body's last bytes are text, and go only when every file has turned out to be as long as the
// request says: of a body that has failed the vendor has never had the end.
#pragma once

#include <stddef.h>

#include "core/base/err.h"

struct body;
struct http_request;
struct loop;
struct storage;

// Where a file is.
struct body_file {
    struct storage *storage; // borrowed
    char *key;
};

// After a body_read that gave nothing: it has more now, or has failed.
typedef void (*body_ready_fn)(void *ctx);

// Takes the request's text and its gaps, whose numbers are those of `files`. All other parameters
// are borrowed and outlive the body.
struct body *body_new(struct loop *loop, struct http_request *request,
                      const struct body_file *files, body_ready_fn ready, void *ctx);
// An http_source_fn (core/http/http_client.h): the next bytes; 0: there are none now;
// HTTP_SOURCE_BROKEN: it has failed.
size_t body_read(struct body *body, char *to, size_t max);
// Why it gives no more: ERR_NOT_FOUND: a file is gone. NULL: nothing has failed. Borrowed until
// body_drop.
const struct err *body_failure(const struct body *body);
// Reads that are under way end; nothing is called afterwards.
void body_drop(struct body **body);
