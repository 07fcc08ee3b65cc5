// POST /v1/files/uploads/url: a link of a client's, fetched only from where strangers may have us
// go.
//
// The file goes to the storage as it comes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/json/field.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/upload.h"

enum {
    MAX_REDIRECTS = 3,
    FETCH_TIMEOUT_MS = 60000,
    FETCHES_PER_KEY = 16, // at once: each has a buffer, a connection and a file
};

struct upload_link {
    struct upload upload; // first: a kept upload_link is also an upload
    const char *owner;    // whose link it is, borrowed
    char *url;            // the present one: a redirect starts from it
    int redirects;
    char head[MEDIA_HEAD_BYTES]; // the file's first bytes, until its type is known
    size_t head_len;
    int64_t expected;   // the length that the answer's head tells; -1: none
    bool is_head_given; // `head` was written to the file
    size_t split;       // how much of the present piece went into `head`
    struct http_call *fetch;
    struct storage_file *file;
    struct upload_link *next, **at; // of the front's links
};

static void link_clear(void *kept)
{
    struct upload_link *link = kept;

    http_cancel(&link->fetch);
    storage_drop(&link->file);
    free(link->url);
    *link->at = link->next;
    if (link->next != NULL)
        link->next->at = link->at;
}

static bool on_address(const struct sockaddr *address, void *ctx)
{
    const struct request *request = ctx;

    return reach_has(&request->front->config->clients_reach, address);
}

static void link_fetch(struct request *request, const char *url);

static void on_room(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    const struct upload_link *link = request->kept;

    if (err != NULL)
        request_refuse_with(request, ERR_UNAVAILABLE, "the storage can't be reached");
    else if (link->fetch != NULL)
        http_resume(link->fetch);
}

// Makes the file to write to, once its first bytes tell its type. False: the request has been
// refused.
static bool link_start_file(struct request *request)
{
    struct upload_link *link = request->kept;

    link->upload.type = media_type_of(link->head, link->head_len);
    if (link->upload.type == NULL) {
        request_refuse_with(request, ERR_INVALID,
                            link->head_len == 0 ? "url: is empty"
                                                : "url: is no image, video or audio that we know");
        return false;
    }
    upload_make_key(&link->upload);
    link->file = storage_create(request->front->storage, link->upload.key,
                                link->upload.type->content_type, link->expected, on_room, request);
    return true;
}

// Writes `head` to the file. False: there is no room now.
static bool link_give_head(struct request *request)
{
    struct upload_link *link = request->kept;

    if (!link->is_head_given)
        link->is_head_given = storage_write(link->file, link->head, link->head_len);
    return link->is_head_given;
}

static void link_note_length(struct upload_link *link, const struct http_response *head)
{
    struct buf scratch = {0};

    link->expected = http_header_number(head, "content-length", "");
    if (http_header(head, "transfer-encoding", &scratch) != NULL)
        link->expected = -1; // RFC 9112 6.3
    buf_clear(&scratch);
}

// Each piece goes to the storage as it comes. A piece that comes again comes from its start.
static bool on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct request *request = ctx;
    struct upload_link *link = request->kept;
    size_t most = request->front->config->max_body_bytes, missing;

    if (head->status != 200)
        return true; // on_fetched refuses it
    if (link->head_len == 0)
        link_note_length(link, head);
    missing = MEDIA_HEAD_BYTES - link->head_len;
    if ((size_t)storage_size(link->file) + link->head_len + len > most + MEDIA_HEAD_BYTES ||
        (link->expected > 0 && (size_t)link->expected > most)) {
        request_refuse_with(request, ERR_TOO_LARGE, "url: the file is too large");
        return true;
    }
    if (missing > 0) {
        size_t part = len < missing ? len : missing;

        memcpy(link->head + link->head_len, data, part);
        link->head_len += part;
        link->split = part;
        if (link->head_len < MEDIA_HEAD_BYTES)
            return true;
        if (!link_start_file(request))
            return true; // the request is gone
    }
    if (!link_give_head(request))
        return false;
    data = (const char *)data + link->split;
    len -= link->split;
    if (len > 0 && !storage_write(link->file, data, len))
        return false;
    link->split = 0;
    return true;
}

static void on_committed(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    struct upload_link *link = request->kept;

    if (err == NULL) {
        link->upload.bytes = storage_size(link->file);
        storage_sha256(link->file, link->upload.sha256);
    }
    upload_answer(request, err);
}

static void on_fetched(void *ctx, const struct http_response *response,
                       const struct http_failure *failure)
{
    struct request *request = ctx;
    struct upload_link *link = request->kept;
    struct buf url = {0};
    char why[80];

    link->fetch = NULL;
    if (failure != NULL && failure->err.code == ERR_TOO_LARGE) {
        request_refuse_with(request, ERR_TOO_LARGE, "url: the file is too large");
    } else if (failure != NULL) {
        // The same text as for an address that is refused, so that nobody can feel out our network.
        request_refuse_with(request, ERR_INVALID, "url: can't be fetched");
    } else if (link->redirects++ < MAX_REDIRECTS && http_redirect(response, link->url, &url)) {
        link_fetch(request, url.data);
    } else if (response->status != 200) {
        snprintf(why, sizeof why, "url: answers HTTP %d", response->status);
        request_refuse_with(request, ERR_INVALID, why);
    } else if (link->file != NULL || link_start_file(request)) {
        if (link_give_head(request)) // there is room: the head is the first write, or was written
                                     // before
            storage_commit(link->file, INT64_MAX, on_committed, request);
        else
            request_refuse_with(request, ERR_UNAVAILABLE, "the storage can't be reached");
    }
    buf_clear(&url);
}

static void link_fetch(struct request *request, const char *url)
{
    struct http_request out = {.method = HTTP_GET_, .url = mem_str(url)};
    struct http_options options = {.timeout_ms = FETCH_TIMEOUT_MS,
                                   .wants_plain = true,
                                   .on_address = on_address,
                                   .on_data = on_data,
                                   .ctx = request};
    struct upload_link *link = request->kept;

    mem_set_str(&link->url, url);
    link->fetch = http_start(request->front->http, &out, &options, on_fetched);
    http_request_clear(&out);
}

static bool link_may_fetch(const struct request *request)
{
    int count = 0;

    for (const struct upload_link *k = request->front->links; k != NULL; k = k->next)
        count += strcmp(k->owner, request->owner) == 0;
    return count < FETCHES_PER_KEY;
}

static void link_keep(struct request *request)
{
    struct upload_link *link = request_keep(request, sizeof *link, link_clear);

    link->owner = request->owner;
    link->next = request->front->links;
    link->at = &request->front->links;
    if (link->next != NULL)
        link->next->at = &link->next;
    request->front->links = link;
}

void uploads_link(struct request *request)
{
    const char *url;
    struct err err;

    if (!request_read_body(request))
        return;
    url = field_str_or_empty(request->body, "url");
    if (!url_check_reach(url, &request->front->config->clients_reach, &err)) {
        err.code = ERR_INVALID;
        err_wrap(&err, "url");
        request_refuse(request, &err);
    } else if (!link_may_fetch(request)) {
        request_refuse_with(request, ERR_UNAVAILABLE,
                            "url: too many of this key's links are being fetched");
    } else {
        link_keep(request);
        link_fetch(request, url);
    }
}
