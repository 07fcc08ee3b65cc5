// Many submits in one request: each goes to its route as if it had come alone, and the answers come
// back together, in the order of the requests.
//
//  begin some ─▶ they are answered, one by one ─▶ begin more ─▶ … ─▶ all are over: the answer
//
// Those that begin in one turn of the loop reach Redis in one call: that is what a batch is for.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/http/http_head.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "core/message/multipart.h"
#include "scheduler/batch_read.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"

// So many are in work at once, as a rule: a call of a script takes no more. Bodies need many times
// their length while they are read, and time: so few bytes are in work, or begin in one turn.
enum { IN_WORK = 100, BYTES_IN_WORK = 512 * 1024, PATH_BYTES = 8192 };

struct batch_part {
    struct request_part part; // first: the part is the batch's
    struct batch *batch;
    struct request *request; // ours; NULL: it hasn't begun, or is over
    char *key;
    int status;
    struct buf json;
};

struct batch {
    struct request *whole; // whose batch we are
    struct batch_read read;
    struct batch_part *parts;
    size_t begun, over; // of the parts, in their order; of the parts, in any
    size_t bytes;       // of the bodies in work
    bool is_beginning;
    // Where the part before went: as a rule they all go there.
    struct json_span path;
    const struct served *served;
    struct pattern_names names;
};

static void batch_clear(void *kept)
{
    struct batch *batch = kept;

    for (size_t i = 0; i < batch->begun; i++) {
        struct batch_part *part = &batch->parts[i];

        if (part->request != NULL)
            request_drop(part->request);
        free(part->key);
        buf_clear(&part->part.headers);
        buf_clear(&part->json);
    }
    free(batch->parts);
    batch_read_clear(&batch->read);
    room_give(&batch->whole->front->batches, batch->whole->owner, 1);
}

// Where a part goes.

// The path without its query, decoded, as the server reads it: no submit reads its query. NULL: it
// isn't one.
static char *read_path(const struct json_span *span, struct err *err)
{
    char *text = json_span_text(span);
    struct http_head head = {0};
    struct buf path = {0};
    bool ok = false;

    if (text == NULL)
        err_set(err, ERR_INVALID, "path: %s", span->len == 0 ? "is required" : "must be a string");
    else if (*text != '/')
        err_set(err, ERR_INVALID, "path: must begin with a slash");
    else if (span->len > PATH_BYTES)
        err_set(err, ERR_INVALID, "path: is longer than %d bytes", PATH_BYTES);
    else
        ok = true;
    for (const char *at = text; ok && *at != '\0'; at++)
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f || *at == '#')
            ok = err_set(err, ERR_INVALID, "path: has a character that must be escaped");
    if (ok) {
        head.path_len = (uint32_t)strcspn(text, "?");
        ok = http_head_path(&head, text, &path) ||
             err_set(err, ERR_INVALID, "path: has a malformed escape or a dot segment");
    }
    free(text);
    if (ok)
        return buf_take(&path);
    buf_clear(&path);
    return NULL;
}

static bool is_same_path(const struct batch *batch, const struct json_span *path)
{
    return batch->served != NULL && path->len == batch->path.len &&
           memcmp(path->at, batch->path.at, path->len) == 0;
}

static bool route_part(struct batch *batch, struct request *request, const struct batch_ask *ask,
                       struct err *err)
{
    char *path;
    bool ok;

    if (is_same_path(batch, &ask->path)) {
        request->served = batch->served;
        request->family = batch->served->family;
        request->names = batch->names;
    } else {
        path = read_path(&ask->path, err);
        ok = path != NULL && request->front->route_part(request, path, err);
        free(path);
        if (!ok)
            return false;
        batch->path = ask->path;
        batch->served = request->served;
        batch->names = request->names;
    }
    request_take_id(request);
    return true;
}

// What a header would have: it has no control characters, and no spaces around it.
static bool read_key(struct batch_part *part, const struct json_span *span, struct err *err)
{
    char *key = json_span_text(span), *from;
    size_t len;

    part->key = key;
    if (span->len == 0)
        return true;
    if (key == NULL)
        return err_set(err, ERR_INVALID, "idempotency_key: must be a string");
    from = key + strspn(key, " \t");
    len = strlen(from);
    while (len > 0 && (from[len - 1] == ' ' || from[len - 1] == '\t'))
        len--;
    from[len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)from[i] < 0x20 && from[i] != '\t') || from[i] == 0x7f)
            return err_set(err, ERR_INVALID, "idempotency_key: has a control character");
    part->part.key = from;
    return true;
}

// Its life.

static void on_more(void *ctx);

