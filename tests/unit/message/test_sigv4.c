// Signature Version 4 against the examples that AWS publishes for S3.
#include "core/message/sigv4.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/message/http_message.h"

static const struct sigv4_keys keys = {"AKIAIOSFODNN7EXAMPLE",
                                       "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
#define HOST "https://examplebucket.s3.amazonaws.com"
enum { WHEN = 1369353600 }; // 2013-05-24

static void test_headers(void **state)
{
    static const struct {
        const char *name;
        enum http_method method;
        const char *url, *headers, *payload, *signature;
    } cases[] = {
        {"GET object", HTTP_GET_, HOST "/test.txt", "Range: bytes=0-9\n", empty,
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT object", HTTP_PUT_, HOST "/test%24file.text",
         "Date: Fri, 24 May 2013 00:00:00 GMT\nx-amz-storage-class: REDUCED_REDUNDANCY\n",
         "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET lifecycle", HTTP_GET_, HOST "/?lifecycle", "", empty,
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"list objects", HTTP_GET_, HOST "/?max-keys=2&prefix=J", "", empty,
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
        {"the same, unsorted", HTTP_GET_, HOST "/?prefix=J&max-keys=2", "", empty,
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request = {.method = cases[i].method, .url = mem_str(cases[i].url)};
        char expected[96];
        struct err err = {0};

        buf_str(&request.headers, cases[i].headers);
        snprintf(expected, sizeof expected, "Signature=%s\n", cases[i].signature);
        if (!sigv4_sign(&keys, &request, cases[i].payload, WHEN, &err) ||
            strstr(request.headers.data, expected) == NULL)
            fail_msg("%s: %s%s", cases[i].name, buf_text(&request.headers), err.message);
        http_request_clear(&request);
    }
}

static void test_presign(void **state)
{
    struct buf url = {0};
    struct err err = {0};

    (void)state;
    assert_true(sigv4_presign(&keys, "GET", NULL, HOST "/test.txt", WHEN, 86400, &url, &err));
    assert_string_equal(
        url.data, HOST
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
        "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    buf_clear(&url);
}

// A port is part of the host, but for the scheme's own.
static void test_ports(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:9000/b/k", "http://127.0.0.1:80/b/k",
                                       "http://127.0.0.1/b/k"};
    struct buf signed_urls[3] = {{0}};
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(sigv4_presign(&keys, "PUT", NULL, urls[i], WHEN, 60, &signed_urls[i], &err));
    assert_string_equal(strstr(signed_urls[1].data, "X-Amz-Signature"),
                        strstr(signed_urls[2].data, "X-Amz-Signature"));
    assert_string_not_equal(strstr(signed_urls[0].data, "X-Amz-Signature"),
                            strstr(signed_urls[2].data, "X-Amz-Signature"));
    for (size_t i = 0; i < 3; i++)
        buf_clear(&signed_urls[i]);
    assert_false(sigv4_presign(&keys, "PUT", NULL, "nowhere", WHEN, 60, &signed_urls[0], &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_presign),
        cmocka_unit_test(test_ports),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
