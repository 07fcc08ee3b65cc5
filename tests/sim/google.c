// Google's accounts and tokens.
#include "tests/sim/google.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "tests/sim/counts.h"
#include "tests/sim/jwt.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"

enum { KEY_BITS = 2048, KEY_ID_DIGITS = 40, TOKEN_DIGITS = 48, LIFE_S = 3600, SKEW_S = 60 };

#define EMAIL "spool@" GOOGLE_PROJECT ".iam.gserviceaccount.com"
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define SCOPE "https://www.googleapis.com/auth/cloud-platform"

struct google {
    EVP_PKEY *key; // NULL until somebody needs it: making one takes a while
    char key_id[KEY_ID_DIGITS + 1];
    struct counts tokens;
    uint64_t issued;
};

static const struct {
    const char *name;
    int http_status;
} statuses[] = {
    {"INVALID_ARGUMENT", 400},
    {"UNAUTHENTICATED", 401},
    {"PERMISSION_DENIED", 403},
    {"NOT_FOUND", 404},
};

struct google *google_new(void)
{
    return mem_new(struct google);
}

void google_free(struct google *google)
{
    EVP_PKEY_free(google->key);
    counts_clear(&google->tokens);
    free(google);
}

uint64_t google_tokens_issued(const struct google *google)
{
    return google->issued;
}

void google_refuse(struct http_exchange *exchange, const char *status, const char *why)
{
    struct buf json = {0};
    int code = 500;

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (strcmp(statuses[i].name, status) == 0)
            code = statuses[i].http_status;
    buf_fmt(&json, "{\"error\":{\"code\":%d,\"message\":", code);
    buf_json_str(&json, why);
    buf_fmt(&json, ",\"status\":\"%s\"}}", status);
    http_exchange_answer_json(exchange, code, json.data);
    buf_clear(&json);
}

static EVP_PKEY *key_of(struct google *google)
{
    EVP_PKEY_CTX *maker;

    if (google->key != NULL)
        return google->key;
    maker = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    if (maker == NULL || EVP_PKEY_keygen_init(maker) != 1 ||
        EVP_PKEY_CTX_set_rsa_keygen_bits(maker, KEY_BITS) != 1 ||
        EVP_PKEY_keygen(maker, &google->key) != 1)
        abort();
    EVP_PKEY_CTX_free(maker);
    id_random_hex(google->key_id, KEY_ID_DIGITS);
    return google->key;
}

static void give_key_file(struct sim *sim, struct http_exchange *exchange)
{
    EVP_PKEY *key = key_of(sim->google);
    BIO *pem = BIO_new(BIO_s_mem());
    struct buf json = {0}, text = {0};
    char *data;
    long len;

    if (pem == NULL || PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    len = BIO_get_mem_data(pem, &data);
    buf_add(&text, data, (size_t)len);
    BIO_free(pem);
    buf_fmt(&json,
            "{\"type\":\"service_account\",\"project_id\":\"" GOOGLE_PROJECT
            "\","
            "\"private_key_id\":\"%s\",\"private_key\":",
            sim->google->key_id);
    buf_json_str(&json, text.data);
    buf_fmt(&json,
            ",\"client_email\":\"" EMAIL
            "\",\"client_id\":\"100000000000000000001\","
            "\"token_uri\":\"%s/oauth2/token\",\"universe_domain\":\"googleapis.com\"}",
            sim->base_url);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
    buf_clear(&text);
}

static void refuse_grant(struct http_exchange *exchange, const char *error, const char *why)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"error\":\"%s\",\"error_description\":\"%s\"}", error, why);
    http_exchange_answer_json(exchange, 400, json.data);
    buf_clear(&json);
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c | 0x20);

    return at == NULL ? -1 : (int)(at - digits);
}

// Reads a field of a form. False where it isn't there.
static bool read_form(const char *form, const char *name, struct buf *value)
{
    size_t len = strlen(name);

    while (strncmp(form, name, len) != 0 || form[len] != '=') {
        form = strchr(form, '&');
        if (form++ == NULL)
            return false;
    }
    for (form += len + 1; *form != '\0' && *form != '&'; form++) {
        if (*form == '%' && hex_value(form[1]) >= 0 && hex_value(form[2]) >= 0) {
            buf_char(value, (char)(hex_value(form[1]) << 4 | hex_value(form[2])));
            form += 2;
        } else {
            buf_char(value, *form == '+' ? ' ' : *form);
        }
    }
    return true;
}

static bool is_signed(struct google *google, const struct jwt *jwt)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_right;

    if (context == NULL ||
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key_of(google)) != 1)
        abort();
    is_right =
        EVP_DigestVerify(context, (const unsigned char *)buf_text(&jwt->signature),
                         jwt->signature.len, (const unsigned char *)jwt->text, jwt->text_len) == 1;
    EVP_MD_CTX_free(context);
    return is_right;
}

