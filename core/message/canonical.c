// A request's canonical form, and its signature.
#include "core/message/canonical.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"

static bool too_many(struct err *err)
{
    return err_set(err, ERR_INTERNAL, "more than %d fields to sign", CANONICAL_MAX_FIELDS);
}

void canonical_stamp(int64_t now_s, struct canonical_stamp *stamp)
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
    const struct canonical_field *left = a, *right = b;
    int order = compare_text(left->name, left->name_len, right->name, right->name_len);

    return order != 0 ? order
                      : compare_text(left->value, left->value_len, right->value, right->value_len);
}

static void sort(struct canonical_fields *fields)
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

bool canonical_read_query(const char *url, struct canonical_fields *fields, struct err *err)
{
    const char *query;
    size_t unused;

    split_path(url, &unused, &query);
    while (*query != '\0' && *query != '#') {
        size_t len = strcspn(query, "&#"), name_len = strcspn(query, "=&#");

        if (fields->count == CANONICAL_MAX_FIELDS)
            return too_many(err);
        if (len > 0)
            fields->list[fields->count++] = (struct canonical_field){
                .name = query,
                .name_len = name_len,
                .value = query + name_len + (query[name_len] == '='),
                .value_len = len - name_len - (query[name_len] == '='),
            };
        query += len + (query[len] == '&');
    }
    sort(fields);
    return true;
}

bool canonical_read_headers(char *lines, struct canonical_fields *fields, struct err *err)
{
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n"), name_len = strcspn(lines, ":\n");
        char *value = lines + name_len + (lines[name_len] == ':');

        if (fields->count == CANONICAL_MAX_FIELDS)
            return too_many(err);
        for (size_t i = 0; i < name_len; i++)
            lines[i] = (char)tolower((unsigned char)lines[i]);
        while (value < lines + len && (*value == ' ' || *value == '\t'))
            value++;
        fields->list[fields->count++] = (struct canonical_field){
            .name = lines,
            .name_len = name_len,
            .value = value,
            .value_len = (size_t)(lines + len - value),
        };
        lines += len + (lines[len] == '\n');
    }
    sort(fields);
    return true;
}

void canonical_add_names(const struct canonical_fields *headers, struct buf *out)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (i > 0)
            buf_char(out, ';');
        buf_add(out, headers->list[i].name, headers->list[i].name_len);
    }
}

static void add_query(const struct canonical_fields *fields, struct buf *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (i > 0)
            buf_char(out, '&');
        buf_add(out, fields->list[i].name, fields->list[i].name_len);
        buf_char(out, '=');
        buf_add(out, fields->list[i].value, fields->list[i].value_len);
    }
}

void canonical_add(const char *method, const char *url, const struct canonical_fields *query,
                   const struct canonical_fields *headers, const char *payload, struct buf *out)
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
    canonical_add_names(headers, out);
    buf_fmt(out, "\n%s", payload);
}

void canonical_add_scope(const struct canonical_scheme *scheme, const char *date, struct buf *out)
{
    buf_fmt(out, "%s/%s/%s/%s", date, scheme->region, scheme->service, scheme->end);
}

void canonical_key(const struct canonical_scheme *scheme, const char *secret_key, const char *date,
                   unsigned char key[SHA256_BYTES])
{
    struct buf secret = {0};

    buf_fmt(&secret, "%s%s", scheme->key_prefix, secret_key);
    hmac_sha256(buf_text(&secret), secret.len, date, strlen(date), key);
    hmac_sha256(key, SHA256_BYTES, scheme->region, strlen(scheme->region), key);
    hmac_sha256(key, SHA256_BYTES, scheme->service, strlen(scheme->service), key);
    hmac_sha256(key, SHA256_BYTES, scheme->end, strlen(scheme->end), key);
    if (secret.data != NULL)
        OPENSSL_cleanse(secret.data, secret.len);
    buf_clear(&secret);
}

void canonical_sign(const struct canonical_scheme *scheme, const char *secret_key,
                    const struct canonical_stamp *stamp, const struct buf *canonical,
                    char signature[SHA256_HEX_BYTES])
{
    unsigned char key[SHA256_BYTES];
    char hash[SHA256_HEX_BYTES];
    struct buf text = {0};

    sha256_hex(canonical->data, canonical->len, hash);
    buf_fmt(&text, "%s\n%s\n", scheme->algorithm, stamp->time);
    canonical_add_scope(scheme, stamp->date, &text);
    buf_fmt(&text, "\n%s", hash);
    canonical_key(scheme, secret_key, stamp->date, key);
    hmac_sha256(key, sizeof key, text.data, text.len, key);
    hex_encode(key, sizeof key, signature);
    buf_clear(&text);
}
