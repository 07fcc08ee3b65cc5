// Signature Version 4.
#include "core/message/sigv4.h"

#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/message/canonical.h"
#include "core/message/http_message.h"

static struct canonical_scheme scheme_of(const struct sigv4_keys *keys)
{
    return (struct canonical_scheme){.algorithm = "AWS4-HMAC-SHA256",
                                     .key_prefix = "AWS4",
                                     .region = keys->region,
                                     .service = "s3",
                                     .end = "aws4_request"};
}

// The host as it goes over the wire: with its port, unless that is the scheme's own.
static bool add_host(const char *url, struct buf *out, struct err *err)
{
    struct url_parts parts;

    if (!url_split(url, &parts))
        return err_set(err, ERR_CONFIG, "not a URL that can be signed");
    buf_str(out, parts.host);
    if (parts.port != (strcmp(parts.scheme, "https") == 0 ? 443 : 80))
        buf_fmt(out, ":%d", parts.port);
    return true;
}

static void add_credential(const struct sigv4_keys *keys, const struct canonical_scheme *scheme,
                           const struct canonical_stamp *stamp, struct buf *out)
{
    buf_fmt(out, "%s/", keys->access_key);
    canonical_add_scope(scheme, stamp->date, out);
}

bool sigv4_sign(const struct sigv4_keys *keys, struct http_request *request, const char *payload,
                int64_t now_s, struct err *err)
{
    struct canonical_scheme scheme = scheme_of(keys);
    struct buf host = {0}, lines = {0}, canonical = {0}, value = {0};
    struct canonical_fields query = {0}, headers = {0};
    char signature[SHA256_HEX_BYTES];
    struct canonical_stamp stamp;
    bool ok;

    canonical_stamp(now_s, &stamp);
    http_add_header(request, "x-amz-content-sha256", payload);
    http_add_header(request, "x-amz-date", stamp.time);
    ok = add_host(request->url, &host, err) && canonical_read_query(request->url, &query, err);
    buf_fmt(&lines, "host:%s\n%s", buf_text(&host), request->headers.data);
    ok = ok && canonical_read_headers(lines.data, &headers, err);
    if (ok) {
        canonical_add(http_method_name(request->method), request->url, &query, &headers, payload,
                      &canonical);
        canonical_sign(&scheme, keys->secret_key, &stamp, &canonical, signature);
        buf_str(&value, "AWS4-HMAC-SHA256 Credential=");
        add_credential(keys, &scheme, &stamp, &value);
        buf_str(&value, ", SignedHeaders=");
        canonical_add_names(&headers, &value);
        buf_fmt(&value, ", Signature=%s", signature);
        http_add_header(request, "Authorization", value.data);
    }
    buf_clear(&host);
    buf_clear(&lines);
    buf_clear(&canonical);
    buf_clear(&value);
    return ok;
}

bool sigv4_presign(const struct sigv4_keys *keys, const char *method, const char *content_type,
                   const char *url, int64_t now_s, int64_t life_s, struct buf *signed_url,
                   struct err *err)
{
    struct canonical_scheme scheme = scheme_of(keys);
    struct buf host = {0}, whole = {0}, canonical = {0}, credential = {0};
    struct canonical_fields query = {0}, headers = {0};
    char signature[SHA256_HEX_BYTES];
    struct canonical_stamp stamp;
    bool ok = add_host(url, &host, err);

    canonical_stamp(now_s, &stamp);
    add_credential(keys, &scheme, &stamp, &credential);
    buf_fmt(&whole, "%s%sX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=", url,
            strchr(url, '?') == NULL ? "?" : "&");
    buf_percent(&whole, credential.data);
    buf_fmt(&whole, "&X-Amz-Date=%s&X-Amz-Expires=%lld&X-Amz-SignedHeaders=%shost", stamp.time,
            (long long)life_s, content_type == NULL ? "" : "content-type%3B");
    if (content_type != NULL) // the headers are in the order of their names
        headers.list[headers.count++] = (struct canonical_field){.name = "content-type",
                                                                 .name_len = 12,
                                                                 .value = content_type,
                                                                 .value_len = strlen(content_type)};
    headers.list[headers.count++] = (struct canonical_field){
        .name = "host", .name_len = 4, .value = buf_text(&host), .value_len = host.len};
    ok = ok && canonical_read_query(whole.data, &query, err);
    if (ok) {
        canonical_add(method, whole.data, &query, &headers, SIGV4_UNSIGNED, &canonical);
        canonical_sign(&scheme, keys->secret_key, &stamp, &canonical, signature);
        buf_fmt(signed_url, "%s&X-Amz-Signature=%s", whole.data, signature);
    }
    buf_clear(&host);
    buf_clear(&whole);
    buf_clear(&canonical);
    buf_clear(&credential);
    return ok;
}
