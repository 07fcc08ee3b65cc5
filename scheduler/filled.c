// Answers with files in them.
//
//  text up to a gap ─▶ the gap's file, in base64 ─▶ text up to the next gap … ─▶ the rest
#include "scheduler/filled.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/storage/storage.h"

struct filled {
    struct http_exchange *exchange;
    struct storage *storage;
    struct family_answer answer;
    const char *tail;
    size_t gap, at;             // the next gap; how much of the text was sent
    struct storage_op *reading; // the gap's file
    struct buf rest;            // of that file, less than a group of base64
    struct buf text;            // of a piece
    bool is_full;               // the client takes no more now
    bool is_refused;            // a piece waits for that
};

static void filled_free(struct filled *filled)
{
    storage_op_cancel(&filled->reading);
    family_answer_clear(&filled->answer);
    buf_clear(&filled->rest);
    buf_clear(&filled->text);
    free(filled);
}

static void filled_on_gone(void *ctx)
{
    filled_free(ctx);
}

static void filled_abort(struct filled *filled)
{
    struct http_exchange *exchange = filled->exchange;

    filled_free(filled);
    http_exchange_abort(exchange);
}

static void filled_on_drained(void *ctx)
{
    struct filled *filled = ctx;
    bool was_refused = filled->is_refused;

    filled->is_full = filled->is_refused = false;
    if (was_refused)
        storage_op_resume(filled->reading);
}

static void filled_write(struct filled *filled, const void *data, size_t len)
{
    if (len > 0 && !http_exchange_write(filled->exchange, data, len, filled_on_drained, filled))
        filled->is_full = true;
}

// Whole groups of three bytes; what is left waits for more.
static void filled_encode(struct filled *filled, const char *data, size_t len)
{
    size_t whole;

    buf_add(&filled->rest, data, len);
    whole = filled->rest.len / 3 * 3;
    base64_encode(filled->rest.data, whole, &filled->text);
    memmove(filled->rest.data, filled->rest.data + whole, filled->rest.len - whole);
    filled->rest.len -= whole;
    filled_write(filled, buf_text(&filled->text), filled->text.len);
    buf_reset(&filled->text);
}

static bool filled_on_piece(void *ctx, const void *data, size_t len)
{
    struct filled *filled = ctx;

    if (filled->is_full) {
        filled->is_refused = true;
        return false;
    }
    if (filled->answer.file != NULL)
        filled_write(filled, data, len);
    else
        filled_encode(filled, data, len);
    return true;
}

static void filled_go_on(struct filled *filled);

static void filled_on_read(void *ctx, const struct err *err)
{
    struct filled *filled = ctx;

    filled->reading = NULL;
    if (err != NULL) {
        filled_abort(filled);
        return;
    }
    base64_encode(buf_text(&filled->rest), filled->rest.len, &filled->text);
    filled_write(filled, buf_text(&filled->text), filled->text.len);
    buf_reset(&filled->rest);
    buf_reset(&filled->text);
    filled->gap++;
    filled_go_on(filled);
}

static void filled_read(struct filled *filled, const char *key)
{
    filled->reading = storage_stream(filled->storage, key, filled_on_piece, filled_on_read, filled);
}

static void filled_end(struct filled *filled)
{
    struct http_exchange *exchange = filled->exchange;

    filled_write(filled, filled->tail, strlen(filled->tail));
    filled_free(filled);
    http_exchange_end(exchange);
}

static void filled_go_on(struct filled *filled)
{
    const struct family_answer *answer = &filled->answer;
    size_t to = filled->gap < answer->gap_count ? answer->gaps[filled->gap].at : answer->json.len;

    filled_write(filled, buf_text(&answer->json) + filled->at, to - filled->at);
    filled->at = to;
    if (answer->file != NULL && filled->gap == 0)
        filled_read(filled, answer->file);
    else if (filled->gap < answer->gap_count)
        filled_read(filled, answer->gaps[filled->gap].key);
    else
        filled_end(filled);
}

// The artifact of that key; NULL: there is none.
static const json_t *artifact_of(const json_t *result, const char *key)
{
    json_t *artifact;
    size_t i;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "key"), key) == 0)
            return artifact;
    }
    return NULL;
}

static int64_t length_of(const struct family_answer *answer, const json_t *result)
{
    int64_t length = (int64_t)answer->json.len;

    if (answer->file != NULL)
        return field_int_or(artifact_of(result, answer->file), "bytes", -1);
    for (size_t i = 0; i < answer->gap_count; i++)
        length += (field_int_or(artifact_of(result, answer->gaps[i].key), "bytes", 0) + 2) / 3 * 4;
    return length;
}

void filled_send(struct http_exchange *exchange, struct storage *storage, const char *text,
                 struct family_answer *answer, const struct filled_options *options)
{
    struct filled *filled = mem_new(struct filled);
    json_t *result = json_read(text);
    const char *type = "application/json";

    filled->exchange = exchange;
    filled->storage = storage;
    filled->tail = options->tail;
    if (answer->file != NULL)
        type = field_str_or_empty(artifact_of(result, answer->file), "content_type");
    if (!options->has_begun)
        http_exchange_begin(exchange, options->status, type, length_of(answer, result));
    filled->answer = *answer;
    *answer = (struct family_answer){0};
    json_decref(result);
    http_exchange_on_gone(exchange, filled_on_gone, filled);
    filled_write(filled, options->head, strlen(options->head));
    filled_go_on(filled);
}
