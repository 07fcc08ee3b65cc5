// The files of an answer, each written while it is read.
//
// A file that has ended is committed at once, whether it is wanted or not: an answer may say so
// only behind it, and a file that is written takes no memory.
#include "workers/answer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_inline.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "workers/archive_result.h"

enum { REST_BYTES_MAX = 16 << 20, MAX_FILES = 64, PIECE_BYTES = 65536 };

static const char inline_url[] = "inline:";

struct part {
    struct answer *answer;
    struct storage_file *file; // until it is committed; NULL: nothing of it has come
    const struct media_type *type;
    int64_t bytes;
    char sha256[SHA256_HEX_BYTES];
    bool has_ended;    // its last byte was taken
    bool is_committed; // it is there
    bool is_wanted;
    char why[160]; // why it can't be had; "": it can
};

struct answer {
    struct storage *answers;
    const struct task *task;
    const struct account *account;
    answer_room_fn room;
    answer_kept_fn kept;
    void *ctx, *kept_ctx;
    struct json_inline scan;
    struct http_response rest;
    bool has_begun, is_file; // the whole body is one file,
    bool is_text;            // or was to be one, and is an object in JSON
    size_t taken;            // of a piece that is to come again
    struct buf decoded;      // bytes of the last file that are to be written,
    size_t written;          // from here on
    struct part *parts[MAX_FILES];
    size_t count;
    json_t *result;
};

struct answer *answer_new(struct storage *answers, const struct task *task,
                          const struct account *account, answer_room_fn room, void *ctx)
{
    static const char *const none[] = {NULL};
    struct answer *answer = mem_new(struct answer);

    answer->answers = answers;
    answer->task = task;
    answer->account = account;
    answer->room = room;
    answer->ctx = ctx;
    answer->scan = (struct json_inline){
        .keys = account->dialect->inline_keys == NULL ? none : account->dialect->inline_keys,
        .wanted = JSON_INLINE_EACH,
        .takes_data_urls = account->dialect->inline_keys != NULL};
    return answer;
}

static void key_of(const struct task *task, size_t number, struct buf *key)
{
    buf_fmt(key, "answers/%s-%zu", task->id, number);
}

static size_t number_of(const struct part *part)
{
    size_t number = 0;

    while (part->answer->parts[number] != part)
        number++;
    return number;
}

static void part_delete(struct part *part)
{
    struct buf key = {0};

    storage_drop(&part->file);
    if (part->is_committed) {
        key_of(part->answer->task, number_of(part), &key);
        storage_delete(part->answer->answers, key.data);
        buf_clear(&key);
    }
    part->is_committed = false;
}

void answer_drop(struct answer **slot)
{
    struct answer *answer = *slot;

    if (answer == NULL)
        return;
    *slot = NULL;
    for (size_t i = 0; i < answer->count; i++)
        if (!answer->parts[i]->is_wanted || !answer->parts[i]->is_committed)
            part_delete(answer->parts[i]);
    for (size_t i = 0; i < answer->count; i++)
        free(answer->parts[i]);
    buf_clear(&answer->decoded);
    http_response_clear(&answer->rest);
    json_decref(answer->result);
    free(answer);
}

// Parts.

static void answer_conclude(struct answer *answer);

static void part_fail(struct part *part, const char *why)
{
    snprintf(part->why, sizeof part->why, "%s", why);
    log_error("answer.file", "task=%s error=\"%s\"", part->answer->task->id, why);
    part_delete(part);
}

static void part_on_ready(void *ctx, const struct err *err)
{
    struct part *part = ctx;

    if (err != NULL)
        part_fail(part, err->message); // the rest of the answer passes by
    part->answer->room(part->answer->ctx);
}

static void part_on_committed(void *ctx, const struct err *err)
{
    struct part *part = ctx;

    if (err != NULL) {
        part_fail(part, err->message);
    } else {
        part->is_committed = true;
        storage_sha256(part->file, part->sha256);
        storage_drop(&part->file);
    }
    answer_conclude(part->answer);
}

// NULL: there are too many.
static struct part *last_part(struct answer *answer, size_t count)
{
    struct part *part;

    if (count > MAX_FILES)
        return NULL;
    while (answer->count < count) {
        part = mem_new(struct part);
        part->answer = answer;
        answer->parts[answer->count++] = part;
    }
    return answer->parts[count - 1];
}

