// Volcengine's signature, step by step, against what its own SDK makes of the same request
// (volc-sdk-python, SignerV4.sign_only).
#include "core/message/volc_sign.h"
#include "tests/support/check.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/message/http_message.h"

enum { WHEN = 1795168800 }; // 2026-11-20 10:00:00 UTC

#define HOST "https://visual.volcengineapi.com"
#define QUERY "/?Action=CVSync2AsyncSubmitTask&Version=2022-08-31"
#define BODY_HASH "a8801353308449f2dc95b9e6474f6d9cfeedb8e0c7d4bf8a2c956eaf0895af53"
#define NAMES "content-type;host;x-content-sha256;x-date"

static const char body[] =
    "{\"req_key\":\"jimeng_t2v_v30\",\"prompt\":\"a paper boat\",\"seed\":-1,\"frames\":121,"
    "\"aspect_ratio\":\"16:9\"}";

static struct volc_keys keys_with(const char *session_token)
{
    return (struct volc_keys){.access_key = "AKLTEXAMPLE0001",
                              .secret_key = "c2VjcmV0LWV4YW1wbGU=",
                              .session_token = session_token,
                              .region = "cn-north-1",
                              .service = "cv"};
}

static void make(const char *url, struct http_request *request)
{
    *request = (struct http_request){.method = HTTP_POST_, .url = mem_str(url)};
    buf_str(&request->body, body);
    http_add_header(request, "Content-Type", "application/json");
}

// Signs, and takes the signature alone.
static void sign(const char *session_token, struct http_request *request, char signature[65])
{
    struct volc_keys keys = keys_with(session_token);
    struct err err;
    const char *at;

    assert_true(volc_sign(&keys, request, WHEN, &err));
    at = strstr(request->headers.data, ", Signature=");
    assert_non_null(at);
    memcpy(signature, at + 12, 64);
    signature[64] = '\0';
}

