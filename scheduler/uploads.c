// /v1/files/uploads: clients' files, kept for a while under a link that submits take.
//
// A form, base64, a link of theirs that we fetch, or a place to PUT to. What a file is, its bytes
// say. Uploads live as long as ended tasks do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/media_link.h"
#include "core/message/media_type.h"
#include "core/message/multipart.h"
#include "core/storage/storage.h"
#include "core/store/store.h"
#include "core/store/upload_places.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum {
    NAME_HEX = 32,
    MAX_REDIRECTS = 3,
    FETCH_TIMEOUT_MS = 60000,
    FETCHES_PER_KEY = 16, // at once: each has a buffer, a connection and a file
    PLACE_LIFE_MS = 3600 * 1000,
};

// What is being uploaded.
struct upload {
    char key[96];
    const struct media_type *type;
    int64_t bytes;
    char sha256[SHA256_HEX_BYTES];
    int redirects;
    char head[MEDIA_HEAD_BYTES]; // of what is fetched, until its type is known
    size_t head_len;
    int64_t expected;   // what its head says; -1: nothing
    bool is_head_given; // to the file
    size_t split;       // so much of the present piece went to the head
    bool is_place;      // somebody was given it to PUT to
    // What comes from a link, and goes to the file as it comes.
    const char *owner; // whose link it is, borrowed; NULL: it isn't from one
    char *url;         // where a redirect starts from
    struct http_call *fetch;
    struct storage_file *file;
    struct upload *next, **at; // of the front's
};

static void upload_clear(void *kept)
{
    struct upload *upload = kept;

    http_cancel(&upload->fetch);
    storage_drop(&upload->file);
    free(upload->url);
    if (upload->owner == NULL)
        return;
    *upload->at = upload->next;
    if (upload->next != NULL)
        upload->next->at = upload->at;
}

static struct upload *upload_of(struct request *request)
{
    return request->kept != NULL ? request->kept
                                 : request_keep(request, sizeof(struct upload), upload_clear);
}

// uploads/2026/03/27/<unguessable>.png
static void make_key(char *key, size_t size, const char *extension)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    char name[NAME_HEX + 1];
    struct tm utc;

    gmtime_r(&now, &utc);
    id_random_hex(name, NAME_HEX);
    snprintf(key, size, "uploads/%04d/%02d/%02d/%s.%s", utc.tm_year + 1900, utc.tm_mon + 1,
             utc.tm_mday, name, extension);
}

// Until when a link is good.
static int64_t expires_ms(const struct config *config)
{
    int64_t life_ms =
        config->links.base == NULL && config->retention_ms > MEDIA_LINK_LIFE_S * 1000LL
            ? MEDIA_LINK_LIFE_S * 1000LL
            : config->retention_ms;

    return clock_wall_ms() + life_ms;
}

// The name in the key is the secret.
static void secret_name(const struct upload *upload, char name[NAME_HEX + 1])
{
    snprintf(name, NAME_HEX + 1, "%s", upload->key + strlen("uploads/0000/00/00/"));
}

static void on_put(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    const struct upload *upload = request->kept;
    const struct config *config = request->front->config;
    char name[NAME_HEX + 1];
    struct buf json = {0}, url = {0};

    request_forget(request, AWAIT_STORAGE);
    if (err != NULL) {
        request_refuse_with(request, ERR_UNAVAILABLE, "the storage can't be reached");
        return;
    }
    if (upload->is_place) {
        // Whoever repeats it meanwhile stores the same name once more.
        secret_name(upload, name);
        upload_place_forget(request->front->store, name);
    }
    media_link(&config->links, upload->key, &url);
    buf_str(&json, "{\"object\":\"file\",\"url\":");
    buf_json_str(&json, url.data);
    buf_fmt(&json,
            ",\"kind\":\"%s\",\"content_type\":\"%s\",\"bytes\":%lld,\"sha256\":\"%s\","
            "\"expires_at\":%lld}",
            upload->type->kind, upload->type->content_type, (long long)upload->bytes,
            upload->sha256, (long long)expires_ms(config));
    request_answer(request, 200, &json);
    buf_clear(&json);
    buf_clear(&url);
}

// What the file was in: storing it may take long, and it is there twice.
static void drop_source(struct request *request)
{
    struct buf body = {0};

    json_decref(request->body);
    request->body = NULL;
    http_exchange_take_body(request->exchange, &body);
    buf_clear(&body);
}

