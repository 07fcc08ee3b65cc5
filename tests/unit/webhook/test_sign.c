// The published vector of Standard Webhooks, rotation, and secrets that aren't any.
#include "tests/support/check.h"
#include "webhook/sign.h"

#include <string.h>

static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char other[] = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
static const char id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char body[] = "{\"test\": 2432232314}";
static const char expected[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
enum { TIMESTAMP_S = 1614265330 };

static void sign_with(const char *const *texts, size_t count, struct buf *signature)
{
    struct sign_keys keys;
    struct err err;

    buf_reset(signature);
    assert_true(sign_keys_parse(&keys, texts, count, &err));
    sign_message(&keys, id, TIMESTAMP_S, body, sizeof body - 1, signature);
    sign_keys_clear(&keys);
}

static void test_published_vector(void **state)
{
    struct buf signature = {0};
    (void)state;

    sign_with((const char *const[]){secret}, 1, &signature);
    assert_string_equal(signature.data, expected);
    buf_clear(&signature);
}

static void test_rotation(void **state)
{
    struct buf alone = {0}, both = {0}, joined = {0};
    (void)state;

    sign_with((const char *const[]){other}, 1, &alone);
    assert_string_not_equal(alone.data, expected);
    sign_with((const char *const[]){other, secret}, 2, &both);
    buf_fmt(&joined, "%s %s", alone.data, expected);
    assert_string_equal(both.data, joined.data);
    sign_with(NULL, 0, &both);
    assert_string_equal(buf_text(&both), "");
    buf_clear(&alone);
    buf_clear(&both);
    buf_clear(&joined);
}

static void test_bad_secrets(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"another prefix", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        {"empty", ""},
        {"nothing behind the prefix", "whsec_"},
        {"not base64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*"},
        {"cut", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwA"},
        {"23 bytes", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ="},
        {"65 bytes",
         "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAA="},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sign_keys keys;
        struct err err;

        if (sign_keys_parse(&keys, (const char *const[]){secret, cases[i].text}, 2, &err))
            fail_msg("%s", cases[i].name);
        if (keys.count != 0 || strstr(err.message, "secret 2 ") == NULL ||
            strstr(err.message, "MfKQ") != NULL)
            fail_msg("%s: %s", cases[i].name, err.message);
        if (sign_key_check(cases[i].text, 7, &err) || strstr(err.message, "secret 7 ") == NULL)
            fail_msg("%s alone: %s", cases[i].name, err.message);
    }
    assert_true(sign_key_check(secret, 1, &(struct err){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vector),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_bad_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
