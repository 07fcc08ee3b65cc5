// Signature Version 4.
#include "core/message/sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/message/http_message.h"

enum { MAX_FIELDS = 64 };

// A name and a value, borrowed: a header, or a parameter of the query.
struct field {
    const char *name, *value;
    size_t name_len, value_len;
};

struct fields {
    struct field list[MAX_FIELDS];
    size_t count;
};

struct stamp {
    char time[17]; // 20130524T000000Z
    char date[9];
};

static bool too_many(struct err *err)
{
    return err_set(err, ERR_INTERNAL, "more than %d fields to sign", MAX_FIELDS);
}

static void make_stamp(int64_t now_s, struct stamp *stamp)
{
    time_t seconds = (time_t)now_s;
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(stamp->time, sizeof stamp->time, "%Y%m%dT%H%M%SZ", &utc);
    strftime(stamp->date, sizeof stamp->date, "%Y%m%d", &utc);
}

static int compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_fields(const void *a, const void *b)
{
    const struct field *left = a, *right = b;
    int order = compare_text(left->name, left->name_len, right->name, right->name_len);

    return order != 0 ? order
                      : compare_text(left->value, left->value_len, right->value, right->value_len);
}

static void sort(struct fields *fields)
{
    qsort(fields->list, fields->count, sizeof fields->list[0], compare_fields);
}

// The path and query of a URL, behind its scheme and host; we never have a fragment.
static const char *split_path(const char *url, size_t *path_len, const char **query)
{
    const char *path = strstr(url, "://");

    path = path == NULL ? url : path + 3;
    path += strcspn(path, "/?#");
    *path_len = strcspn(path, "?#");
    *query = path[*path_len] == '?' ? path + *path_len + 1 : "";
    return path;
}

static bool read_query(const char *query, struct fields *fields, struct err *err)
{
    while (*query != '\0' && *query != '#') {
        size_t len = strcspn(query, "&#"), name_len = strcspn(query, "=&#");

        if (fields->count == MAX_FIELDS)
            return too_many(err);
        if (len > 0)
            fields->list[fields->count++] = (struct field){
                .name = query,
                .name_len = name_len,
                .value = query + name_len + (query[name_len] == '='),
                .value_len = len - name_len - (query[name_len] == '='),
            };
        query += len + (query[len] == '&');
    }
    return true;
}

static void add_query(const struct fields *fields, struct buf *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (i > 0)
            buf_char(out, '&');
        buf_add(out, fields->list[i].name, fields->list[i].name_len);
        buf_char(out, '=');
        buf_add(out, fields->list[i].value, fields->list[i].value_len);
    }
}

// "Name: value\n" lines; the names are put in lower case in place.
static bool read_headers(char *text, struct fields *fields, struct err *err)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n"), name_len = strcspn(text, ":\n");
        char *value = text + name_len + (text[name_len] == ':');

        if (fields->count == MAX_FIELDS)
            return too_many(err);
        for (size_t i = 0; i < name_len; i++)
            text[i] = (char)tolower((unsigned char)text[i]);
        while (value < text + len && (*value == ' ' || *value == '\t'))
            value++;
        fields->list[fields->count++] = (struct field){
            .name = text,
            .name_len = name_len,
            .value = value,
            .value_len = (size_t)(text + len - value),
        };
        text += len + (text[len] == '\n');
    }
    return true;
}

static void add_names(const struct fields *headers, struct buf *out)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (i > 0)
            buf_char(out, ';');
        buf_add(out, headers->list[i].name, headers->list[i].name_len);
    }
}

// Adds the form of a request that is hashed and signed.
static void add_canonical(const char *method, const char *url, const struct fields *query,
                          const struct fields *headers, const char *payload, struct buf *out)
{
    const char *unused, *path;
    size_t path_len;

    path = split_path(url, &path_len, &unused);
    buf_fmt(out, "%s\n", method);
    if (path_len == 0)
        buf_char(out, '/');
    buf_add(out, path, path_len);
    buf_char(out, '\n');
    add_query(query, out);
    buf_char(out, '\n');
    for (size_t i = 0; i < headers->count; i++) {
        buf_add(out, headers->list[i].name, headers->list[i].name_len);
        buf_char(out, ':');
        buf_add(out, headers->list[i].value, headers->list[i].value_len);
        buf_char(out, '\n');
    }
    buf_char(out, '\n');
    add_names(headers, out);
    buf_fmt(out, "\n%s", payload);
}

