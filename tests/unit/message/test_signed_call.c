// Calls signed with Ed25519: what was signed by OpenSSL's own program, and what isn't it.
#include "core/message/signed_call.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"

#define ID "024ca5b1-45d3-4afd-883e-ad3abe2a1c4d"
#define KEY_1 "eMwzGpErkHvEMIPWGDV9siMlUqZQpGX7K6JeEVQOpis"
#define KEY_2 "iDziTo2vrWd18_34sq06i60N0kf8_y-NCE7bCz41Sc4"
#define BY_1                                                                                       \
    "615d27187254e71b3e8d19cb6607b0c562396cf06cec2a4e32d08f23096ce82a4c04369f8a11e5b420ddbf90ae12" \
    "1232e8803f93f9434ed79a40ebc8243af80b"
#define BY_2                                                                                       \
    "ffe267da0112e0446499ea9795b30a98905e265512b8777469bbed3340691d8e8799cdc875dc7e69f34fdfdc6578" \
    "e91aef27a140b77c1e97b3f505f27591c104"
#define OF_1 "{'keys':[{'kty':'OKP','crv':'Ed25519','x':'" KEY_1 "','use':'sig','kid':'a'}]}"
#define OF_2 "{'keys':[{'x':'" KEY_2 "'}]}"
#define OF_BOTH "{'keys':[{'x':'" KEY_2 "'},{'kty':'OKP','x':'" KEY_1 "'}]}"

enum { WHEN = 1795168800 };

static const char body[] =
    "{\"request_id\":\"" ID
    "\",\"gateway_request_id\":\"024ca5b1\",\"status\":\"OK\","
    "\"payload\":{\"video\":{\"url\":\"https://v3.fal.media/files/x/a.mp4\"}}}";

// Headers as "name: value" lines; a NULL of the four is left out.
struct headers {
    const char *id, *user, *timestamp, *signature;
};

static const char *header(const void *ctx, const char *name)
{
    const struct headers *headers = ctx;

    return strcmp(name, "x-v-request-id") == 0  ? headers->id
           : strcmp(name, "x-v-user-id") == 0   ? headers->user
           : strcmp(name, "x-v-timestamp") == 0 ? headers->timestamp
           : strcmp(name, "x-v-signature") == 0 ? headers->signature
                                                : NULL;
}

static const char *header_of_w(const void *ctx, const char *name)
{
    const struct headers *headers = ctx;

    return strcmp(name, "x-w-generation-id") == 0 ? headers->id
           : strcmp(name, "x-w-user-id") == 0     ? headers->user
           : strcmp(name, "x-w-timestamp") == 0   ? headers->timestamp
           : strcmp(name, "x-w-signature") == 0   ? headers->signature
                                                  : NULL;
}

static bool read_keys(const char *text, struct buf *keys)
{
    char copy[4096];
    json_t *set;
    struct err err;
    bool ok;

    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    set = json_loads(copy, JSON_DECODE_ANY, NULL);
    ok = signed_call_read_keys(set, keys, &err);
    json_decref(set);
    return ok;
}

