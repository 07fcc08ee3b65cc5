// The JSON Web Token that each client of Kling makes itself: {"alg":"HS256","typ":"JWT"}, then
// {"iss": access key, "exp": …, "nbf": …}, then HMAC-SHA256 by the bytes of the secret key.
#include <string.h>

#include "core/base/digest.h"
#include "tests/sim/jwt.h"
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

static bool is_signed(const struct jwt *jwt, const char *secret_key)
{
    unsigned char wanted[SHA256_BYTES];

    hmac_sha256(secret_key, strlen(secret_key), jwt->text, jwt->text_len, wanted);
    return jwt->signature.len == sizeof wanted &&
           memcmp(jwt->signature.data, wanted, sizeof wanted) == 0;
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
    struct jwt jwt;
    int code = CODE_FAILED;

    *why = "Authorization is empty";
    if (authorization == NULL || *authorization == '\0')
        return CODE_EMPTY;
    *why = "Authorization is not a Bearer token";
    if (strncmp(authorization, bearer, sizeof bearer - 1) != 0)
        return CODE_FAILED;
    if (!jwt_read(authorization + sizeof bearer - 1, &jwt)) {
        *why = "the token can't be read";
    } else if (!is_signed(&jwt, secret_key)) {
        *why = "signature is invalid";
    } else if (strcmp(rules_text(jwt.header, "alg"), "HS256") != 0 ||
               strcmp(rules_text(jwt.header, "typ"), "JWT") != 0) {
        *why = "header must be {\"alg\":\"HS256\",\"typ\":\"JWT\"}";
        code = CODE_INVALID;
    } else {
        code = check_claims(jwt.claims, access_key, now_s, why);
    }
    jwt_clear(&jwt);
    return code;
}
