// The JSON Web Token that each client of Kling makes itself: {"alg":"HS256","typ":"JWT"}, then
// {"iss": access key, "exp": …, "nbf": …}, then HMAC-SHA256 by the bytes of the secret key.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "tests/sim/kling.h"
#include "tests/sim/rules.h"

enum {
    CODE_FAILED = 1000,
    CODE_EMPTY = 1001,
    CODE_INVALID = 1002,
    CODE_EARLY = 1003,
    CODE_EXPIRED = 1004,
};

enum { LIFE_S = 1800, ROUNDING_S = 5 };

// From the URL alphabet without padding.
static bool decode(const char *text, size_t len, struct buf *out)
{
    char *plain = mem_strn(text, len);
    bool is_fine = strpbrk(plain, "+/=") == NULL;

    for (char *c = plain; *c != '\0'; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    is_fine = is_fine && base64_decode(plain, len, out);
    free(plain);
    return is_fine;
}

// A part of the token as JSON; NULL where it isn't an object.
static json_t *decode_json(const char *text, size_t len)
{
    struct buf plain = {0};
    json_t *json = decode(text, len, &plain)
                       ? json_loadb(buf_text(&plain), plain.len, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;

    buf_clear(&plain);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

static bool is_signed(const char *text, size_t len, const char *signature, const char *secret_key)
{
    unsigned char wanted[SHA256_BYTES];
    struct buf given = {0};
    bool is_right;

    hmac_sha256(secret_key, strlen(secret_key), text, len, wanted);
    is_right = decode(signature, strlen(signature), &given) && given.len == sizeof wanted &&
               memcmp(given.data, wanted, sizeof wanted) == 0;
    buf_clear(&given);
    return is_right;
}

static int check_claims(const json_t *claims, const char *access_key, int64_t now_s,
                        const char **why)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");

    *why = "iss is not a known access key";
    if (strcmp(rules_text(claims, "iss"), access_key) != 0)
        return CODE_INVALID;
    *why = "exp and nbf must be numbers of seconds";
    if (!json_is_integer(exp) || !json_is_integer(nbf))
        return CODE_INVALID;
    *why = "token is not yet valid";
    if (json_integer_value(nbf) > now_s)
        return CODE_EARLY;
    *why = "token has expired";
    if (json_integer_value(exp) <= now_s)
        return CODE_EXPIRED;
    *why = "exp is more than 1800 seconds away";
    return json_integer_value(exp) > now_s + LIFE_S + ROUNDING_S ? CODE_INVALID : 0;
}

int kling_token_check(const char *authorization, const char *access_key, const char *secret_key,
                      int64_t now_s, const char **why)
{
    static const char bearer[] = "Bearer ";
    const char *token, *dot, *last;
    json_auto_t *header = NULL;
    json_auto_t *claims = NULL;

    *why = "Authorization is empty";
    if (authorization == NULL || *authorization == '\0')
        return CODE_EMPTY;
    *why = "Authorization is not a Bearer token";
    token = authorization + sizeof bearer - 1;
    if (strncmp(authorization, bearer, sizeof bearer - 1) != 0 ||
        (dot = strchr(token, '.')) == NULL || (last = strchr(dot + 1, '.')) == NULL)
        return CODE_FAILED;
    *why = "signature is invalid";
    if (!is_signed(token, (size_t)(last - token), last + 1, secret_key))
        return CODE_FAILED;
    header = decode_json(token, (size_t)(dot - token));
    claims = decode_json(dot + 1, (size_t)(last - dot - 1));
    *why = "header must be {\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    if (strcmp(rules_text(header, "alg"), "HS256") != 0 ||
        strcmp(rules_text(header, "typ"), "JWT") != 0)
        return CODE_INVALID;
    return check_claims(claims, access_key, now_s, why);
}
