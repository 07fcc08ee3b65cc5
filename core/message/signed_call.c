// Calls that are signed with Ed25519.
#include "core/message/signed_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/json/field.h"

enum { CLOCKS_APART_S = 300, MOST_KEYS = 64, MOST_DIGITS = 12 };

void signed_call_clear(struct signed_call *call)
{
    free(call->text);
    *call = (struct signed_call){0};
}

static const char *header_of(const char *prefix, const char *name, signed_call_header_fn header,
                             const void *ctx, struct err *err)
{
    char full[64];
    const char *value;

    snprintf(full, sizeof full, "%s-%s", prefix, name);
    value = header(ctx, full);
    if (value != NULL && *value != '\0')
        return value;
    err_set(err, ERR_AUTH, "%s: is required", full);
    return NULL;
}

static bool is_recent(const char *timestamp, int64_t now_ms)
{
    size_t digits = strspn(timestamp, "0123456789");
    int64_t apart_s;

    if (digits == 0 || digits > MOST_DIGITS || timestamp[digits] != '\0')
        return false;
    apart_s = strtoll(timestamp, NULL, 10) - now_ms / 1000;
    return apart_s >= -CLOCKS_APART_S && apart_s <= CLOCKS_APART_S;
}

bool signed_call_read(struct signed_call *call, const char *prefix, const char *id,
                      signed_call_header_fn header, const void *ctx, const void *body, size_t len,
                      int64_t now_ms, struct err *err)
{
    const char *const names[] = {id, "user-id", "timestamp", "signature"};
    enum { ID, USER_ID, TIMESTAMP, SIGNATURE, COUNT };
    const char *values[COUNT];
    char hash[SHA256_HEX_BYTES];
    struct buf text = {0};

    *call = (struct signed_call){0};
    for (size_t i = 0; i < COUNT; i++)
        if ((values[i] = header_of(prefix, names[i], header, ctx, err)) == NULL)
            return false;
    if (!is_recent(values[TIMESTAMP], now_ms))
        return err_set(err, ERR_AUTH, "%s-timestamp: isn't that of now", prefix);
    if (!hex_decode(values[SIGNATURE], call->signature, sizeof call->signature))
        return err_set(err, ERR_AUTH, "%s-signature: must be %d hexadecimal digits", prefix,
                       2 * ED25519_BYTES);
    sha256_hex(body, len, hash);
    for (size_t i = 0; i < SIGNATURE; i++) {
        buf_str(&text, values[i]);
        buf_char(&text, '\n');
    }
    buf_str(&text, hash);
    call->text = buf_take(&text);
    return true;
}

static bool is_of_kind(const json_t *key, const char *member, const char *kind)
{
    const char *said = field_str_or_empty(key, member);

    return *said == '\0' || strcasecmp(said, kind) == 0;
}

bool signed_call_read_keys(const json_t *set, struct buf *keys, struct err *err)
{
    size_t i, start = keys->len;
    json_t *key;

    json_array_foreach(field_at(set, "keys"), i, key)
    {
        const char *x = field_str_or_empty(key, "x");
        size_t before = keys->len;

        if (before - start < (size_t)MOST_KEYS * ED25519_KEY_BYTES &&
            is_of_kind(key, "kty", "OKP") && is_of_kind(key, "crv", "Ed25519") &&
            base64url_decode(x, strlen(x), keys) && keys->len - before != ED25519_KEY_BYTES) {
            keys->len = before;
            keys->data[before] = '\0';
        }
    }
    return keys->len > start || err_set(err, ERR_UPSTREAM, "there is no Ed25519 key in the set");
}

bool signed_call_fits(const struct signed_call *call, const struct buf *keys)
{
    const unsigned char *key = (const unsigned char *)keys->data;

    for (size_t at = 0; at + ED25519_KEY_BYTES <= keys->len; at += ED25519_KEY_BYTES)
        if (ed25519_fits(key + at, call->text, strlen(call->text), call->signature))
            return true;
    return false;
}