static void on_part_answer(struct request_part *ctx, int status, const struct buf *json)
{
    struct batch_part *part = (struct batch_part *)ctx;
    struct batch *batch = part->batch;
    struct request *whole = batch->whole;

    part->request = NULL;
    part->status = status;
    buf_add(&part->json, buf_text(json), json->len);
    batch->over++;
    batch->bytes -= part->part.body_len;
    // Not at once: whoever has answered may be going through the requests.
    if (!batch->is_beginning && whole->awaited[AWAIT_TIMER] == NULL)
        request_await(whole, AWAIT_TIMER, loop_after(whole->front->loop, 0, on_more, batch));
}

static void begin_part(struct batch *batch, size_t index)
{
    const struct batch_ask *ask = &batch->read.asks[index];
    struct batch_part *part = &batch->parts[index];
    struct request *request;
    struct err err;

    part->batch = batch;
    part->part.body = ask->body.at == NULL ? "" : ask->body.at;
    part->part.body_len = ask->body.len;
    part->part.on_answer = on_part_answer;
    batch->bytes += ask->body.len;
    part->request = request = request_new_part(batch->whole, &part->part);
    if (!ask->is_object)
        request_refuse_with(request, ERR_INVALID, "must be a JSON object");
    else if (!route_part(batch, request, ask, &err) || !read_key(part, &ask->key, &err))
        request_refuse(request, &err);
    else
        request->served->handle(request);
}

static void finish(struct batch *batch)
{
    struct buf json = {0};

    buf_str(&json, "{\"results\":[");
    for (size_t i = 0; i < batch->over; i++) {
        const struct batch_part *part = &batch->parts[i];

        buf_str(&json, i == 0 ? "{\"status\":" : ",{\"status\":");
        buf_int(&json, part->status);
        buf_str(&json, ",\"headers\":{");
        buf_add(&json, buf_text(&part->part.headers), part->part.headers.len);
        buf_str(&json, "},\"body\":");
        buf_add(&json, buf_text(&part->json), part->json.len);
        buf_char(&json, '}');
    }
    buf_str(&json, "]}");
    request_answer(batch->whole, 200, &json);
    buf_clear(&json);
}

// A part that is as long as it may be goes alone.
static bool is_room(const struct batch *batch, size_t begun_bytes)
{
    size_t len = batch->read.asks[batch->begun].body.len, in_work = batch->begun - batch->over;

    return in_work < IN_WORK && (in_work == 0 || batch->bytes + len <= BYTES_IN_WORK) &&
           (begun_bytes == 0 || begun_bytes + len <= BYTES_IN_WORK);
}

static void begin_more(struct batch *batch)
{
    struct request *whole = batch->whole;
    size_t bytes = 0;

    batch->is_beginning = true;
    while (batch->begun < batch->read.count && is_room(batch, bytes)) {
        bytes += batch->read.asks[batch->begun].body.len;
        begin_part(batch, batch->begun++);
    }
    batch->is_beginning = false;
    if (batch->over == batch->read.count)
        finish(batch);
    else if (batch->begun == batch->over)
        request_await(whole, AWAIT_TIMER, loop_after(whole->front->loop, 0, on_more, batch));
}

static void on_more(void *ctx)
{
    struct batch *batch = ctx;

    request_forget(batch->whole, AWAIT_TIMER);
    begin_more(batch);
}

// What is wrong with the whole, its bodies apart.
static bool check_whole(const struct request *request, struct err *err)
{
    if (multipart_is_form(request_header(request, "content-type")))
        return err_set(err, ERR_MEDIA_TYPE, "Content-Type: a batch is JSON");
    return request_header_count(request, "idempotency-key") == 0 ||
           err_set(err, ERR_INVALID,
                   "Idempotency-Key: in a batch each request has its own, as idempotency_key");
}

void batch_submit(struct request *request)
{
    struct front *front = request->front;
    struct batch_read read = {0};
    struct batch *batch;
    struct err err;
    const char *text;
    size_t len;
    bool ok = check_whole(request, &err);

    if (ok) {
        text = http_exchange_body(request->exchange, &len);
        ok = batch_read(&read, text, len, &err);
    }
    if (ok && !room_take(&front->batches, request->owner, 1))
        ok = err_set(&err, ERR_TOO_MANY,
                     "this key has as many batches in work as it may, wait for one to end");
    if (!ok) {
        batch_read_clear(&read);
        request_refuse(request, &err);
        return;
    }
    batch = request_keep(request, sizeof *batch, batch_clear);
    batch->whole = request;
    batch->read = read;
    batch->parts = mem_array(struct batch_part, read.count);
    begin_more(batch);
}
