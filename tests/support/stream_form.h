// A form read in pieces, held against the same form read whole, for tests.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/message/multipart.h"

static bool is_same(const struct multipart_text *a, const struct multipart_text *b)
{
    return (a->data == NULL) == (b->data == NULL) && a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool is_head(const struct multipart_part *a, const struct multipart_part *b)
{
    return is_same(&a->name, &b->name) && is_same(&a->filename, &b->filename) &&
           is_same(&a->content_type, &b->content_type);
}

// In memory of its own, so that ASan sees a look too far.
static void feed(struct multipart_stream *stream, const char *body, size_t *at, size_t len,
                 size_t step)
{
    size_t size = len - *at < step ? len - *at : step;
    char *piece = malloc(size == 0 ? 1 : size);

    memcpy(piece, body + *at, size);
    multipart_stream_feed(stream, piece, size);
    *at += size;
    free(piece);
}

// Feeds it `step` bytes at a time. False: one way it is a form, the other way it isn't; or a part
// is another one. `form` NULL: it was no form when read whole.
static bool stream_agrees(const char *content_type, const char *body, size_t len, size_t step,
                          const struct multipart *form)
{
    struct multipart_stream stream;
    enum multipart_event event = MULTIPART_MORE;
    struct buf data = {0};
    struct err err;
    size_t at = 0, part = 0;
    bool agrees = true;

    if (!multipart_stream_begin(&stream, content_type, &err))
        return form == NULL;
    while (agrees && event != MULTIPART_END && event != MULTIPART_BAD) {
        event = multipart_stream_next(&stream, &err);
        if (event == MULTIPART_MORE)
            feed(&stream, body, &at, len, step);
        else if (event == MULTIPART_PART && form != NULL)
            agrees = part < form->count && is_head(&stream.part, &form->parts[part]);
        else if (event == MULTIPART_DATA)
            buf_add(&data, stream.data.data, stream.data.len);
        if (event != MULTIPART_PART_END)
            continue;
        if (form != NULL)
            agrees = is_same(&(struct multipart_text){buf_text(&data), data.len},
                             &form->parts[part].data);
        buf_reset(&data);
        part++;
    }
    if (agrees && event == MULTIPART_END)
        agrees = form != NULL && part == form->count;
    else if (agrees)
        agrees = form == NULL && err.code == ERR_INVALID && *err.message != '\0';
    buf_clear(&data);
    multipart_stream_clear(&stream);
    return agrees;
}
