// Vendors' keys: fetched once for all who want them, kept for a day, and never the worse for a
// fetch that fails.
#include "scheduler/vendor_keys.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "tests/support/check.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"

#define URL "https://keys.example/jwks.json"
#define GET "http GET " URL
#define SET(x) "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\"}]}"
#define ONE SET("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
#define OTHER SET("_____________________________________________w8")
#define NEWER SET("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

enum { DAY_MS = 24 * 3600 * 1000, NEW_MS = 1000 };

static struct loop *loop;
static struct vendor_keys *keys;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    loop = loop_new();
    keys = vendor_keys_new(fake_http_client());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vendor_keys_drop(&keys);
    fake_end();
    loop_free(loop);
    return 0;
}

// `ctx` is the name of who waits.
static void on_keys(void *ctx, const struct buf *set, const struct err *err)
{
    if (set != NULL)
        fake_note("%s got %zu bytes, the first is %d", (const char *)ctx, set->len,
                  (unsigned char)set->data[0]);
    else
        fake_note("%s got \"%s\"", (const char *)ctx, err->message);
}

static struct keys_wait *want(const char *name)
{
    return vendor_keys_fetch(keys, URL, on_keys, (char *)(uintptr_t)name);
}

static void answer(int status, const char *body)
{
    fake_http_answer(fake_waiting("http"), status, NULL, body);
}

static bool is_kept(bool *is_new)
{
    return vendor_keys_kept(keys, URL, is_new) != NULL;
}

static void test_one_fetch_for_all(void **state)
{
    bool is_new = true;

    (void)state;
    assert_false(is_kept(&is_new));
    assert_false(is_new);
    want("a");
    fake_expect(GET);
    want("b");
    fake_expect_nothing();
    answer(200, ONE);
    fake_expect("b got 32 bytes, the first is 0");
    fake_expect("a got 32 bytes, the first is 0");
    fake_expect_nothing();
    assert_true(is_kept(&is_new) && is_new);
}

static void test_how_long_they_are_kept(void **state)
{
    bool is_new;

    (void)state;
    want("a");
    answer(200, ONE);
    fake_clock_pass_ms(NEW_MS - 1);
    assert_true(is_kept(&is_new) && is_new);
    fake_clock_pass_ms(1);
    assert_true(is_kept(&is_new) && !is_new);
    fake_clock_step_wall_ms(-DAY_MS); // whatever the wall clock says
    assert_true(is_kept(&is_new) && !is_new);
    fake_clock_pass_ms(DAY_MS - NEW_MS - 1);
    assert_true(is_kept(&is_new));
    fake_clock_pass_ms(1);
    assert_false(is_kept(&is_new));
    assert_null(vendor_keys_kept(keys, "https://other.example/", &is_new));
    fake_skip();
}

static void test_another_fetch(void **state)
{
    static const struct {
        int status; // 0: no answer
        const char *body, *line;
    } cases[] = {
        {200, NEWER, "a got 32 bytes, the first is 1"},
        {404, ONE, "a got \"HTTP 404\""},
        {301, "", "a got \"HTTP 301\""},
        {503, ONE, "a got \"HTTP 503\""},
        {200, "{\"keys\":[]}", "a got \"there is no Ed25519 key in the set\""},
        {200, "[]", "a got \"there is no Ed25519 key in the set\""},
        {200, OTHER, "a got \"there is no Ed25519 key in the set\""}, // too long
        {0, NULL, NULL},
    };
    bool is_new;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%d %s\n", cases[i].status, cases[i].body == NULL ? "" : cases[i].body);
        tear_down(state);
        set_up(state);
        want("first");
        answer(200, ONE);
        fake_clock_pass_ms(NEW_MS);
        fake_skip();
        want("a");
        fake_expect(GET);
        if (cases[i].status != 0)
            answer(cases[i].status, cases[i].body);
        else
            fake_http_fail(fake_waiting("http"), ERR_TIMEOUT, false);
        if (cases[i].line != NULL)
            fake_expect(cases[i].line);
        fake_skip();
        // What was there is still there, as old as it was.
        assert_true(is_kept(&is_new));
        assert_int_equal(is_new, i == 0);
    }
}

static void test_a_first_one_that_fails(void **state)
{
    bool is_new;

    (void)state;
    want("a");
    answer(200, "<html>");
    assert_false(is_kept(&is_new));
    fake_skip();
    want("a"); // at once again
    fake_expect(GET);
    answer(200, ONE);
    fake_expect("a got 32 bytes, the first is 0");
}

static void test_who_goes_hears_nothing(void **state)
{
    struct keys_wait *one = want("a"), *other = want("b");
    bool is_new;

    (void)state;
    want("c");
    keys_wait_cancel(&other);
    assert_null(other);
    answer(200, ONE);
    fake_expect(GET);
    fake_expect("c got 32 bytes, the first is 0");
    fake_expect("a got 32 bytes, the first is 0");
    fake_clock_pass_ms(DAY_MS);
    one = want("a");
    other = want("b");
    keys_wait_cancel(&one);
    assert_int_equal(fake_count_waiting("http"), 1);
    keys_wait_cancel(&other);
    assert_int_equal(fake_count_waiting("http"), 0); // nobody wants it any more
    fake_late();
    assert_false(is_kept(&is_new));
    want("c"); // that was that fetch
    fake_skip();
    answer(200, ONE);
    fake_expect("c got 32 bytes, the first is 0");
}

static void test_what_is_asked(void **state)
{
    const struct http_options *options;

    (void)state;
    want("a");
    options = fake_http_options(fake_waiting("http"));
    assert_int_equal(options->timeout_ms, 5000);
    assert_int_equal(options->max_body_bytes, 65536);
    answer(200, ONE);
    fake_skip();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_fetch_for_all),      TEST(test_how_long_they_are_kept),
        TEST(test_another_fetch),          TEST(test_a_first_one_that_fails),
        TEST(test_who_goes_hears_nothing), TEST(test_what_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
