// The signature that each client of Volcengine's OpenAPI makes itself, checked as the gateway does:
// from what came over the wire.
//
//   Authorization: HMAC-SHA256 Credential=<access key>/<date>/<region>/<service>/request,
//                  SignedHeaders=<names>, Signature=<hex>
//
// Its SDK for Node.js signs other headers than that for Python, and names the parameters of the
// query, too: whatever is named is what was signed, but the date must be.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "core/message/http_message.h"
#include "tests/sim/jimeng.h"
#include "tests/sim/query.h"

enum { SKEW_S = 15 * 60 };

static const char algorithm[] = "HMAC-SHA256 ", scope_end[] = "/cn-north-1/cv/request";

enum why { UNSIGNED, MALFORMED, BAD_TIME, BAD_SCOPE, BAD_KEY, BAD_TOKEN, NO_MATCH };

static const struct jimeng_refusal refusals[] = {
    [UNSIGNED] = {401, 100003, "MissingAuthenticationToken",
                  "Request is missing Authentication Token."},
    [MALFORMED] = {401, 100005, "MissingSignature", "The request is missing signature."},
    [BAD_TIME] = {400, 100006, "InvalidTimestamp", "The signature of the request is expired."},
    [BAD_SCOPE] = {401, 100025, "InvalidCredential",
                   "The credential's scope is of another day or service."},
    [BAD_KEY] = {401, 100009, "InvalidAccessKey",
                 "The accesskey included in the request is invalid."},
    [BAD_TOKEN] = {401, 100026, "InvalidSecretToken",
                   "The security token included in the request is invalid."},
    [NO_MATCH] = {401, 100010, "SignatureDoesNotMatch",
                  "The request signature we calculated does not match the signature you provided."},
};

// What the header says, in pieces; owns its copy of the header.
struct claim {
    char *copy;
    const char *access_key, *scope, *names, *signature;
};

// "name=" within the header, up to the comma; NULL where there is none.
static char *part_of(char *copy, const char *name)
{
    char *at = strstr(copy, name);

    return at == NULL ? NULL : at + strlen(name);
}