// False: there is no room now.
static bool part_write(struct part *part, const char *data, size_t len)
{
    struct answer *answer = part->answer;
    struct buf key = {0};

    if (*part->why != '\0')
        return true;
    if (part->file == NULL) {
        key_of(answer->task, number_of(part), &key);
        part->file = storage_create(answer->answers, key.data, "application/octet-stream", -1,
                                    part_on_ready, part);
        part->type = media_type_of(data, len);
        buf_clear(&key);
    }
    if (!storage_write(part->file, data, len))
        return false;
    part->bytes = storage_size(part->file);
    return true;
}

static void part_end(struct part *part, bool is_bad)
{
    if (part->has_ended)
        return; // the scanner says so until its next step
    part->has_ended = true;
    if (is_bad)
        part_fail(part, "the vendor's file is no base64");
    else if (part->file == NULL && *part->why == '\0')
        snprintf(part->why, sizeof part->why, "the vendor's file is empty");
    else if (part->file != NULL)
        storage_commit(part->file, INT64_MAX, part_on_committed, part);
}

// The answer as it comes.

// An error may have the head of a file: its first bytes tell.
static bool is_error(const struct answer *answer)
{
    return answer->is_file && answer->count == 0 &&
           media_is_json(buf_text(&answer->decoded), answer->decoded.len);
}

static void read_as_text(struct answer *answer)
{
    answer->is_file = false;
    answer->is_text = true;
    answer->scan.count = 0;
    answer->scan.has_ended = false;
    buf_add(&answer->rest.body, buf_text(&answer->decoded), answer->decoded.len);
    buf_reset(&answer->decoded);
}

static bool write_decoded(struct answer *answer)
{
    struct part *part;

    if (is_error(answer)) {
        read_as_text(answer);
        return true;
    }
    part = last_part(answer, (size_t)answer->scan.count);
    while (part != NULL && answer->written < answer->decoded.len) {
        size_t left = answer->decoded.len - answer->written;
        size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;

        if (!part_write(part, answer->decoded.data + answer->written, piece))
            return false;
        answer->written += piece;
    }
    buf_reset(&answer->decoded);
    answer->written = 0;
    if (part != NULL && answer->scan.has_ended)
        part_end(part, answer->scan.is_bad);
    return true;
}

// A file's first bytes say what it is: they are awaited, unless it ends before.
static bool is_ripe(const struct answer *answer)
{
    size_t count = (size_t)answer->scan.count;
    bool has_file = count > 0 && count <= answer->count && answer->parts[count - 1]->file != NULL;

    return answer->scan.has_ended || (answer->decoded.len > 0 && has_file) ||
           answer->decoded.len >= MEDIA_HEAD_BYTES;
}

static size_t take_part(struct answer *answer, const char *data, size_t len)
{
    struct buf *rest = &answer->rest.body;

    if (answer->is_file) {
        buf_add(&answer->decoded, data, len);
        return len;
    }
    if (answer->is_text) {
        if (rest->len <= REST_BYTES_MAX)
            buf_add(rest, data, len);
        return len;
    }
    return json_inline_step(&answer->scan, data, len, rest->len > REST_BYTES_MAX ? NULL : rest,
                            &answer->decoded);
}

bool answer_take(struct answer *answer, const struct http_response *head, const void *data,
                 size_t len)
{
    if (!answer->has_begun) {
        answer->has_begun = true;
        answer->is_file = answer->account->dialect->is_file != NULL &&
                          answer->account->dialect->is_file(answer->task, head);
        answer->scan.count = answer->is_file;
    }
    for (;;) {
        if (is_ripe(answer) && !write_decoded(answer))
            return false;
        if (answer->taken == len)
            break;
        answer->taken += take_part(answer, (const char *)data + answer->taken, len - answer->taken);
    }
    answer->taken = 0;
    return true;
}

const struct http_response *answer_rest(struct answer *answer, const struct http_response *head)
{
    answer->rest.status = head->status;
    answer->rest.is_head_complete = head->is_head_complete;
    buf_reset(&answer->rest.headers);
    buf_add(&answer->rest.headers, buf_text(&head->headers), head->headers.len);
    if (!answer->has_begun) // it has none, or the head was none of a call's
        buf_add(&answer->rest.body, buf_text(&head->body), head->body.len);
    if (answer->is_file) {
        answer->scan.has_ended = true;
        write_decoded(answer);
    }
    return &answer->rest;
}

