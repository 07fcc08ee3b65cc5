// Webhooks as a receiver checks them, by the published vector of Standard Webhooks.
#include <string.h>

#include "core/base/buf.h"
#include "scheduler/cli/cli_signature.h"
#include "tests/support/check.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME "1614265330"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define BODY "{\"test\": 2432232314}"

static const struct {
    const char *name, *secret, *id, *timestamp, *signature, *body;
    bool fits;
} cases[] = {
    {"as published", SECRET, ID, TIME, SIGNATURE, BODY, true},
    {"behind another", SECRET, ID, TIME, "v1,AAAA " SIGNATURE, BODY, true},
    {"before another", SECRET, ID, TIME, SIGNATURE " v2,AAAA", BODY, true},
    {"another secret", OTHER, ID, TIME, SIGNATURE, BODY, false},
    {"another id", SECRET, "msg_x", TIME, SIGNATURE, BODY, false},
    {"another time", SECRET, ID, "1614265331", SIGNATURE, BODY, false},
    {"another body", SECRET, ID, TIME, SIGNATURE, BODY " ", false},
    {"no body", SECRET, ID, TIME, SIGNATURE, "", false},
    {"another version", SECRET, ID, TIME, "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY,
     false},
    {"the beginning of it", SECRET, ID, TIME, "v1,g0hM9SsE", BODY, false},
    {"nothing", SECRET, ID, TIME, "", BODY, false},
    {"nothing behind the version", SECRET, ID, TIME, "v1,", BODY, false},
    {"no base64", SECRET, ID, TIME, "v1,*", BODY, false},
    {"no header", SECRET, ID, TIME, NULL, BODY, false},
    {"no id", SECRET, NULL, TIME, SIGNATURE, BODY, false},
    {"no time", SECRET, ID, NULL, SIGNATURE, BODY, false},
};

static void test_signatures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_signed message = {.id = cases[i].id,
                                     .timestamp = cases[i].timestamp,
                                     .signature = cases[i].signature,
                                     .body = cases[i].body,
                                     .len = strlen(cases[i].body)};
        struct buf key = {0};
        struct err err;

        assert_true(cli_signature_key(cases[i].secret, &key, &err));
        if (cli_signature_fits(&key, &message) != cases[i].fits)
            fail_msg("%s", cases[i].name);
        buf_clear(&key);
    }
}

static void test_secrets(void **state)
{
    static const char *const wrong[] = {
        "", "whsec_", "whsec_AAAA", "whsec_*", ("x" SECRET), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
    struct buf first = {0}, second = {0}, key = {0};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(cli_signature_key(wrong[i], &key, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        buf_reset(&key);
    }
    cli_signature_make_secret(&first);
    cli_signature_make_secret(&second);
    assert_string_not_equal(first.data, second.data);
    assert_true(cli_signature_key(first.data, &key, &err));
    assert_int_equal(key.len, 32);
    buf_clear(&first);
    buf_clear(&second);
    buf_clear(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_signatures),
                                       cmocka_unit_test(test_secrets)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