static void test_steps(void **state)
{
    static const char canonical[] =
        "POST\n"
        "/\n"
        "Action=CVSync2AsyncSubmitTask&Version=2022-08-31\n"
        "content-type:application/json\n"
        "host:visual.volcengineapi.com\n"
        "x-content-sha256:" BODY_HASH
        "\n"
        "x-date:20261120T100000Z\n"
        "\n" NAMES "\n" BODY_HASH;
    struct http_request request;
    struct volc_keys keys = keys_with(NULL);
    struct buf form = {0}, names = {0};
    unsigned char key[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    struct err err;

    (void)state;
    make(HOST QUERY, &request);
    sha256_hex(request.body.data, request.body.len, hex);
    assert_string_equal(hex, BODY_HASH);

    http_add_header(&request, "X-Date", "20261120T100000Z");
    http_add_header(&request, "X-Content-Sha256", BODY_HASH);
    assert_true(volc_canonical(&request, &form, &names, &err));
    assert_string_equal(form.data, canonical);
    assert_string_equal(names.data, NAMES);
    sha256_hex(form.data, form.len, hex);
    assert_string_equal(hex, "de63685d4804595f9f50cdce56d928243312a0db4e45a463a68e42bdf0fe702a");

    volc_key(&keys, "20261120", key);
    hex_encode(key, sizeof key, hex);
    assert_string_equal(hex, "c6053e1d208400075c3f7fb2905dce8675b1a476f559cab6df60e34807f8caef");
    buf_clear(&form);
    buf_clear(&names);
    http_request_clear(&request);
}

static void test_whole(void **state)
{
    struct http_request request;
    char signature[65];

    (void)state;
    make(HOST QUERY, &request);
    sign(NULL, &request, signature);
    assert_string_equal(
        request.headers.data,
        "Content-Type: application/json\n"
        "X-Date: 20261120T100000Z\n"
        "X-Content-Sha256: " BODY_HASH
        "\n"
        "Authorization: HMAC-SHA256 Credential=AKLTEXAMPLE0001/20261120/cn-north-1/cv/request, "
        "SignedHeaders=" NAMES
        ", "
        "Signature=cc9766370954eb344556cfedcded6c73451d81cbab55c0c8dc5a7d9fc6950f20\n");
    http_request_clear(&request);
}

// As @volcengine/openapi has it, which leaves the type out: e2e.sdk asks that client for the same.
static void test_without_a_type(void **state)
{
    struct http_request request = {.method = HTTP_POST_, .url = mem_str(HOST QUERY)};
    char signature[65];

    (void)state;
    buf_str(&request.body, body);
    sign(NULL, &request, signature);
    assert_string_equal(
        request.headers.data,
        "X-Date: 20261120T100000Z\n"
        "X-Content-Sha256: " BODY_HASH
        "\n"
        "Authorization: HMAC-SHA256 Credential=AKLTEXAMPLE0001/20261120/cn-north-1/cv/request, "
        "SignedHeaders=host;x-content-sha256;x-date, "
        "Signature=11192a694d20b283318fcb2c38ab67fdd8ea0215bf3428e4503ea32af683e5a4\n");
    http_request_clear(&request);
}

static void test_temporary_keys(void **state)
{
    struct http_request request;
    char signature[65];

    (void)state;
    make(HOST QUERY, &request);
    sign("STSTOKEN", &request, signature);
    assert_non_null(strstr(request.headers.data, "X-Security-Token: STSTOKEN\n"));
    assert_non_null(
        strstr(request.headers.data, "SignedHeaders=" NAMES ";x-security-token, Signature="));
    assert_string_equal(signature,
                        "26091412fb5bd7d147bbf0709c31298e9418d4c6033230f82f12e4fb178ffe97");
    http_request_clear(&request);
}

// What is no part of the signature, and what is.
static void test_what_counts(void **state)
{
    static const char plain[] = "cc9766370954eb344556cfedcded6c73451d81cbab55c0c8dc5a7d9fc6950f20";
    static const struct {
        const char *name, *url, *header, *value;
        bool is_same;
    } cases[] = {
        {"an empty token", HOST QUERY, NULL, NULL, true},
        {"another order", HOST "/?Version=2022-08-31&Action=CVSync2AsyncSubmitTask", NULL, NULL,
         true},
        {"no path", HOST "?Action=CVSync2AsyncSubmitTask&Version=2022-08-31", NULL, NULL, true},
        {"the scheme's port", "https://visual.volcengineapi.com:443" QUERY, NULL, NULL, true},
        {"the other scheme's", "https://visual.volcengineapi.com:80" QUERY, NULL, NULL, true},
        {"another port", "https://visual.volcengineapi.com:8443" QUERY, NULL, NULL, false},
        {"another host", "https://open.volcengineapi.com" QUERY, NULL, NULL, false},
        {"another action", HOST "/?Action=CVSync2AsyncGetResult&Version=2022-08-31", NULL, NULL,
         false},
        {"Accept", HOST QUERY, "Accept", "*/*", true},
        {"a trace", HOST QUERY, "traceparent", "00-1-2-01", true},
        {"Content-MD5", HOST QUERY, "Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", false},
        {"an X of any kind", HOST QUERY, "x-tt-env", "boe", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request;
        char signature[65];

        make(cases[i].url, &request);
        if (cases[i].header != NULL)
            http_add_header(&request, cases[i].header, cases[i].value);
        sign("", &request, signature);
        if ((strcmp(signature, plain) == 0) != cases[i].is_same)
            fail_msg("%s: %s", cases[i].name, signature);
        http_request_clear(&request);
    }
}

static void test_no_url(void **state)
{
    struct http_request request;
    struct volc_keys keys = keys_with(NULL);
    struct err err = {0};

    (void)state;
    make("visual.volcengineapi.com", &request);
    assert_false(volc_sign(&keys, &request, WHEN, &err));
    assert_int_equal(err.code, ERR_CONFIG);
    http_request_clear(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),          cmocka_unit_test(test_whole),
        cmocka_unit_test(test_without_a_type), cmocka_unit_test(test_temporary_keys),
        cmocka_unit_test(test_what_counts),    cmocka_unit_test(test_no_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