// NULL, or what is wrong with the claims: who makes them, for what and for how long.
static const char *check_claims(const struct sim *sim, const json_t *claims)
{
    const json_t *iat = json_object_get(claims, "iat"), *exp = json_object_get(claims, "exp");
    int64_t now_s = clock_wall_ms() / 1000, from_s = json_integer_value(iat),
            to_s = json_integer_value(exp);
    char own[sizeof sim->base_url + 16];

    snprintf(own, sizeof own, "%s/oauth2/token", sim->base_url);
    if (strcmp(rules_text(claims, "iss"), EMAIL) != 0)
        return "Invalid JWT: iss is no known account";
    if (strcmp(rules_text(claims, "aud"), own) != 0 &&
        strcmp(rules_text(claims, "aud"), "https://www.googleapis.com/oauth2/v4/token") != 0)
        return "Invalid JWT: aud is another";
    if (strcmp(rules_text(claims, "scope"), SCOPE) != 0)
        return "Invalid OAuth scope";
    if (!json_is_integer(iat) || !json_is_integer(exp))
        return "Invalid JWT: iat and exp must be numbers of seconds";
    if (from_s > now_s + SKEW_S || to_s <= now_s || to_s <= from_s || to_s - from_s > LIFE_S)
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
               "timeframe. Check your iat and exp values";
    return NULL;
}

static const char *check_assertion(struct sim *sim, const char *assertion)
{
    const char *why = NULL, *key_id;
    struct jwt jwt;

    if (!jwt_read(assertion, &jwt) || strcmp(rules_text(jwt.header, "alg"), "RS256") != 0 ||
        strcmp(rules_text(jwt.header, "typ"), "JWT") != 0)
        why = "Invalid JWT: Failed to parse";
    else if (!is_signed(sim->google, &jwt))
        why = "Invalid JWT Signature.";
    else if (*(key_id = rules_text(jwt.header, "kid")) != '\0' &&
             strcmp(key_id, sim->google->key_id) != 0)
        why = "Invalid JWT: kid is another";
    else
        why = check_claims(sim, jwt.claims);
    jwt_clear(&jwt);
    return why;
}

static void issue(struct google *google, struct http_exchange *exchange)
{
    char token[TOKEN_DIGITS + 16] = "ya29.c.";
    struct buf json = {0};

    id_random_hex(token + strlen(token), TOKEN_DIGITS);
    counts_entry(&google->tokens, token)->accepted++;
    google->issued++;
    buf_fmt(&json, "{\"access_token\":\"%s\",\"expires_in\":3599,\"token_type\":\"Bearer\"}",
            token);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void answer_grant(struct sim *sim, struct http_exchange *exchange)
{
    static const char form_type[] = "application/x-www-form-urlencoded";
    const char *type = http_exchange_header(exchange, "content-type"), *why;
    struct buf grant = {0}, assertion = {0};
    size_t len;
    const char *form = http_exchange_body(exchange, &len);

    if (type == NULL || strncmp(type, form_type, sizeof form_type - 1) != 0)
        refuse_grant(exchange, "invalid_request", "the body must be a form");
    else if (!read_form(form, "grant_type", &grant) || strcmp(buf_text(&grant), GRANT_TYPE) != 0)
        refuse_grant(exchange, "unsupported_grant_type", "Invalid grant_type");
    else if (!read_form(form, "assertion", &assertion))
        refuse_grant(exchange, "invalid_request", "Missing required parameter: assertion");
    else if ((why = check_assertion(sim, buf_text(&assertion))) != NULL)
        refuse_grant(exchange, "invalid_grant", why);
    else
        issue(sim->google, exchange);
    buf_clear(&grant);
    buf_clear(&assertion);
}

static bool has_token(const struct google *google, const struct http_exchange *exchange)
{
    static const char bearer[] = "Bearer ";
    const char *authorization = http_exchange_header(exchange, "authorization");

    return authorization != NULL && strncmp(authorization, bearer, sizeof bearer - 1) == 0 &&
           counts_find(&google->tokens, authorization + sizeof bearer - 1) != NULL;
}

bool google_has_key(const struct sim *sim, struct http_exchange *exchange)
{
    static const char bad[] =
        "{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\","
        "\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":\"type.googleapis.com/"
        "google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis.com\"}]}}";
    const char *key = http_exchange_header(exchange, "x-goog-api-key");

    if (key == NULL)
        key = http_exchange_query(exchange, "key");
    if (key != NULL && strcmp(key, sim->secret) == 0)
        return true;
    if (key == NULL)
        google_refuse(exchange, "UNAUTHENTICATED", "Request is missing an API key.");
    else
        http_exchange_answer_json(exchange, 400, bad);
    return false;
}

bool google_has_access(const struct sim *sim, struct http_exchange *exchange, const char *project)
{
    const char *billed = http_exchange_header(exchange, "x-goog-user-project");

    if (!has_token(sim->google, exchange)) {
        google_refuse(exchange, "UNAUTHENTICATED",
                      "Request had invalid authentication credentials. Expected OAuth 2 access "
                      "token, login cookie or other valid authentication credential.");
        return false;
    }
    if (strcmp(project, GOOGLE_PROJECT) != 0 || (billed != NULL && strcmp(billed, project) != 0)) {
        google_refuse(exchange, "PERMISSION_DENIED",
                      "Permission 'aiplatform.endpoints.predict' denied on resource.");
        return false;
    }
    return true;
}

bool google_handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange);
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;

    if (!is_post && strcmp(path, "/sim/service-account.json") == 0) {
        give_key_file(sim, exchange);
    } else if (is_post && strcmp(path, "/oauth2/token") == 0) {
        answer_grant(sim, exchange);
    } else if (is_post && strcmp(path, "/sim/forget-tokens") == 0) {
        counts_clear(&sim->google->tokens);
        http_exchange_answer_json(exchange, 200, "{}");
    } else {
        return false;
    }
    return true;
}
