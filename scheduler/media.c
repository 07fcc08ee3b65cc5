// GET /media/…: archived files, without a key, for the path carries the unguessable task id.
//
// Reads happen on libuv's threads, through one fixed buffer.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "core/storage/storage_label.h"
#include "providers/family_common.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum { PIECE_BYTES = 64 * 1024 };

struct media {
    uv_work_t work;                 // first: what libuv gives back
    struct http_exchange *exchange; // NULL: the client is gone, or has been answered
    struct request *request;        // until it is known what is answered
    char *root, *name;
    char *range, *if_range, *if_none_match; // the request's headers of these names
    bool is_head;
    bool is_private; // asked for with a key: not for shared caches
    int fd;
    int64_t size, mtime_ns;
    int64_t at, end; // what is left to be sent
    char *piece;
    ssize_t got; // of the last read, or -errno
    bool is_working;
    uv_loop_t *uv;
};

static void media_free(struct media *media)
{
    if (media->fd >= 0)
        close(media->fd);
    free(media->root);
    free(media->name);
    free(media->range);
    free(media->if_range);
    free(media->if_none_match);
    free(media->piece);
    free(media);
}

static void on_gone(void *ctx)
{
    struct media *media = ctx;

    if (media->request != NULL)
        request_drop(media->request);
    media->request = NULL;
    media->exchange = NULL;
    if (!media->is_working)
        media_free(media);
}

// On a thread of the pool.

