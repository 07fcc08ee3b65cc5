// S3's requests and answers.
#include "core/message/s3.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"

bool s3_place_init(struct s3_place *place, const char *url, const char *endpoint,
                   const struct sigv4_keys *keys, struct err *err)
{
    static const char scheme[] = "s3://";
    bool is_s3 = strncmp(url, scheme, strlen(scheme)) == 0;
    const char *bucket = is_s3 ? url + strlen(scheme) : "";
    size_t bucket_len = strcspn(bucket, "/"), prefix_len;
    const char *prefix = bucket + bucket_len + (bucket[bucket_len] == '/');
    struct buf base = {0};

    *place = (struct s3_place){0};
    if (bucket_len == 0 ||
        strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") <
            bucket_len)
        return err_set(err, ERR_CONFIG, "storage.url: must be s3://bucket/prefix, or empty");
    if (*keys->access_key == '\0' || *keys->secret_key == '\0')
        return err_set(err, ERR_CONFIG, "storage.access_key: a bucket needs it and secret_key");
    if (*endpoint == '\0')
        buf_fmt(&base, "https://s3.%s.amazonaws.com", keys->region);
    else
        buf_str(&base, endpoint);
    while (base.len > 0 && base.data[base.len - 1] == '/')
        base.data[--base.len] = '\0';
    buf_fmt(&base, "/%.*s", (int)bucket_len, bucket);
    place->base = buf_take(&base);
    prefix_len = strlen(prefix);
    buf_str(&base, prefix);
    if (prefix_len > 0 && prefix[prefix_len - 1] != '/')
        buf_char(&base, '/');
    place->prefix = buf_take(&base);
    place->keys = *keys;
    return true;
}

void s3_place_clear(struct s3_place *place)
{
    free(place->base);
    free(place->prefix);
    *place = (struct s3_place){0};
}

static void add_path(struct buf *url, const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        char *segment = mem_strn(path, len);

        buf_percent(url, segment);
        free(segment);
        path += len;
        if (*path == '/') {
            buf_char(url, '/');
            path++;
        }
    }
}

void s3_url(const struct s3_place *place, const char *key, struct buf *url)
{
    buf_fmt(url, "%s/", place->base);
    add_path(url, place->prefix);
    add_path(url, key);
}

bool s3_request(const struct s3_place *place, enum http_method method, const char *key,
                const char *query, const char *payload, int64_t now_s, struct http_request *request,
                struct err *err)
{
    char hash[SHA256_HEX_BYTES];
    struct buf url = {0};

    if (key == NULL) // the bucket itself
        buf_str(&url, place->base);
    else
        s3_url(place, key, &url);
    if (query != NULL)
        buf_fmt(&url, "?%s", query);
    request->method = method;
    request->url = buf_take(&url);
    if (payload == NULL)
        sha256_hex(request->body.data, request->body.len, hash);
    return sigv4_sign(&place->keys, request, payload == NULL ? hash : payload, now_s, err);
}

static void add_unescaped(struct buf *text, const char *from, size_t len)
{
    static const struct {
        const char *entity, *text;
    } entities[] = {
        {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"},
    };
    const char *end = from + len;

    while (from < end) {
        size_t taken = 0;

        for (size_t i = 0; *from == '&' && i < sizeof entities / sizeof entities[0]; i++) {
            size_t entity_len = strlen(entities[i].entity);

            if ((size_t)(end - from) >= entity_len &&
                memcmp(from, entities[i].entity, entity_len) == 0) {
                buf_str(text, entities[i].text);
                taken = entity_len;
            }
        }
        if (taken == 0) {
            buf_char(text, *from);
            taken = 1;
        }
        from += taken;
    }
}

bool s3_text_in(const char *xml, const char *end, const char *element, struct buf *text)
{
    struct buf tag = {0};
    const char *from, *to;
    bool ok = false;

    buf_fmt(&tag, "<%s>", element);
    from = strstr(xml, tag.data);
    if (from != NULL && from < end) {
        from += tag.len;
        to = strchr(from, '<');
        ok = to != NULL && to <= end;
        if (ok)
            add_unescaped(text, from, (size_t)(to - from));
    }
    buf_clear(&tag);
    return ok;
}

bool s3_text(const struct http_response *response, const char *element, struct buf *text)
{
    const char *body = buf_text(&response->body);

    return s3_text_in(body, body + response->body.len, element, text);
}

void s3_error(const struct http_response *response, struct err *err)
{
    static const struct {
        const char *code, *hint;
    } hints[] = {
        {"InvalidAccessKeyId", "storage.access_key: the store doesn't know it"},
        {"SignatureDoesNotMatch", "storage.secret_key: is not the one of the access key"},
        {"NoSuchBucket", "storage.url: there is no such bucket"},
        {"InvalidBucketName", "storage.url: no bucket can be called so"},
        {"RequestTimeTooSkewed", "the clock of this machine and the store's are too far apart"},
        {"AuthorizationHeaderMalformed", "storage.region: is not the bucket's"},
        {"PermanentRedirect", "storage.region: is not the bucket's"},
        {"IllegalLocationConstraintException", "storage.region: is not the bucket's"},
        {"AccessDenied", "storage.access_key: may not do this in the bucket"},
        {"AllAccessDisabled", "storage.access_key: may not do this in the bucket"},
    };
    struct buf code = {0}, message = {0};

    s3_text(response, "Code", &code);
    s3_text(response, "Message", &message);
    err_set(err, ERR_UPSTREAM, "storage: the store answers HTTP %d %.60s", response->status,
            buf_text(&code));
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (strcmp(hints[i].code, buf_text(&code)) == 0)
            err_set(err, ERR_CONFIG, "%s (%s: %.100s)", hints[i].hint, code.data,
                    buf_text(&message));
    buf_clear(&code);
    buf_clear(&message);
}
