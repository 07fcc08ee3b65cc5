// The vendors' CDNs: GET /sim/files/<name>, with ETag and ranges. Names are those of jobs_add_link,
// or a vendor's own.
//
// Words in a job's prompt, of any vendor's:
//
//   [deadlink] 404   [html-link]   [flaky-link] cut twice   [truncate]   [jpeg-named] as image/jpeg
//   [no-cover] 404 for its images   [big] MP4s of 24 MB
//
// A job's files need no key, and a request that has one is refused with 400: a client that lets a
// redirect take its key along gives the key away. [any-key]: it isn't refused.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/media.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { CUT_DOWNLOADS = 2, MISSING_BYTES = 1000, NAME_BYTES_MAX = 100 };

// "bytes=a-b", "bytes=a-", "bytes=-n". False: there is no range to honour. An empty range (from ==
// to) can't be satisfied.
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

static void serve(struct http_exchange *exchange, const struct sim_file *file)
{
    const char *known = http_exchange_header(exchange, "if-none-match");
    size_t from = 0, to = file->data->len;
    char etag[NAME_BYTES_MAX + 3], range[80];
    int status = 200;

    snprintf(etag, sizeof etag, "\"%s\"", file->name);
    http_exchange_add_header(exchange, "ETag", etag);
    http_exchange_add_header(exchange, "Accept-Ranges", "bytes");
    if (known != NULL && strcmp(known, etag) == 0) {
        http_exchange_answer(exchange, 304, NULL, NULL, 0);
        return;
    }
    if (read_range(exchange, etag, file->data->len, &from, &to)) {
        status = 206;
        snprintf(range, sizeof range, "bytes %zu-%zu/%zu", from, to - 1, file->data->len);
        if (from == to) {
            status = 416;
            snprintf(range, sizeof range, "bytes */%zu", file->data->len);
        }
        http_exchange_add_header(exchange, "Content-Range", range);
    }
    http_exchange_answer(exchange, status, file->content_type, file->data->data + from, to - from);
}

// A body that ends before its Content-Length.
static void serve_short(struct http_exchange *exchange, const struct sim_file *file, size_t sent,
                        size_t announced)
{
    http_exchange_begin(exchange, 200, file->content_type, (int64_t)announced);
    http_exchange_write(exchange, file->data->data, sent, NULL, NULL);
    http_exchange_abort(exchange);
}

// A stream without a length, that can't be continued.
static void serve_live(struct http_exchange *exchange, const struct sim_file *file)
{
    http_exchange_begin(exchange, 200, file->content_type, -1);
    http_exchange_write(exchange, file->data->data, file->data->len, NULL, NULL);
    http_exchange_end(exchange);
}

static void serve_none(struct http_exchange *exchange)
{
    static const char text[] = "This content is no longer available.";

    http_exchange_answer(exchange, 404, "text/plain", text, sizeof text - 1);
}

// Serves the file as the words in the prompt say.
void files_send(struct http_exchange *exchange, const struct sim_file *file)
{
    const char *prompt = file->prompt;
    size_t size = file->data->len;

    if (words_has(prompt, "deadlink"))
        serve_none(exchange);
    else if (words_has(prompt, "html-link"))
        http_exchange_answer(exchange, 200, "text/html", "<html>sign in</html>", 20);
    else if (words_has(prompt, "truncate"))
        serve_short(exchange, file, size, size + MISSING_BYTES);
    else if (words_has(prompt, "flaky-link") && file->downloads <= CUT_DOWNLOADS)
        serve_short(exchange, file, size / 2, size);
    else
        serve(exchange, file);
}

static void serve_upload(struct http_exchange *exchange, const char *number)
{
    struct buf data = {0};

    png_add(&data, strtoull(number, NULL, 10));
    http_exchange_answer(exchange, 200, "image/png", data.data, data.len);
    buf_clear(&data);
}

static bool has_key(const struct http_exchange *exchange)
{
    return http_exchange_header_count(exchange, "x-goog-api-key") > 0 ||
           http_exchange_header_count(exchange, "authorization") > 0;
}

// Audio and video are there once the job has succeeded, or a part of it.
static bool is_early(const struct sim *sim, const struct job *job, enum media_kind kind)
{
    return kind != MEDIA_PNG && kind != MEDIA_JPEG && !job->vendor->has_early_files &&
           jobs_view(sim->jobs, job).status != JOB_SUCCEEDED;
}

static void make_media(const struct job *job, enum media_kind kind, const char *name,
                       struct buf *data)
{
    static const char zeros[65536];

    if (kind == MEDIA_MP4 && job->vendor->has_sound)
        kind = MEDIA_MP4_SOUND;
    media_add(data, kind, name);
    if (kind < MEDIA_MP4 || !words_has(job->prompt, "big"))
        return;
    media_announce_zeros(data, MEDIA_BIG_BYTES);
    for (size_t i = 0; i < MEDIA_BIG_BYTES; i += sizeof zeros)
        buf_add(data, zeros, sizeof zeros);
}

void files_serve(struct sim *sim, struct http_exchange *exchange, struct job *job, const char *name)
{
    enum media_kind kind = media_kind(name);
    struct buf data = {0};
    struct sim_file file = {name, job->prompt, ++job->downloads, media_content_type(kind), &data};
    bool is_image = kind == MEDIA_PNG || kind == MEDIA_JPEG;

    if (kind == MEDIA_NONE || is_early(sim, job, kind) ||
        (is_image && words_has(job->prompt, "no-cover"))) {
        serve_none(exchange);
        return;
    }
    make_media(job, kind, name, &data);
    if (words_has(job->prompt, "jpeg-named"))
        file.content_type = "image/jpeg";
    if (strstr(name, "-stream") != NULL)
        serve_live(exchange, &file);
    else
        files_send(exchange, &file);
    buf_clear(&data);
}

static void serve_job(struct sim *sim, struct http_exchange *exchange, struct job *job,
                      const char *name)
{
    static const char text[] = "a key was sent to a host that it isn't for";

    if (has_key(exchange) && !words_has(job->prompt, "any-key"))
        http_exchange_answer(exchange, 400, "text/plain", text, sizeof text - 1);
    else
        files_serve(sim, exchange, job, name);
}

static bool serve_own(struct sim *sim, struct http_exchange *exchange, const char *name)
{
    const struct sim_vendor *vendor;

    for (size_t i = 0; (vendor = sim_vendor_at(i)) != NULL; i++)
        if (vendor->serve != NULL && vendor->serve(sim, exchange, name))
            return true;
    return false;
}

bool files_handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char root[] = "/sim/files/", upload[] = "upload-";
    const char *name = http_exchange_path(exchange);
    struct job *job;

    if (strncmp(name, root, sizeof root - 1) != 0)
        return false;
    name += sizeof root - 1;
    sim->stats.downloads++;
    job = jobs_find_file(sim->jobs, name);
    if (strlen(name) > NAME_BYTES_MAX)
        serve_none(exchange);
    else if (strncmp(name, upload, sizeof upload - 1) == 0)
        serve_upload(exchange, name + sizeof upload - 1);
    else if (job != NULL)
        serve_job(sim, exchange, job, name);
    else if (!serve_own(sim, exchange, name))
        serve_none(exchange);
    return true;
}
