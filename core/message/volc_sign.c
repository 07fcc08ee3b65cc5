// Volcengine's signature.
#include "core/message/volc_sign.h"

#include <string.h>
#include <strings.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/message/canonical.h"
#include "core/message/http_message.h"

static struct canonical_scheme scheme_of(const struct volc_keys *keys)
{
    return (struct canonical_scheme){.algorithm = "HMAC-SHA256",
                                     .key_prefix = "", // the secret key as it is, not decoded
                                     .region = keys->region,
                                     .service = keys->service,
                                     .end = "request"};
}

// The host as the vendor signs it: without port 80 or 443, whatever the scheme.
static bool add_host(const char *url, struct buf *out, struct err *err)
{
    struct url_parts parts;

    if (!url_split(url, &parts))
        return err_set(err, ERR_CONFIG, "not a URL that can be signed");
    buf_fmt(out, "host:%s", parts.host);
    if (parts.port != 80 && parts.port != 443)
        buf_fmt(out, ":%d", parts.port);
    buf_char(out, '\n');
    return true;
}

static bool is_signed(const char *line)
{
    static const char *const names[] = {"content-type:", "content-md5:", "x-"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

// The lines of the headers that are signed, beside the host. Ours have no spaces at their ends.
static void add_signed_lines(const char *headers, struct buf *out)
{
    while (*headers != '\0') {
        size_t len = strcspn(headers, "\n");

        if (is_signed(headers)) {
            buf_add(out, headers, len);
            buf_char(out, '\n');
        }
        headers += len + (headers[len] == '\n');
    }
}

bool volc_canonical(const struct http_request *request, struct buf *canonical, struct buf *names,
                    struct err *err)
{
    struct canonical_fields query = {0}, headers = {0};
    char hash[SHA256_HEX_BYTES];
    struct buf lines = {0};
    bool ok = add_host(request->url, &lines, err);

    add_signed_lines(buf_text(&request->headers), &lines);
    ok = ok && canonical_read_query(request->url, &query, err) &&
         canonical_read_headers(lines.data, &headers, err);
    if (ok) {
        sha256_hex(buf_text(&request->body), request->body.len, hash);
        canonical_add(http_method_name(request->method), request->url, &query, &headers, hash,
                      canonical);
        canonical_add_names(&headers, names);
    }
    buf_clear(&lines);
    return ok;
}

void volc_key(const struct volc_keys *keys, const char *date, unsigned char key[SHA256_BYTES])
{
    struct canonical_scheme scheme = scheme_of(keys);

    canonical_key(&scheme, keys->secret_key, date, key);
}

static void add_headers(const struct volc_keys *keys, const struct canonical_stamp *stamp,
                        struct http_request *request)
{
    char hash[SHA256_HEX_BYTES];

    sha256_hex(buf_text(&request->body), request->body.len, hash);
    http_add_header(request, "X-Date", stamp->time);
    http_add_header(request, "X-Content-Sha256", hash);
    if (keys->session_token != NULL && *keys->session_token != '\0')
        http_add_header(request, "X-Security-Token", keys->session_token);
}

bool volc_sign(const struct volc_keys *keys, struct http_request *request, int64_t now_s,
               struct err *err)
{
    struct canonical_scheme scheme = scheme_of(keys);
    struct buf canonical = {0}, names = {0}, value = {0};
    char signature[SHA256_HEX_BYTES];
    struct canonical_stamp stamp;
    bool ok;

    canonical_stamp(now_s, &stamp);
    add_headers(keys, &stamp, request);
    ok = volc_canonical(request, &canonical, &names, err);
    if (ok) {
        canonical_sign(&scheme, keys->secret_key, &stamp, &canonical, signature);
        buf_fmt(&value, "%s Credential=%s/", scheme.algorithm, keys->access_key);
        canonical_add_scope(&scheme, stamp.date, &value);
        buf_fmt(&value, ", SignedHeaders=%s, Signature=%s", names.data, signature);
        http_add_header(request, "Authorization", value.data);
    }
    buf_clear(&canonical);
    buf_clear(&names);
    buf_clear(&value);
    return ok;
}