static void test_calls(void **state)
{
    enum answer { FITS, OTHER, UNREAD }; // OTHER: some other key's, or of another call
#define RIGHT                                                                                      \
    {                                                                                              \
        ID, "user-1", "1795168800", BY_1                                                           \
    }
    static const struct {
        struct headers headers;
        const char *keys;
        int64_t now_s;
        enum answer answer;
    } cases[] = {
        {RIGHT, OF_1, WHEN, FITS},
        {RIGHT, OF_BOTH, WHEN, FITS},
        {RIGHT, OF_2, WHEN, OTHER},
        {RIGHT, OF_1, WHEN + 300, FITS},
        {RIGHT, OF_1, WHEN - 300, FITS},
        {RIGHT, OF_1, WHEN + 301, UNREAD},
        {RIGHT, OF_1, WHEN - 301, UNREAD},
        {{ID, "user-1", "1795168800", BY_2}, OF_2, WHEN, FITS},
        {{ID, "user-1", "1795168800", BY_2}, OF_1, WHEN, OTHER},
        {{"another", "user-1", "1795168800", BY_1}, OF_1, WHEN, OTHER},
        {{ID, "user-2", "1795168800", BY_1}, OF_1, WHEN, OTHER},
        {{ID, "user-1", "1795168801", BY_1}, OF_1, WHEN, OTHER},
        {{NULL, "user-1", "1795168800", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, NULL, "1795168800", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", NULL, BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "1795168800", NULL}, OF_1, WHEN, UNREAD},
        {{ID, "", "1795168800", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "1795168800.0", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "+1795168800", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "99999999999999999999", BY_1}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "1795168800", BY_1 "00"}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "1795168800", "615d"}, OF_1, WHEN, UNREAD},
        {{ID, "user-1", "1795168800", "g" BY_1}, OF_1, WHEN, UNREAD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signed_call call;
        struct buf keys = {0};
        struct err err;
        enum answer got = UNREAD;

        assert_true(read_keys(cases[i].keys, &keys));
        if (signed_call_read(&call, "x-v", "request-id", header, &cases[i].headers, body,
                             strlen(body), cases[i].now_s * 1000, &err))
            got = signed_call_fits(&call, &keys) ? FITS : OTHER;
        else if (err.code != ERR_AUTH)
            fail_msg("case %zu: %s", i, err.message);
        if (got != cases[i].answer)
            fail_msg("case %zu: %d, should be %d", i, (int)got, (int)cases[i].answer);
        signed_call_clear(&call);
        buf_clear(&keys);
    }
}

static void test_another_body(void **state)
{
    static const struct headers headers = RIGHT;
    struct signed_call call;
    struct buf keys = {0};
    struct err err;

    (void)state;
    assert_true(read_keys(OF_1, &keys));
    assert_true(signed_call_read(&call, "x-v", "request-id", header, &headers, body,
                                 strlen(body) - 1, WHEN * 1000LL, &err));
    assert_false(signed_call_fits(&call, &keys));
    signed_call_clear(&call);
    // No keys, no fit.
    buf_reset(&keys);
    assert_true(signed_call_read(&call, "x-v", "request-id", header, &headers, body, strlen(body),
                                 WHEN * 1000LL, &err));
    assert_false(signed_call_fits(&call, &keys));
    signed_call_clear(&call);
    buf_clear(&keys);
}

// Another sender calls the first header something else: the one that is signed is that one alone.
static void test_another_name(void **state)
{
    static const struct headers headers = RIGHT;
    struct signed_call call;
    struct buf keys = {0};
    struct err err;

    (void)state;
    assert_true(read_keys(OF_1, &keys));
    assert_false(signed_call_read(&call, "x-v", "generation-id", header, &headers, body,
                                  strlen(body), WHEN * 1000LL, &err));
    assert_string_equal(err.message, "x-v-generation-id: is required");
    signed_call_clear(&call);
    assert_true(signed_call_read(&call, "x-w", "generation-id", header_of_w, &headers, body,
                                 strlen(body), WHEN * 1000LL, &err));
    assert_true(signed_call_fits(&call, &keys));
    signed_call_clear(&call);
    buf_clear(&keys);
}

static void test_keys(void **state)
{
    static const struct {
        const char *set;
        size_t count; // 0: refused
    } cases[] = {
        {OF_1, 1},
        {OF_BOTH, 2},
        {"{'keys':[{'x':'" KEY_1 "='}]}", 1},
        {"{'keys':[{'kty':'RSA','n':'AQAB','e':'AQAB'},{'x':'" KEY_1 "'}]}", 1},
        {"{'keys':[{'kty':'EC','crv':'P-256','x':'" KEY_1 "'}]}", 0},
        {"{'keys':[{'kty':'OKP','crv':'X25519','x':'" KEY_1 "'}]}", 0},
        {"{'keys':[{'x':'AAAA'},{'x':5},{'x':''},{},5,null]}", 0},
        {"{'keys':[{'x':'AAAA'},{'x':'" KEY_1 "'},{'x':'" KEY_1 "AAAA'}]}", 1},
        {"{'keys':[]}", 0},
        {"{'keys':{'x':'" KEY_1 "'}}", 0},
        {"{}", 0},
        {"[]", 0},
        {"null", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf keys = {0};
        bool ok = read_keys(cases[i].set, &keys);

        if (ok != (cases[i].count > 0) || keys.len != cases[i].count * ED25519_KEY_BYTES)
            fail_msg("%s: %zu bytes", cases[i].set, keys.len);
        buf_clear(&keys);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_another_body),
        cmocka_unit_test(test_another_name),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