// Takes what `data` holds. `field` is what the client calls it.
static void keep(struct request *request, const char *field, struct buf *data)
{
    struct upload *upload = upload_of(request);
    struct err err;

    drop_source(request);
    upload->type = media_type_of(data->data, data->len);
    if (data->len == 0 || upload->type == NULL) {
        err_set(&err, ERR_INVALID, "%s: %s", field,
                data->len == 0 ? "is empty" : "is no image, video or audio that we know");
        request_refuse(request, &err);
        buf_clear(data);
        return;
    }
    if (*upload->key == '\0')
        make_key(upload->key, sizeof upload->key, upload->type->extension);
    upload->bytes = (int64_t)data->len;
    sha256_hex(data->data, data->len, upload->sha256);
    request_await(request, AWAIT_STORAGE,
                  storage_put(request->front->storage, upload->key, upload->type->content_type,
                              data, on_put, request));
}

// A form with a file.
void uploads_form(struct request *request)
{
    const char *type = http_exchange_header(request->exchange, "content-type");
    const struct multipart_part *file = NULL;
    struct multipart form;
    struct buf data = {0};
    struct err err;
    size_t len;
    const char *body = http_exchange_body(request->exchange, &len);

    if (!multipart_is_form(type)) {
        request_refuse_with(request, ERR_INVALID,
                            "file: send a multipart/form-data form with a file");
        return;
    }
    if (!multipart_parse(type, body, len, &form, &err)) {
        request_refuse(request, &err);
        return;
    }
    for (size_t i = 0; i < form.count && file == NULL; i++)
        if (form.parts[i].filename.data != NULL)
            file = &form.parts[i];
    if (file == NULL) {
        request_refuse_with(request, ERR_INVALID, "file: is required");
        return;
    }
    buf_add(&data, file->data.data, file->data.len);
    keep(request, "file", &data);
}

void uploads_base64(struct request *request)
{
    const char *names[] = {"base64", "data"}, *name = NULL, *text;
    struct buf data = {0};
    struct err err;

    if (!request_read_body(request))
        return;
    for (size_t i = 0; i < 2 && name == NULL; i++)
        if (field_at(request->body, names[i]) != NULL)
            name = names[i];
    text = name == NULL ? NULL : json_string_value(field_at(request->body, name));
    if (name == NULL) {
        request_refuse_with(request, ERR_INVALID, "base64: is required");
        return;
    }
    if (text != NULL)
        text = field_base64_of(text);
    if (text == NULL || !base64_decode(text, strlen(text), &data)) {
        err_set(&err, ERR_INVALID, "%s: must be base64, or a data URL of it", name);
        request_refuse(request, &err);
        buf_clear(&data);
        return;
    }
    keep(request, name, &data);
}

// A link of theirs: only to where strangers may have us go.

static bool on_address(const struct sockaddr *address, void *ctx)
{
    const struct request *request = ctx;

    return reach_has(&request->front->config->clients_reach, address);
}

static void fetch(struct request *request, const char *url);

static void on_room(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    const struct upload *upload = request->kept;

    if (err != NULL)
        request_refuse_with(request, ERR_UNAVAILABLE, "the storage can't be reached");
    else if (upload->fetch != NULL)
        http_resume(upload->fetch);
}

// Whether there is a file to write to: it takes the first bytes to know its type. False: refused.
static bool start_file(struct request *request)
{
    struct upload *upload = upload_of(request);

    upload->type = media_type_of(upload->head, upload->head_len);
    if (upload->type == NULL) {
        request_refuse_with(request, ERR_INVALID,
                            upload->head_len == 0
                                ? "url: is empty"
                                : "url: is no image, video or audio that we know");
        return false;
    }
    make_key(upload->key, sizeof upload->key, upload->type->extension);
    upload->file = storage_create(request->front->storage, upload->key, upload->type->content_type,
                                  upload->expected, on_room, request);
    return true;
}

// False: not now.
static bool give_head(struct request *request)
{
    struct upload *upload = request->kept;

    if (!upload->is_head_given)
        upload->is_head_given = storage_write(upload->file, upload->head, upload->head_len);
    return upload->is_head_given;
}

static void note_length(struct upload *upload, const struct http_response *head)
{
    struct buf scratch = {0};
    const char *text = http_header(head, "content-length", &scratch);

    upload->expected = text == NULL ? -1 : strtoll(text, NULL, 10);
    if (http_header(head, "transfer-encoding", &scratch) != NULL)
        upload->expected = -1; // RFC 9112 6.3
    buf_clear(&scratch);
}

