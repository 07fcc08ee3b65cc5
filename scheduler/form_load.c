// Long forms, from their file to the storage.
//
//  start ─▶ reads a piece ─▶ its parts, one after the other ─▶ the next piece, or done
//             ▲                 │ a file's bytes: the storage has no room ─▶ waits for it
//             └─────────────────┘ a file's end: waits until it is stored
#include "scheduler/form_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/message/media_link.h"
#include "core/message/media_type.h"
#include "core/message/multipart.h"
#include "core/storage/storage.h"
#include "scheduler/form.h"
#include "scheduler/front.h"
#include "scheduler/upload.h"

enum { WRITE_BYTES = 65536 };

struct form_files {
    struct form_file {
        struct upload upload;
        char *link;
    } at[FORM_FILES_MAX];
    size_t count;
};

struct form_load {
    struct front *front;
    struct http_exchange *exchange;
    form_load_fn done;
    void *ctx;
    struct multipart_stream stream;
    json_t *body;
    struct form_files *files;
    size_t fields_bytes;
    struct buf text;            // of the present part: a field, or a file's first bytes
    struct storage_file *file;  // of the present part
    struct multipart_text left; // what of the event's data is still to be written
    bool is_bad;                // as `why` says
    struct err why;
};

void form_files_keep(struct form_files **files)
{
    if (*files == NULL)
        return;
    for (size_t i = 0; i < (*files)->count; i++)
        free((*files)->at[i].link);
    free(*files);
    *files = NULL;
}

void form_files_delete(struct form_files **files, struct front *front)
{
    for (size_t i = 0; *files != NULL && i < (*files)->count; i++)
        storage_delete(front->storage, (*files)->at[i].upload.key);
    form_files_keep(files);
}

char *form_files_without_links(const struct form_files *files, const char *text)
{
    struct buf result = {0};

    while (*text != '\0') {
        const char *next = text + strlen(text);
        const struct form_file *found = NULL;

        for (size_t i = 0; i < files->count; i++) {
            const char *at = strstr(text, files->at[i].link);

            if (at != NULL && at < next) {
                next = at;
                found = &files->at[i];
            }
        }
        buf_add(&result, text, (size_t)(next - text));
        text = next;
        if (found != NULL) {
            buf_str(&result, found->upload.sha256);
            text += strlen(found->link);
        }
    }
    buf_char(&result, '\0');
    return buf_take(&result);
}

static void load_free(struct form_load *load)
{
    storage_drop(&load->file);
    form_files_delete(&load->files, load->front);
    multipart_stream_clear(&load->stream);
    buf_clear(&load->text);
    json_decref(load->body);
    free(load);
}

void form_load_cancel(struct form_load **load)
{
    if (*load == NULL)
        return;
    load_free(*load);
    *load = NULL;
}

static void finish(struct form_load *load, const struct err *err)
{
    form_load_fn done = load->done;
    void *ctx = load->ctx;
    json_t *body = err == NULL ? load->body : NULL;
    struct form_files *files = err == NULL ? load->files : NULL;
    struct err why = {0};

    if (err == NULL) {
        load->body = NULL;
        load->files = NULL;
    } else {
        why = *err; // it may be the load's
    }
    load_free(load);
    done(ctx, body, files, err == NULL ? NULL : &why);
}

static void fail_at_field(struct form_load *load, const char *why)
{
    const struct multipart_text *name = &load->stream.part.name;
    struct err err;

    err_set(&err, ERR_INVALID, "%.*s: %s", (int)name->len, name->data, why);
    finish(load, &err);
}

static void fail_at_storage(struct form_load *load, const struct err *err)
{
    struct err why;

    log_error("input.store", "request=%s error=\"%s\"", http_exchange_request_id(load->exchange),
              err->message);
    err_set(&why, ERR_UNAVAILABLE, "the storage for inputs can't be reached");
    finish(load, &why);
}

static void go_on(struct form_load *load);

// The present part is a file.

static bool is_file(const struct form_load *load)
{
    return load->stream.part.filename.data != NULL;
}

static void on_ready(void *ctx, const struct err *err)
{
    if (err != NULL)
        fail_at_storage(ctx, err);
    else
        go_on(ctx);
}

// False: it is over, with an error.
static bool begin_file(struct form_load *load)
{
    struct form_file *file = &load->files->at[load->files->count];

    if (load->files->count == FORM_FILES_MAX) {
        fail_at_field(load, "is a file too many");
        return false;
    }
    file->upload.type = media_type_of(buf_text(&load->text), load->text.len);
    if (load->text.len == 0 || file->upload.type == NULL) {
        fail_at_field(load, load->text.len == 0 ? "is empty"
                                                : "is no image, video or audio that we know");
        return false;
    }
    upload_make_key(&file->upload);
    load->file = storage_create(load->front->storage, file->upload.key,
                                file->upload.type->content_type, -1, on_ready, load);
    return true;
}

