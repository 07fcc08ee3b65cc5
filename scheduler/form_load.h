// A form that is too long for memory: its fields become the JSON body they stand for, as form.h has
// it, but its files go to the storage as they are read, and are links there. They live as long as
// clients' uploads do.
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "core/base/err.h"

struct form_files;
struct form_load;
struct front;
struct http_exchange;

enum {
    FORM_FILES_MAX = 17, // sixteen images and a mask
    FORM_FILE_BYTES_MAX = 50 * 1024 * 1024,
    FORM_FIELDS_BYTES_MAX = 1024 * 1024, // all of them
    FORM_BYTES_MAX = FORM_FILES_MAX * FORM_FILE_BYTES_MAX + 2 * FORM_FIELDS_BYTES_MAX,
};

// The body and the files become the callee's. NULL with err: ERR_INVALID, which begins with the
// field's name, or ERR_UNAVAILABLE; nothing is left in the storage then. Never called before
// form_load_start returns.
typedef void (*form_load_fn)(void *ctx, json_t *body, struct form_files *files,
                             const struct err *err);
// The exchange has a long body (http_exchange_is_body_long) and outlives the load.
struct form_load *form_load_start(struct front *front, struct http_exchange *exchange,
                                  form_load_fn done, void *ctx);
// What it has stored is deleted.
void form_load_cancel(struct form_load **load);

// The text with each of the files' links as the SHA-256 of what is in it: the same for two forms
// that ask for the same. The caller frees it.
char *form_files_without_links(const struct form_files *files, const char *text);
void form_files_keep(struct form_files **files); // they are a task's now
void form_files_delete(struct form_files **files, struct front *front);