// It goes to the storage as it comes. A piece that comes again is given from its start.
static bool on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct request *request = ctx;
    struct upload *upload = request->kept;
    size_t most = request->front->config->max_body_bytes, missing;

    if (head->status != 200)
        return true; // on_fetched says so
    if (upload->head_len == 0)
        note_length(upload, head);
    missing = MEDIA_HEAD_BYTES - upload->head_len;
    if ((size_t)storage_size(upload->file) + upload->head_len + len > most + MEDIA_HEAD_BYTES ||
        (upload->expected > 0 && (size_t)upload->expected > most)) {
        request_refuse_with(request, ERR_TOO_LARGE, "url: the file is too large");
        return true;
    }
    if (missing > 0) {
        size_t part = len < missing ? len : missing;

        memcpy(upload->head + upload->head_len, data, part);
        upload->head_len += part;
        upload->split = part;
        if (upload->head_len < MEDIA_HEAD_BYTES)
            return true;
        if (!start_file(request))
            return true; // and the request is gone
    }
    if (!give_head(request))
        return false;
    data = (const char *)data + upload->split;
    len -= upload->split;
    if (len > 0 && !storage_write(upload->file, data, len))
        return false;
    upload->split = 0;
    return true;
}

static void on_committed(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    struct upload *upload = request->kept;

    if (err == NULL) {
        upload->bytes = storage_size(upload->file);
        storage_sha256(upload->file, upload->sha256);
    }
    on_put(request, err);
}

static void on_fetched(void *ctx, const struct http_response *response,
                       const struct http_failure *failure)
{
    struct request *request = ctx;
    struct upload *upload = upload_of(request);
    struct buf url = {0};
    char why[80];

    upload->fetch = NULL;
    if (failure != NULL) {
        // The same for an address that is refused, so that nobody can feel out our network.
        request_refuse_with(request, ERR_INVALID, "url: can't be fetched");
    } else if (upload->redirects++ < MAX_REDIRECTS && http_redirect(response, upload->url, &url)) {
        fetch(request, url.data);
    } else if (response->status != 200) {
        snprintf(why, sizeof why, "url: answers HTTP %d", response->status);
        request_refuse_with(request, ERR_INVALID, why);
    } else if (upload->file != NULL || start_file(request)) {
        if (give_head(request)) // there is room: it would be the first, or was given before
            storage_commit(upload->file, INT64_MAX, on_committed, request);
        else
            request_refuse_with(request, ERR_UNAVAILABLE, "the storage can't be reached");
    }
    buf_clear(&url);
}

static void fetch(struct request *request, const char *url)
{
    struct http_request out = {.method = HTTP_GET_, .url = mem_str(url)};
    struct http_options options = {.timeout_ms = FETCH_TIMEOUT_MS,
                                   .wants_plain = true,
                                   .on_address = on_address,
                                   .on_data = on_data,
                                   .ctx = request};
    struct upload *upload = request->kept;

    mem_set_str(&upload->url, url);
    upload->fetch = http_start(request->front->http, &out, &options, on_fetched);
    http_request_clear(&out);
}

static bool may_fetch(const struct request *request)
{
    int count = 0;

    for (const struct upload *k = request->front->fetched; k != NULL; k = k->next)
        count += strcmp(k->owner, request->owner) == 0;
    return count < FETCHES_PER_KEY;
}

static void upload_from_link(struct request *request)
{
    struct upload *upload = upload_of(request);

    upload->owner = request->owner;
    upload->next = request->front->fetched;
    upload->at = &request->front->fetched;
    if (upload->next != NULL)
        upload->next->at = &upload->next;
    request->front->fetched = upload;
}

void uploads_url(struct request *request)
{
    static const struct field_rule rules[] = {
        {.path = "url", .kind = FIELD_LINK, .is_required = true}, {0}};
    const char *url;
    struct err err;

    if (!request_read_body(request))
        return;
    url = field_str_or_empty(request->body, "url");
    if (!field_check(request->body, rules, &err)) {
        request_refuse(request, &err);
    } else if (!url_check_reach(url, &request->front->config->clients_reach, &err)) {
        err.code = ERR_INVALID;
        err_wrap(&err, "url");
        request_refuse(request, &err);
    } else if (!may_fetch(request)) {
        request_refuse_with(request, ERR_UNAVAILABLE,
                            "url: too many of this key's links are being fetched");
    } else {
        upload_from_link(request);
        fetch(request, url);
    }
}