static void sign(const struct sigv4_keys *keys, const struct stamp *stamp,
                 const struct buf *canonical, char signature[SHA256_HEX_BYTES])
{
    unsigned char key[SHA256_BYTES];
    char hash[SHA256_HEX_BYTES];
    struct buf text = {0};

    buf_fmt(&text, "AWS4%s", keys->secret_key);
    hmac_sha256(text.data, text.len, stamp->date, strlen(stamp->date), key);
    hmac_sha256(key, sizeof key, keys->region, strlen(keys->region), key);
    hmac_sha256(key, sizeof key, "s3", 2, key);
    hmac_sha256(key, sizeof key, "aws4_request", 12, key);
    memset(text.data, 0, text.len);
    buf_reset(&text);
    sha256_hex(canonical->data, canonical->len, hash);
    buf_fmt(&text, "AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%s", stamp->time, stamp->date,
            keys->region, hash);
    hmac_sha256(key, sizeof key, text.data, text.len, key);
    hex_encode(key, sizeof key, signature);
    buf_clear(&text);
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

bool sigv4_sign(const struct sigv4_keys *keys, struct http_request *request, const char *payload,
                int64_t now_s, struct err *err)
{
    struct buf host = {0}, lines = {0}, canonical = {0}, names = {0}, value = {0};
    struct fields query = {0}, headers = {0};
    char signature[SHA256_HEX_BYTES];
    const char *text;
    struct stamp stamp;
    size_t unused;
    bool ok;

    make_stamp(now_s, &stamp);
    http_add_header(request, "x-amz-content-sha256", payload);
    http_add_header(request, "x-amz-date", stamp.time);
    split_path(request->url, &unused, &text);
    ok = add_host(request->url, &host, err) && read_query(text, &query, err);
    buf_fmt(&lines, "host:%s\n%s", buf_text(&host), request->headers.data);
    ok = ok && read_headers(lines.data, &headers, err);
    if (ok) {
        sort(&query);
        sort(&headers);
        add_canonical(http_method_name(request->method), request->url, &query, &headers, payload,
                      &canonical);
        sign(keys, &stamp, &canonical, signature);
        add_names(&headers, &names);
        buf_fmt(&value,
                "AWS4-HMAC-SHA256 Credential=%s/%s/%s/s3/aws4_request, SignedHeaders=%s, "
                "Signature=%s",
                keys->access_key, stamp.date, keys->region, names.data, signature);
        http_add_header(request, "Authorization", value.data);
    }
    buf_clear(&host);
    buf_clear(&lines);
    buf_clear(&canonical);
    buf_clear(&names);
    buf_clear(&value);
    return ok;
}

bool sigv4_presign(const struct sigv4_keys *keys, const char *method, const char *content_type,
                   const char *url, int64_t now_s, int64_t life_s, struct buf *signed_url,
                   struct err *err)
{
    struct buf host = {0}, whole = {0}, canonical = {0}, credential = {0};
    struct fields query = {0}, headers = {0};
    char signature[SHA256_HEX_BYTES];
    const char *text;
    struct stamp stamp;
    size_t unused;
    bool ok = add_host(url, &host, err);

    make_stamp(now_s, &stamp);
    buf_fmt(&credential, "%s/%s/%s/s3/aws4_request", keys->access_key, stamp.date, keys->region);
    buf_fmt(&whole, "%s%sX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=", url,
            strchr(url, '?') == NULL ? "?" : "&");
    buf_percent(&whole, credential.data);
    buf_fmt(&whole, "&X-Amz-Date=%s&X-Amz-Expires=%lld&X-Amz-SignedHeaders=%shost", stamp.time,
            (long long)life_s, content_type == NULL ? "" : "content-type%3B");
    split_path(whole.data, &unused, &text);
    if (content_type != NULL) // the headers are in the order of their names
        headers.list[headers.count++] = (struct field){.name = "content-type",
                                                       .name_len = 12,
                                                       .value = content_type,
                                                       .value_len = strlen(content_type)};
    headers.list[headers.count++] = (struct field){
        .name = "host", .name_len = 4, .value = buf_text(&host), .value_len = host.len};
    ok = ok && read_query(text, &query, err);
    if (ok) {
        sort(&query);
        add_canonical(method, whole.data, &query, &headers, SIGV4_UNSIGNED, &canonical);
        sign(keys, &stamp, &canonical, signature);
        buf_fmt(signed_url, "%s&X-Amz-Signature=%s", whole.data, signature);
    }
    buf_clear(&host);
    buf_clear(&whole);
    buf_clear(&canonical);
    buf_clear(&credential);
    return ok;
}
