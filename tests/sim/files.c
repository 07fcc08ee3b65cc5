// The vendor's CDN: GET /sim/files/<task id>[-preview].<png or webp>, with ETag and ranges.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/io/http_server.h"
#include "tests/sim/midjourney_tasks.h"
#include "tests/sim/sim.h"

enum { CUT_DOWNLOADS = 2, MISSING_BYTES = 1000 };

// "bytes=a-b", "bytes=a-", "bytes=-n". False: there is none to honour. An empty range (from == to)
// can't be satisfied.
static bool read_range(const struct http_exchange *exchange, const char *etag, size_t size,
                       size_t *from, size_t *to)
{
    const char *text = http_exchange_header(exchange, "range");
    const char *condition = http_exchange_header(exchange, "if-range");
    unsigned long long first, last;
    int used = 0;

    if (text == NULL || (condition != NULL && strcmp(condition, etag) != 0))
        return false;
    *to = size;
    if (sscanf(text, "bytes=-%llu%n", &last, &used) == 1 && text[used] == '\0') {
        *from = last < size ? size - (size_t)last : 0;
        return true;
    }
    if (sscanf(text, "bytes=%llu-%n", &first, &used) != 1 || used == 0)
        return false;
    *from = first < size ? (size_t)first : size;
    if (text[used] == '\0')
        return true;
    last = strtoull(text + used, NULL, 10);
    if (last < first)
        return false;
    if (last < size)
        *to = (size_t)last + 1;
    if (*from > *to)
        *from = *to;
    return true;
}

static void serve(struct http_exchange *exchange, const struct buf *file, const char *etag,
                  const char *content_type)
{
    const char *known = http_exchange_header(exchange, "if-none-match");
    size_t from = 0, to = file->len;
    char range[80];
    int status = 200;

    http_exchange_add_header(exchange, "ETag", etag);
    http_exchange_add_header(exchange, "Accept-Ranges", "bytes");
    if (known != NULL && strcmp(known, etag) == 0) {
        http_exchange_answer(exchange, 304, NULL, NULL, 0);
        return;
    }
    if (read_range(exchange, etag, file->len, &from, &to)) {
        status = 206;
        snprintf(range, sizeof range, "bytes %zu-%zu/%zu", from, to - 1, file->len);
        if (from == to) {
            status = 416;
            snprintf(range, sizeof range, "bytes */%zu", file->len);
        }
        http_exchange_add_header(exchange, "Content-Range", range);
    }
    http_exchange_answer(exchange, status, content_type, file->data + from, to - from);
}

// A body that ends before its Content-Length.
static void serve_short(struct http_exchange *exchange, const struct buf *file,
                        const char *content_type, size_t sent, size_t announced)
{
    http_exchange_begin(exchange, 200, content_type, (int64_t)announced);
    http_exchange_write(exchange, file->data, sent, NULL, NULL);
    http_exchange_abort(exchange);
}

static void serve_task(struct http_exchange *exchange, struct mj_task *task, bool is_preview,
                       const struct buf *file, const char *content_type)
{
    const char *prompt = task->prompt;
    char etag[40];

    snprintf(etag, sizeof etag, "\"%llu%s\"", (unsigned long long)task->id,
             is_preview ? "-preview" : "");
    task->downloads++;
    if (mj_has_word(prompt, "jpeg-named"))
        content_type = "image/jpeg";
    if (mj_has_word(prompt, "deadlink"))
        http_exchange_answer(exchange, 404, "text/plain", "This content is no longer available.",
                             36);
    else if (mj_has_word(prompt, "html-link"))
        http_exchange_answer(exchange, 200, "text/html", "<html>sign in</html>", 20);
    else if (mj_has_word(prompt, "truncate"))
        serve_short(exchange, file, content_type, file->len, file->len + MISSING_BYTES);
    else if (mj_has_word(prompt, "flaky-link") && task->downloads <= CUT_DOWNLOADS)
        serve_short(exchange, file, content_type, file->len / 2, file->len);
    else
        serve(exchange, file, etag, content_type);
}

bool files_handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char root[] = "/sim/files/", upload[] = "upload-";
    const char *name = http_exchange_path(exchange);
    const char *content_type = "image/png";
    struct mj_task *task;
    struct buf file = {0};
    uint64_t id;
    bool is_preview;
    char *end;

    if (strncmp(name, root, sizeof root - 1) != 0)
        return false;
    name += sizeof root - 1;
    sim->stats.downloads++;
    if (strncmp(name, upload, sizeof upload - 1) == 0) {
        png_add(&file, strtoull(name + sizeof upload - 1, NULL, 10));
        http_exchange_answer(exchange, 200, content_type, file.data, file.len);
        buf_clear(&file);
        return true;
    }
    id = strtoull(name, &end, 10);
    task = end == name ? NULL : mj_tasks_at(sim->tasks, id);
    if (task == NULL) {
        http_exchange_answer(exchange, 404, "text/plain", "no such file", 12);
        return true;
    }
    is_preview = strncmp(end, "-preview", 8) == 0;
    png_add(&file, is_preview ? ~id : id);
    serve_task(exchange, task, is_preview, &file, content_type);
    buf_clear(&file);
    return true;
}