// A place to PUT to: of the bucket, or of ours, which is good once.

static void answer_place(struct request *request, const char *upload_url, const char *key,
                         const char *content_type)
{
    struct buf json = {0}, url = {0};

    media_link(&request->front->config->links, key, &url);
    buf_str(&json, "{\"object\":\"upload\",\"method\":\"PUT\",\"upload_url\":");
    buf_json_str(&json, upload_url);
    buf_fmt(&json, ",\"headers\":{\"Content-Type\":\"%s\"},\"url\":", content_type);
    buf_json_str(&json, url.data);
    buf_fmt(&json, ",\"expires_at\":%lld}", (long long)clock_wall_ms() + PLACE_LIFE_MS);
    request_answer(request, 200, &json);
    buf_clear(&json);
    buf_clear(&url);
}

static void on_place_promised(void *ctx, const char *key, const struct err *err)
{
    struct request *request = ctx;
    const struct upload *upload = request->kept;
    char name[NAME_HEX + 1];
    struct buf url = {0};

    (void)key;
    request_forget(request, AWAIT_STORE);
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    secret_name(upload, name);
    buf_fmt(&url, "%s/v1/files/uploads/%s", request->front->config->public_url, name);
    answer_place(request, url.data, upload->key, upload->type->content_type);
    buf_clear(&url);
}

static void promise_place(struct request *request)
{
    const struct upload *upload = request->kept;
    char name[NAME_HEX + 1];

    secret_name(upload, name);
    request_await(request, AWAIT_STORE,
                  upload_place_promise(request->front->store, name, upload->key, PLACE_LIFE_MS,
                                       on_place_promised, request));
}

void uploads_presign(struct request *request)
{
    const struct config *config = request->front->config;
    struct upload *upload = upload_of(request);
    const char *type;
    struct buf plain = {0}, url = {0};
    struct err err;

    if (!request_read_body(request))
        return;
    type = field_str_or_empty(request->body, "content_type");
    upload->type = media_type_named(type);
    if (upload->type == NULL) {
        err_set(&err, ERR_INVALID,
                *type == '\0' ? "content_type: is required"
                              : "content_type: is no type of image, video or audio that we know");
        request_refuse(request, &err);
        return;
    }
    make_key(upload->key, sizeof upload->key, upload->type->extension);
    if (*config->storage.url == '\0') {
        promise_place(request);
        return;
    }
    s3_url(&config->links.place, upload->key, &plain);
    if (sigv4_presign(&config->links.place.keys, "PUT", upload->type->content_type, plain.data,
                      clock_wall_ms() / 1000, PLACE_LIFE_MS / 1000, &url, &err))
        answer_place(request, url.data, upload->key, upload->type->content_type);
    else
        request_refuse(request, &err);
    buf_clear(&plain);
    buf_clear(&url);
}

static bool has_extension(const char *key, const char *extension)
{
    const char *dot = strrchr(key, '.');

    return dot != NULL && strcmp(dot + 1, extension) == 0;
}

static void on_place(void *ctx, const char *key, const struct err *err)
{
    struct request *request = ctx;
    struct upload *upload = upload_of(request);

    request_forget(request, AWAIT_STORE);
    if (err != NULL) {
        request_refuse(request, err);
    } else if (key == NULL) {
        request_refuse_with(request, ERR_NOT_FOUND,
                            "there is no such upload, or it was used already");
    } else {
        snprintf(upload->key, sizeof upload->key, "%s", key);
        upload->is_place = true;
        request_admit(request, ".uploads");
    }
}

void uploads_take(struct request *request)
{
    const struct upload *upload = upload_of(request);
    const struct media_type *type;
    struct buf data = {0};
    size_t len;
    const char *body = http_exchange_body(request->exchange, &len);

    type = media_type_of(body, len);
    if (type == NULL || !has_extension(upload->key, type->extension)) {
        request_refuse_with(request, ERR_INVALID, "body: isn't of the type that was asked for");
        return;
    }
    http_exchange_take_body(request->exchange, &data);
    keep(request, "body", &data);
}

// PUT /v1/files/uploads/{name}, without a key: who knows the name was given it.
// The name is looked up before the body is read.
void uploads_admit(struct request *request)
{
    request_await(request, AWAIT_STORE,
                  upload_place_find(request->front->store, request->id, on_place, request));
}
