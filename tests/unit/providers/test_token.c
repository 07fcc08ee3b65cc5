// JSON Web Tokens: the vector that everybody knows, and a signature that OpenSSL verifies.
#include "providers/token.h"
#include "tests/support/check.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "providers/provider.h"

enum { NOW_MS = 1700000000 };

static void test_hs256(void **state)
{
    struct buf jwt = {0};

    (void)state;
    jwt_hs256("your-256-bit-secret",
              "{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}", &jwt);
    assert_string_equal(
        jwt.data,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c");
    buf_clear(&jwt);
}

// A key pair of our own, its private half as PEM.
static EVP_PKEY *make_key(struct buf *pem)
{
    EVP_PKEY *key = EVP_RSA_gen(1024);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long len;

    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &text);
    buf_add(pem, text, (size_t)len);
    BIO_free(bio);
    return key;
}

static void from_base64url(const char *text, size_t len, struct buf *out)
{
    struct buf plain = {0};

    for (size_t i = 0; i < len; i++)
        buf_char(&plain, text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    assert_true(base64_decode(plain.data, plain.len, out));
    buf_clear(&plain);
}

static void check_signature(EVP_PKEY *key, const char *jwt)
{
    const char *dot = strrchr(jwt, '.');
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct buf signature = {0};

    from_base64url(dot + 1, strlen(dot + 1), &signature);
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, (unsigned char *)signature.data, signature.len,
                                      (const unsigned char *)jwt, (size_t)(dot - jwt)),
                     1);
    EVP_MD_CTX_free(context);
    buf_clear(&signature);
}

static void test_rs256(void **state)
{
    struct buf pem = {0}, jwt = {0};
    EVP_PKEY *key = make_key(&pem);
    struct err err = {0};

    (void)state;
    assert_true(jwt_rs256(pem.data, "{\"iss\":\"us\"}", &jwt, &err));
    assert_int_equal(strncmp(jwt.data, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.", 37), 0);
    check_signature(key, jwt.data);
    buf_reset(&jwt);
    assert_false(jwt_rs256("not a key", "{}", &jwt, &err));
    assert_non_null(strstr(err.message, "private_key"));
    assert_int_equal(jwt.len, 0);
    EVP_PKEY_free(key);
    buf_clear(&pem);
    buf_clear(&jwt);
}

// Kling signs its own; it is renewed well before it ends.
static void test_kling(void **state)
{
    struct account account = {.name = "k", .provider_name = (char *)"kling"};
    struct http_request request = {0};
    struct token token = {0};
    struct err err;

    (void)state;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "access_key", "ak");
    account_set_key(&account, "secret_key", "sk");
    assert_true(account.dialect->build_token(&account, NOW_MS * 1000LL, &token, &request, &err));
    assert_null(request.url);
    assert_string_equal(token.text,
                        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                        "eyJpc3MiOiJhayIsImV4cCI6MTcwMDAwMTgwMCwibmJmIjoxNjk5OTk5OTk1fQ."
                        "mgn0T3D3XT4hbNxAtEsJsDH8-Kpgvs6l8t89iZ9EkEg");
    assert_int_equal(token.renew_ms, (NOW_MS + 1500) * 1000LL);
    token_clear(&token);
    account_clear_keys(&account);
}

// Google's is asked for with an assertion; what it answers says how long it may be kept.
static void test_vertex(void **state)
{
    struct account account = {.name = "v", .provider_name = (char *)"veo"};
    struct http_request request = {0};
    struct http_response response = {.status = 200};
    struct token token = {0};
    struct buf pem = {0};
    EVP_PKEY *key = make_key(&pem);
    struct err err = {0};

    (void)state;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "service_account_file.client_email", "a@b");
    account_set_key(&account, "service_account_file.token_uri", "https://t/token");
    account_set_key(&account, "service_account_file.private_key", pem.data);
    assert_true(account.dialect->build_token(&account, NOW_MS * 1000LL, &token, &request, &err));
    assert_null(token.text);
    assert_string_equal(request.url, "https://t/token");
    assert_non_null(strstr(request.body.data,
                           "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type"
                           "%3Ajwt-bearer&assertion=ey"));
    check_signature(key, strstr(request.body.data, "assertion=") + 10);

    buf_str(&response.body, "{\"access_token\":\"ya29\",\"expires_in\":3599}");
    assert_true(account.dialect->read_token(&response, 0, &token, &err));
    assert_string_equal(token.text, "ya29");
    assert_int_equal(token.renew_ms, 3000 * 1000);
    token_clear(&token);

    buf_reset(&response.body);
    buf_str(&response.body,
            "{\"access_token\":\"ya29\",\"expires_in\":-9223372036854775808,"
            "\"scope\":\"half a \\ud83d\"}");
    assert_true(account.dialect->read_token(&response, 7, &token, &err));
    assert_int_equal(token.renew_ms, 7); // it is over already
    token_clear(&token);

    buf_reset(&response.body);
    buf_str(&response.body,
            "{\"error\":\"invalid_grant\",\"error_description\":\"no such account\"}");
    response.status = 400;
    assert_false(account.dialect->read_token(&response, 0, &token, &err));
    assert_int_equal(err.code, ERR_AUTH); // the account is out
    response.status = 503;
    assert_false(account.dialect->read_token(&response, 0, &token, &err));
    assert_int_equal(err.code, ERR_UPSTREAM); // only for now
    assert_null(token.text);

    http_request_clear(&request);
    http_response_clear(&response);
    account_clear_keys(&account);
    EVP_PKEY_free(key);
    buf_clear(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hs256),
        cmocka_unit_test(test_rs256),
        cmocka_unit_test(test_kling),
        cmocka_unit_test(test_vertex),
    };

    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
