// Storing what a client uploads.
#include "scheduler/upload.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/message/media_link.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "core/store/store.h"
#include "core/store/upload_places.h"
#include "scheduler/front.h"
#include "scheduler/request.h"

struct upload *upload_new(struct request *request)
{
    return request_keep(request, sizeof(struct upload), NULL);
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

void upload_answer(struct request *request, const struct err *err)
{
    const struct upload *upload = request->kept;
    const struct config *config = request->front->config;
    char name[UPLOAD_NAME_HEX + 1];
    struct buf json = {0}, url = {0};

    if (err != NULL) {
        request_refuse_with(request, ERR_UNAVAILABLE, "the storage can't be reached");
        return;
    }
    if (upload->is_place) {
        // A client that repeats the PUT meanwhile stores a file of the same name once more.
        upload_name(upload, name);
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

static void on_stored(void *ctx, const struct err *err)
{
    request_forget(ctx, AWAIT_STORAGE);
    upload_answer(ctx, err);
}

// Frees the body that the file came in: storing may take long, and the file is in memory twice.
static void drop_source(struct request *request)
{
    struct buf body = {0};

    json_decref(request->body);
    request->body = NULL;
    http_exchange_take_body(request->exchange, &body);
    buf_clear(&body);
}

void upload_keep(struct request *request, const char *field, struct buf *data)
{
    struct upload *upload = request->kept;
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
        upload_make_key(upload);
    upload->bytes = (int64_t)data->len;
    sha256_hex(data->data, data->len, upload->sha256);
    request_await(request, AWAIT_STORAGE,
                  storage_put(request->front->storage, upload->key, upload->type->content_type,
                              data, on_stored, request));
}