// Opens nothing outside the directory, whatever the name is and the links in it.
static void open_file(struct media *media)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int root = open(media->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat info;

    if (root < 0)
        return;
    media->fd = (int)syscall(SYS_openat2, root, media->name, &how, sizeof how);
    close(root);
    if (media->fd < 0)
        return;
    if (fstat(media->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(media->fd);
        media->fd = -1;
        return;
    }
    media->size = info.st_size;
    media->mtime_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
}

static void on_work(uv_work_t *work)
{
    struct media *media = (struct media *)work;
    int64_t left = media->end - media->at;

    if (media->piece == NULL) {
        open_file(media);
        return;
    }
    media->got = pread(media->fd, media->piece, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES,
                       (off_t)media->at);
}

// On the loop.

static void on_worked(uv_work_t *work, int status);

static void work(struct media *media)
{
    media->is_working = true;
    uv_queue_work(media->uv, &media->work, on_work, on_worked);
}

static const char *content_type(const char *name)
{
    static const struct {
        const char *extension, *type;
    } types[] = {
        {"png", "image/png"},       {"jpg", "image/jpeg"},  {"gif", "image/gif"},
        {"webp", "image/webp"},     {"avif", "image/avif"}, {"mp4", "video/mp4"},
        {"mov", "video/quicktime"}, {"webm", "video/webm"}, {"mp3", "audio/mpeg"},
        {"m4a", "audio/mp4"},       {"wav", "audio/wav"},   {"ogg", "audio/ogg"},
        {"flac", "audio/flac"},     {"aac", "audio/aac"},   {"pcm", "audio/pcm"},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}

// Reads one range of bytes (RFC 9110 14.1.2). False: it can't be satisfied. Several ranges, or a
// text that isn't understood, are ignored: then the whole file is sent.
static bool read_range(const char *text, int64_t size, int64_t *from, int64_t *end, bool *is_part)
{
    static const char digits[] = "0123456789";
    const char *second;
    size_t first_len, second_len;
    int64_t first, last;

    *is_part = false;
    if (text == NULL || strncasecmp(text, "bytes=", 6) != 0)
        return true;
    text += 6;
    first_len = strspn(text, digits);
    if (text[first_len] != '-')
        return true;
    second = text + first_len + 1;
    second_len = strspn(second, digits);
    if (second[second_len] != '\0' || first_len + second_len == 0)
        return true;
    first = strtoll(text, NULL, 10); // a number that is too large becomes the largest
    last = strtoll(second, NULL, 10);
    if (first_len == 0) { // so many bytes at the end
        if (last == 0 || size == 0)
            return false;
        *from = last > size ? 0 : size - last;
        *end = size;
    } else {
        if (second_len > 0 && last < first)
            return true;
        if (first >= size)
            return false;
        *from = first;
        *end = second_len == 0 || last >= size ? size : last + 1;
    }
    *is_part = true;
    return true;
}

// It is known what is answered: the request holds nothing that the rest needs.
static void settle(struct media *media, int status, int64_t bytes)
{
    request_count(media->request, status, bytes);
    request_drop(media->request);
    media->request = NULL;
}

// Answers without a body.
static void answer(struct media *media, int status)
{
    struct http_exchange *exchange = media->exchange;

    settle(media, status, 0);
    media_free(media);
    http_exchange_answer(exchange, status, NULL, NULL, 0);
}

static void answer_none(struct media *media)
{
    struct http_exchange *exchange = media->exchange;
    struct buf json = {0};
    struct err err;
    int status;

    err_set(&err, ERR_NOT_FOUND, "there is no such file");
    status = family_refuse_envelope(&err, &json);
    settle(media, status, (int64_t)json.len);
    media_free(media);
    http_exchange_answer(exchange, status, "application/json", json.data, json.len);
    buf_clear(&json);
}

static void on_drained(void *ctx)
{
    work(ctx);
}

static void finish(struct media *media)
{
    struct http_exchange *exchange = media->exchange;

    media_free(media);
    http_exchange_end(exchange);
}

static void begin(struct media *media)
{
    struct http_exchange *exchange = media->exchange;
    char etag[64], range[96], disposition[160];
    bool is_part = false;

    if (media->fd < 0) {
        answer_none(media);
        return;
    }
    snprintf(etag, sizeof etag, "\"%llx-%llx\"", (unsigned long long)media->size,
             (unsigned long long)media->mtime_ns);
    http_exchange_add_header(exchange, "ETag", etag);
    http_exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    http_exchange_add_header(exchange, "Accept-Ranges", "bytes");
    http_exchange_add_header(exchange, "Cache-Control",
                             media->is_private ? "private, max-age=31536000, immutable"
                                               : STORAGE_LABEL_CACHE);
    storage_label_disposition(media->name, disposition, sizeof disposition);
    http_exchange_add_header(exchange, "Content-Disposition", disposition);
    if (media->if_none_match != NULL &&
        (strcmp(media->if_none_match, "*") == 0 || strstr(media->if_none_match, etag) != NULL)) {
        answer(media, 304);
        return;
    }
    media->at = 0;
    media->end = media->size;
    if (!media->is_head && (media->if_range == NULL || strcmp(media->if_range, etag) == 0) &&
        !read_range(media->range, media->size, &media->at, &media->end, &is_part)) {
        snprintf(range, sizeof range, "bytes */%lld", (long long)media->size);
        http_exchange_add_header(exchange, "Content-Range", range);
        answer(media, 416);
        return;
    }
    if (is_part) {
        snprintf(range, sizeof range, "bytes %lld-%lld/%lld", (long long)media->at,
                 (long long)media->end - 1, (long long)media->size);
        http_exchange_add_header(exchange, "Content-Range", range);
    }
    settle(media, is_part ? 206 : 200, media->end - media->at);
    http_exchange_begin(exchange, is_part ? 206 : 200, content_type(media->name),
                        media->end - media->at);
    if (media->is_head || media->at == media->end) {
        finish(media);
        return;
    }
    media->piece = mem_resize(NULL, PIECE_BYTES);
    work(media);
}

static void send_piece(struct media *media)
{
    struct http_exchange *exchange = media->exchange;

    if (media->got <= 0) { // the file became shorter, or can't be read: the client must notice
        media_free(media);
        http_exchange_abort(exchange);
        return;
    }
    media->at += media->got;
    if (media->at == media->end) {
        http_exchange_write(exchange, media->piece, (size_t)media->got, NULL, NULL);
        finish(media);
    } else if (http_exchange_write(exchange, media->piece, (size_t)media->got, on_drained, media)) {
        work(media);
    }
}

static void on_worked(uv_work_t *done, int status)
{
    struct media *media = (struct media *)done;

    (void)status;
    media->is_working = false;
    if (media->exchange == NULL)
        media_free(media);
    else if (media->piece == NULL)
        begin(media);
    else
        send_piece(media);
}

void media_serve(struct request *request)
{
    media_send(request, http_exchange_path(request->exchange) + strlen("/media/"));
}

void media_send(struct request *request, const char *key)
{
    struct media *media = mem_new(struct media);
    struct http_exchange *exchange = request->exchange;
    struct buf root = {0};

    buf_fmt(&root, "%s/media", request->front->config->data_dir);
    media->exchange = exchange;
    media->request = request;
    media->root = buf_take(&root);
    media->name = mem_str(key);
    media->range = mem_str(http_exchange_header(exchange, "range"));
    media->if_range = mem_str(http_exchange_header(exchange, "if-range"));
    media->if_none_match = mem_str(http_exchange_header(exchange, "if-none-match"));
    media->is_private = request->owner != NULL;
    media->is_head = http_exchange_method(exchange) == HTTP_HEAD_;
    media->fd = -1;
    media->uv = loop_uv(request->front->loop);
    http_exchange_on_gone(exchange, on_gone, media);
    work(media);
}