static bool read_claim(const char *authorization, struct claim *claim)
{
    char *credential, *names, *signature, *slash;

    claim->copy = mem_str(authorization + strlen(algorithm));
    credential = part_of(claim->copy, "Credential=");
    names = part_of(claim->copy, "SignedHeaders=");
    signature = part_of(claim->copy, "Signature=");
    if (credential == NULL || names == NULL || signature == NULL)
        return false;
    credential[strcspn(credential, ", ")] = '\0';
    names[strcspn(names, ", ")] = '\0';
    signature[strcspn(signature, ", ")] = '\0';
    slash = strchr(credential, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    *claim = (struct claim){claim->copy, credential, slash + 1, names, signature};
    return true;
}

// Seconds since 1970; -1 where it isn't "20261120T100000Z".
static int64_t read_date(const char *date)
{
    struct tm utc = {0};
    const char *end = date == NULL ? NULL : strptime(date, "%Y%m%dT%H%M%SZ", &utc);

    return end == NULL || *end != '\0' || strlen(date) != 16 ? -1 : (int64_t)timegm(&utc);
}

static bool names_has(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (; *names != '\0'; names += strcspn(names, ";"), names += *names == ';')
        if (strncmp(names, name, len) == 0 && (names[len] == ';' || names[len] == '\0'))
            return true;
    return false;
}

// Adds "name:value\n" for each name. False where a header isn't there, or a name is out of order.
static bool add_headers(struct http_exchange *exchange, const char *names, struct buf *out)
{
    char name[64], last[64] = "";

    while (*names != '\0') {
        size_t len = strcspn(names, ";");
        const char *value;

        snprintf(name, sizeof name, "%.*s", (int)len, names);
        value = http_exchange_header(exchange, name);
        if (value == NULL || len >= sizeof name || strcmp(last, name) >= 0)
            return false;
        buf_fmt(out, "%s:", name);
        len = strlen(value);
        if (strcmp(name, "host") == 0 && len > 3 &&
            (strcmp(value + len - 3, ":80") == 0 ||
             (len > 4 && strcmp(value + len - 4, ":443") == 0)))
            len = (size_t)(strrchr(value, ':') - value);
        buf_add(out, value, len);
        buf_char(out, '\n');
        memcpy(last, name, sizeof last);
        names += strcspn(names, ";");
        names += *names == ';';
    }
    return true;
}

// What the client should have hashed: method, path, query, headers, their names, the body's hash.
static bool add_request(struct http_exchange *exchange, const char *names, const char *body_hash,
                        struct buf *out)
{
    bool ok;

    buf_fmt(out, "%s\n%s\n", http_method_name(http_exchange_method(exchange)),
            http_exchange_path(exchange));
    query_add_canonical(exchange, out);
    buf_char(out, '\n');
    ok = add_headers(exchange, names, out);
    buf_fmt(out, "\n%s\n%s", names, body_hash);
    return ok;
}

static void hmac_text(const void *key, size_t key_len, const char *text,
                      unsigned char out[SHA256_BYTES])
{
    unsigned char mac[SHA256_BYTES];

    hmac_sha256(key, key_len, text, strlen(text), mac);
    memcpy(out, mac, sizeof mac);
}

static void make_signature(const char *secret_key, const char *date, const char *scope,
                           const struct buf *request, char signature[SHA256_HEX_BYTES])
{
    unsigned char key[SHA256_BYTES];
    char hash[SHA256_HEX_BYTES], day[9];
    struct buf text = {0};

    snprintf(day, sizeof day, "%s", scope);
    hmac_text(secret_key, strlen(secret_key), day, key);
    hmac_text(key, sizeof key, "cn-north-1", key);
    hmac_text(key, sizeof key, "cv", key);
    hmac_text(key, sizeof key, "request", key);
    sha256_hex(request->data, request->len, hash);
    buf_fmt(&text, "HMAC-SHA256\n%s\n%s\n%s", date, scope, hash);
    hmac_text(key, sizeof key, text.data, key);
    hex_encode(key, sizeof key, signature);
    buf_clear(&text);
}

static bool is_signed(struct http_exchange *exchange, const struct claim *claim,
                      const char *secret_key)
{
    const char *given_hash = http_exchange_header(exchange, "x-content-sha256");
    char hash[SHA256_HEX_BYTES], wanted[SHA256_HEX_BYTES];
    struct buf request = {0};
    const char *body;
    size_t len;
    bool ok;

    body = http_exchange_body(exchange, &len);
    sha256_hex(body, len, hash);
    ok = names_has(claim->names, "x-date") &&
         (given_hash == NULL ||
          (strcmp(given_hash, hash) == 0 && names_has(claim->names, "x-content-sha256"))) &&
         add_request(exchange, claim->names, hash, &request);
    if (ok) {
        make_signature(secret_key, http_exchange_header(exchange, "x-date"), claim->scope, &request,
                       wanted);
        ok = strcmp(wanted, claim->signature) == 0;
    }
    buf_clear(&request);
    return ok;
}

static bool is_in_scope(const char *scope, const char *date)
{
    return strlen(scope) > 8 && strncmp(scope, date, 8) == 0 && strcmp(scope + 8, scope_end) == 0;
}

// Temporary keys come with their token, others without.
static bool has_token(const struct http_exchange *exchange, const struct claim *claim)
{
    const char *token = http_exchange_header(exchange, "x-security-token");

    if (strcmp(claim->access_key, "sim-temporary") != 0)
        return token == NULL;
    return token != NULL && strcmp(token, "sim-token") == 0 &&
           names_has(claim->names, "x-security-token");
}

const struct jimeng_refusal *jimeng_check_signature(struct http_exchange *exchange,
                                                    const char *secret_key, int64_t now_s)
{
    const char *authorization = http_exchange_header(exchange, "authorization");
    const char *date = http_exchange_header(exchange, "x-date");
    int64_t date_s = read_date(date);
    struct claim claim = {0};
    const struct jimeng_refusal *refusal = NULL;

    if (authorization == NULL || strncmp(authorization, algorithm, strlen(algorithm)) != 0)
        return &refusals[UNSIGNED];
    if (!read_claim(authorization, &claim))
        refusal = &refusals[MALFORMED];
    else if (date_s < 0 || date_s < now_s - SKEW_S || date_s > now_s + SKEW_S)
        refusal = &refusals[BAD_TIME];
    else if (!is_in_scope(claim.scope, date))
        refusal = &refusals[BAD_SCOPE];
    else if (strcmp(claim.access_key, "sim-access") != 0 &&
             strcmp(claim.access_key, "sim-temporary") != 0)
        refusal = &refusals[BAD_KEY];
    else if (!has_token(exchange, &claim))
        refusal = &refusals[BAD_TOKEN];
    else if (!is_signed(exchange, &claim, secret_key))
        refusal = &refusals[NO_MATCH];
    free(claim.copy);
    return refusal;
}
