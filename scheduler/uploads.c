// /v1/files/uploads: clients' files, kept for a while under a link that submits take.
//
// A form, base64, or a place to PUT to; for a client's link that we fetch see uploads_link.c. A
// file's type is told by its bytes. Uploads live as long as ended tasks do.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/config/config.h"
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
#include "scheduler/upload.h"

enum { PLACE_LIFE_MS = 3600 * 1000 };

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
    upload_new(request);
    upload_keep(request, "file", &data);
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
    upload_new(request);
    upload_keep(request, name, &data);
}

// A place to PUT to: the bucket's own, or one of ours, which is good once.

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
    char name[UPLOAD_NAME_HEX + 1];
    struct buf url = {0};

    (void)key;
    if (!request_got(request, AWAIT_STORE, err))
        return;
    upload_name(upload, name);
    buf_fmt(&url, "%s/v1/files/uploads/%s", request->front->config->public_url, name);
    answer_place(request, url.data, upload->key, upload->type->content_type);
    buf_clear(&url);
}

static void promise_place(struct request *request)
{
    const struct upload *upload = request->kept;
    char name[UPLOAD_NAME_HEX + 1];

    upload_name(upload, name);
    request_await(request, AWAIT_STORE,
                  upload_place_promise(request->front->store, name, upload->key, PLACE_LIFE_MS,
                                       on_place_promised, request));
}

void uploads_presign(struct request *request)
{
    const struct config *config = request->front->config;
    struct upload *upload = upload_new(request);
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
    upload_make_key(upload);
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
    struct upload *upload;

    request_forget(request, AWAIT_STORE);
    if (err != NULL) {
        request_refuse(request, err);
    } else if (key == NULL) {
        request_refuse_with(request, ERR_NOT_FOUND,
                            "there is no such upload, or it was used already");
    } else {
        upload = upload_new(request);
        snprintf(upload->key, sizeof upload->key, "%s", key);
        upload->is_place = true;
        request_admit(request, ".uploads");
    }
}

void uploads_take(struct request *request)
{
    const struct upload *upload = request->kept;
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
    upload_keep(request, "body", &data);
}

// PUT /v1/files/uploads/{name}, without a key: whoever knows the name was given the place. The name
// is looked up before the body is read.
void uploads_admit(struct request *request)
{
    request_await(request, AWAIT_STORE,
                  upload_place_find(request->front->store, request->id, on_place, request));
}