// The result.

static long inline_number(const json_t *source)
{
    const char *url = field_str_or_empty(source, "url");

    return strncmp(url, inline_url, sizeof inline_url - 1) == 0
               ? strtol(url + sizeof inline_url - 1, NULL, 10)
               : -1;
}

static struct part *part_of(const struct answer *answer, const json_t *source)
{
    long number = inline_number(source);

    return number >= 0 && (size_t)number < answer->count ? answer->parts[number] : NULL;
}

static bool is_of_kind(const json_t *source, const struct media_type *type)
{
    const char *kind = field_str_or_empty(source, "kind");

    return strcmp(kind, "cover") == 0 || strcmp(kind, type->kind) == 0;
}

static const char *why_missing(const struct answer *answer, const json_t *source,
                               const struct part *part)
{
    if (part == NULL || !part->has_ended)
        return answer->count == 0 ? "the vendor's file is empty" : "the vendor's file isn't there";
    if (*part->why != '\0')
        return part->why;
    if (*field_str_or_empty(source, "content_type") != '\0')
        return NULL; // it can't be told by its first bytes
    return part->type == NULL || !is_of_kind(source, part->type)
               ? "what the vendor sent is no such media"
               : NULL;
}

static void settle(const struct answer *answer, json_t *source)
{
    struct part *part = part_of(answer, source);
    const char *why = why_missing(answer, source, part);
    char url[32];

    if (why != NULL) {
        if (part != NULL)
            part->is_wanted = false;
        json_object_set_new(source, "error",
                            json_pack("{s:s,s:s}", "code", "archive_failed", "message", why));
        json_object_set_new(source, "artifact", archive_artifact_missing(source, NULL));
        return;
    }
    snprintf(url, sizeof url, ANSWER_KEPT "%ld", inline_number(source));
    json_object_set_new(source, "url", json_string(url));
    json_object_set_new(source, "bytes", json_integer((json_int_t)part->bytes));
    json_object_set_new(source, "sha256", json_string(part->sha256));
    if (*field_str_or_empty(source, "content_type") == '\0')
        json_object_set_new(source, "content_type", json_string(part->type->content_type));
}

// Whether every wanted file is there, or can't be had.
static bool is_settled(struct answer *answer)
{
    json_t *source;
    size_t i;

    for (i = 0; i < answer->count; i++)
        if (answer->parts[i]->is_wanted && answer->parts[i]->file != NULL &&
            answer->parts[i]->has_ended)
            return false;
    json_array_foreach(json_object_get(answer->result, "sources"), i, source)
    {
        if (inline_number(source) >= 0)
            settle(answer, source);
    }
    return true;
}

static void answer_conclude(struct answer *answer)
{
    answer_kept_fn kept = answer->kept;

    if (kept == NULL || !is_settled(answer))
        return;
    answer->kept = NULL;
    kept(answer->kept_ctx);
}

json_t *answer_result(const struct answer *answer)
{
    return answer->result;
}

bool answer_keep(struct answer *answer, json_t *result, answer_kept_fn kept, void *ctx)
{
    json_t *source;
    size_t i;

    answer->result = result;
    answer->kept = kept;
    answer->kept_ctx = ctx;
    json_array_foreach(json_object_get(result, "sources"), i, source)
    {
        struct part *part = part_of(answer, source);

        if (part != NULL)
            part->is_wanted = true;
    }
    if (!is_settled(answer))
        return false;
    answer->kept = NULL;
    return true;
}

// Kept files.

static bool is_kept(const char *url)
{
    return strncmp(url, ANSWER_KEPT, sizeof ANSWER_KEPT - 1) == 0;
}

char *answer_key(const struct task *task, const char *url)
{
    struct buf key = {0};

    if (!is_kept(url))
        return NULL;
    key_of(task, (size_t)strtol(url + sizeof ANSWER_KEPT - 1, NULL, 10), &key);
    return buf_take(&key);
}

void answer_forget(struct storage *answers, const struct task *task, const json_t *result)
{
    json_t *source;
    size_t i;

    json_array_foreach(json_object_get(result, "sources"), i, source)
    {
        char *key = answer_key(task, field_str_or_empty(source, "url"));

        if (key != NULL)
            storage_delete(answers, key);
        free(key);
    }
}