// Takes what is left of the data. False: it waits for room, or is over.
static bool write_file(struct form_load *load)
{
    struct multipart_text *left = &load->left;

    if (load->file == NULL) {
        size_t wanted = MEDIA_HEAD_BYTES - load->text.len;
        size_t len = left->len < wanted ? left->len : wanted;

        buf_add(&load->text, left->data, len);
        *left = (struct multipart_text){left->data + len, left->len - len};
        if (load->text.len < MEDIA_HEAD_BYTES)
            return true;
        if (!begin_file(load))
            return false;
    }
    if (storage_size(load->file) + (int64_t)(load->text.len + left->len) > FORM_FILE_BYTES_MAX) {
        fail_at_field(load, "is larger than 50 MB");
        return false;
    }
    if (load->text.len > 0 && !storage_write(load->file, load->text.data, load->text.len))
        return false;
    buf_reset(&load->text);
    while (left->len > 0) {
        size_t len = left->len < WRITE_BYTES ? left->len : WRITE_BYTES;

        if (!storage_write(load->file, left->data, len))
            return false;
        *left = (struct multipart_text){left->data + len, left->len - len};
    }
    return true;
}

static void on_stored(void *ctx, const struct err *err)
{
    struct form_load *load = ctx;
    struct form_file *file = &load->files->at[load->files->count];
    struct buf link = {0};
    struct err why;

    if (err != NULL) {
        fail_at_storage(load, err);
        return;
    }
    storage_sha256(load->file, file->upload.sha256);
    storage_drop(&load->file);
    media_link(&load->front->config->links, file->upload.key, &link);
    file->link = buf_take(&link);
    load->files->count++;
    if (form_add(load->body, &load->stream.part, json_string(file->link), &why))
        go_on(load);
    else
        finish(load, &why);
}

// The file's end has come. It appears when it is whole.
static void store_file(struct form_load *load)
{
    if (load->file == NULL && !begin_file(load))
        return;
    if (load->text.len > 0)
        (void)!storage_write(load->file, load->text.data, load->text.len); // there is room at first
    buf_reset(&load->text);
    storage_commit(load->file, INT64_MAX, on_stored, load);
}

// It is a field. False: it is over.

static bool read_field(struct form_load *load)
{
    load->fields_bytes += load->stream.data.len;
    if (load->fields_bytes > FORM_FIELDS_BYTES_MAX) {
        fail_at_field(load, "is too long, or the others are: all fields together have 1 MB");
        return false;
    }
    buf_add(&load->text, load->stream.data.data, load->stream.data.len);
    return true;
}

static bool add_field(struct form_load *load)
{
    json_t *value = json_stringn(buf_text(&load->text), load->text.len);
    struct err err;

    buf_reset(&load->text);
    if (form_add(load->body, &load->stream.part, value, &err))
        return true;
    finish(load, &err);
    return false;
}

static void on_piece(void *ctx, const char *data, size_t len)
{
    struct form_load *load = ctx;
    struct err err;

    if (load->is_bad) {
        finish(load, &load->why);
        return;
    }
    if (data == NULL) {
        err_set(&err, ERR_INTERNAL, "the form can't be read back");
        fail_at_storage(load, &err);
        return;
    }
    multipart_stream_feed(&load->stream, data, len);
    go_on(load);
}

static void go_on(struct form_load *load)
{
    struct err err;

    if (load->left.len > 0 && !write_file(load))
        return;
    for (;;) {
        switch (multipart_stream_next(&load->stream, &err)) {
        case MULTIPART_MORE:
            http_exchange_read_body(load->exchange, on_piece, load);
            return;
        case MULTIPART_PART:
            break;
        case MULTIPART_DATA:
            if (is_file(load))
                load->left = load->stream.data;
            if (is_file(load) ? !write_file(load) : !read_field(load))
                return;
            break;
        case MULTIPART_PART_END:
            if (is_file(load)) {
                store_file(load);
                return;
            }
            if (!add_field(load))
                return;
            break;
        case MULTIPART_END:
            finish(load, NULL);
            return;
        case MULTIPART_BAD:
            finish(load, &err);
            return;
        }
    }
}

struct form_load *form_load_start(struct front *front, struct http_exchange *exchange,
                                  form_load_fn done, void *ctx)
{
    const char *type = http_exchange_header(exchange, "content-type");
    struct form_load *load = mem_new(struct form_load);

    load->front = front;
    load->exchange = exchange;
    load->done = done;
    load->ctx = ctx;
    load->body = json_object();
    load->files = mem_new(struct form_files);
    load->is_bad = !multipart_stream_begin(&load->stream, type, &load->why);
    http_exchange_read_body(exchange, on_piece, load);
    return load;
}
