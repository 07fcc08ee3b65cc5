// Writes the body of a form with files (multipart/form-data, RFC 7578), as multipart.h reads it and
// every vendor does: each part's head, then its bytes as they are. What is in memory is copied;
// what isn't leaves a gap, which is filled when the form is sent.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MULTIPART_WRITE_BOUNDARY_CHARS = 32 };

struct buf;
struct http_request;

// A form that is being written to the end of a request's body.
struct multipart_write {
    struct http_request *request; // borrowed
    char boundary[MULTIPART_WRITE_BOUNDARY_CHARS + 1];
    size_t count;  // of its parts
    bool is_wrong; // it has too many parts, or one whose name is empty or too long (multipart.h)
};

// With a boundary that nobody can guess, so that no file has it.
void multipart_write_begin(struct multipart_write *form, struct http_request *request);
void multipart_write_text(struct multipart_write *form, const char *name, const char *text);
void multipart_write_json(struct multipart_write *form, const char *name, const char *text);
// Copies the file into the body.
void multipart_write_file(struct multipart_write *form, const char *name, const char *filename,
                          const char *content_type, const void *data, size_t len);
// Leaves a gap for the file of that number (http_message.h).
void multipart_write_gap(struct multipart_write *form, const char *name, const char *filename,
                         const char *content_type, size_t file, int64_t bytes);
// Afterwards the form is whole, and no part can follow.
void multipart_write_end(struct multipart_write *form);
// The value of the Content-Type header of such a body.
void multipart_write_type(const struct multipart_write *form, struct buf *type);
