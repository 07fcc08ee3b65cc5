// Requests to vendors' accounts and their tokens, against an HTTP client that sends nothing.
#include "workers/vendor.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "providers/provider.h"
#include "providers/token.h"
#include "tests/support/check.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"

enum { CALLS = 3, RENEW_MS = 60000 };

#define ASK "http POST https://vendor.example/token"
#define SEND "http POST https://vendor.example/jobs"

// A vendor that is asked for its tokens.

static int64_t began_ms; // by the wall clock

static bool build_token(const struct account *account, int64_t now_ms, struct token *token,
                        struct http_request *request, struct err *err)
{
    (void)account;
    (void)now_ms;
    (void)token;
    (void)err;
    request->method = HTTP_POST_;
    request->url = mem_str("https://vendor.example/token");
    return true;
}

static bool read_token(const struct http_response *response, int64_t now_ms, struct token *token,
                       struct err *err)
{
    if (response->status != 200)
        return err_set(err, ERR_AUTH, "no token");
    token->text = mem_str(buf_text(&response->body));
    token->renew_ms = now_ms + RENEW_MS;
    return true;
}

static bool is_token_refused(const struct http_response *response)
{
    return response->status == 401;
}

// A vendor whose requests are signed: with the second that they leave in.
static bool sign(const struct account *account, int64_t now_ms, struct http_request *request,
                 struct err *err)
{
    char when[24];

    if (strcmp(account->name, "broken") == 0)
        return err_set(err, ERR_CONFIG, "can't be signed");
    snprintf(when, sizeof when, "%lld", (long long)(now_ms - began_ms));
    http_add_header(request, "X-Date", when);
    return true;
}

static const char *const inline_keys[] = {"file", NULL};
static const struct dialect asked = {
    .build_token = build_token, .read_token = read_token, .is_token_refused = is_token_refused};
static const struct dialect inlined = {.inline_keys = inline_keys};
static const struct dialect signed_too = {.build_token = build_token,
                                          .read_token = read_token,
                                          .is_token_refused = is_token_refused,
                                          .sign = sign};

static struct account accounts[] = {{.name = "a", .dialect = &asked},
                                    {.name = "i", .dialect = &inlined},
                                    {.name = "s", .dialect = &signed_too},
                                    {.name = "broken", .dialect = &signed_too}};
static struct config config = {.accounts = accounts,
                               .account_count = sizeof accounts / sizeof accounts[0]};
static struct loop *loop;
static struct http_client *http;
static struct vendors *vendors;
static struct vendor_call *calls[CALLS];
static struct buf told; // "0: 200 yes; 1: timeout, nothing sent; "
static bool may_send;

static void on_done(void *ctx, const struct http_response *response,
                    const struct http_failure *failure)
{
    struct vendor_call **call = ctx;

    *call = NULL;
    buf_fmt(&told, "%d: ", (int)(call - calls));
    if (failure == NULL)
        buf_fmt(&told, "%d %s; ", response->status, buf_text(&response->body));
    else
        buf_fmt(&told, "%s%s; ", err_name(failure->err.code),
                failure->nothing_sent ? ", nothing sent" : "");
}

static void check_told(const char *expected)
{
    if (strcmp(buf_text(&told), expected) != 0)
        fail_msg("expected \"%s\", heard \"%s\"", expected, buf_text(&told));
    buf_reset(&told);
}

static bool ask_may_send(void *ctx)
{
    (void)ctx;
    return may_send;
}

static bool on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    (void)ctx;
    buf_fmt(&told, "piece %d %.*s; ", head->status, (int)len, (const char *)data);
    return true;
}

static void start(int i, bool wants_token)
{
    struct http_request request = {.method = HTTP_POST_, .wants_token = wants_token};
    struct vendor_options options = {.http = {.ctx = &calls[i]}, .may_send = ask_may_send};

    request.url = mem_str("https://vendor.example/jobs");
    buf_str(&request.body, "{}");
    calls[i] = vendor_start(vendors, &accounts[0], &request, &options, on_done);
}

static int set_up(void **state)
{
    (void)state;
    may_send = true;
    began_ms = clock_wall_ms();
    log_threshold = LOG_NOTHING;
    loop = loop_new();
    http = http_client_new(loop, "test");
    vendors = vendors_new(loop, http, &config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < CALLS; i++)
        vendor_cancel(&calls[i]);
    vendors_drop(&vendors);
    fake_late();
    fake_end();
    buf_clear(&told);
    loop_free(loop);
    return 0;
}

static void test_without_a_token(void **state)
{
    (void)state;
    start(0, false);
    fake_expect(SEND);
    fake_http_answer(fake_waiting(SEND), 200, NULL, "yes");
    check_told("0: 200 yes; ");
}

static const char *bearer_of(const struct fake_call *call)
{
    return buf_text(&fake_http_request(call)->headers);
}

static void test_a_token_is_asked_for_once(void **state)
{
    (void)state;
    start(0, true);
    start(1, true);
    fake_expect(ASK);
    fake_expect_nothing();
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
    fake_expect(SEND);
    fake_expect(SEND);
    assert_string_equal(bearer_of(fake_waiting(SEND)), "Authorization: Bearer t-1\n");
    fake_http_answer(fake_waiting(SEND), 200, NULL, "yes");
    fake_http_answer(fake_waiting(SEND), 200, NULL, "yes");
    check_told("1: 200 yes; 0: 200 yes; ");
    start(2, true); // it is kept
    fake_expect(SEND);
    fake_http_answer(fake_waiting(SEND), 200, NULL, "yes");
    fake_loop_run_ms(loop, RENEW_MS); // but not for ever
    start(2, true);
    fake_expect(ASK);
}

static void test_no_token_to_be_had(void **state)
{
    (void)state;
    start(0, true);
    start(1, true);
    fake_http_answer(fake_waiting(ASK), 403, NULL, NULL);
    check_told(""); // not from inside
    fake_loop_run_ms(loop, 0);
    check_told("1: invalid_api_key, nothing sent; 0: invalid_api_key, nothing sent; ");
    assert_int_equal(fake_count(SEND), 0);
    start(2, true);
    fake_http_fail(fake_waiting(ASK), ERR_TIMEOUT, false);
    fake_loop_run_ms(loop, 0);
    check_told("2: timeout, nothing sent; ");
}

static void test_a_refused_token_is_made_anew_once(void **state)
{
    (void)state;
    start(0, true);
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
    fake_http_answer(fake_waiting(SEND), 401, NULL, "no");
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-2");
    assert_string_equal(bearer_of(fake_waiting(SEND)), "Authorization: Bearer t-2\n");
    fake_http_answer(fake_waiting(SEND), 401, NULL, "no");
    check_told("0: 401 no; ");
    assert_int_equal(fake_count(ASK), 2);
}

// Somebody else has got another one since.
static void test_a_refusal_of_an_old_token(void **state)
{
    struct fake_call *first;

    (void)state;
    start(0, true);
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
    first = fake_waiting(SEND);
    fake_loop_run_ms(loop, RENEW_MS);
    start(1, true);
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-2");
    fake_http_answer(first, 401, NULL, "no");
    assert_int_equal(fake_count(ASK), 2);
    assert_int_equal(fake_count_waiting(SEND), 2);
}

static void test_too_late_to_be_sent(void **state)
{
    (void)state;
    start(0, true);
    may_send = false;
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
    fake_loop_run_ms(loop, 0);
    check_told("0: timeout, nothing sent; ");
    assert_int_equal(fake_count(SEND), 0);
}

static void test_too_late_when_the_connection_stands(void **state)
{
    const struct http_options *options;

    (void)state;
    start(0, false);
    options = fake_http_options(fake_waiting(SEND));
    assert_true(options->on_begin(options->ctx));
    may_send = false;
    assert_false(options->on_begin(options->ctx));
}

static void test_pieces_are_the_caller_s_but_for_a_refusal(void **state)
{
    struct http_request request = {.wants_token = true};
    struct vendor_options options = {.http = {.ctx = &calls[0], .on_data = on_data}};

    (void)state;
    request.url = mem_str("https://vendor.example/jobs");
    calls[0] = vendor_start(vendors, &accounts[0], &request, &options, on_done);
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
    fake_http_answer(fake_waiting("http GET"), 401, NULL, "no");
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-2");
    fake_http_answer(fake_waiting("http GET"), 200, NULL, "yes");
    check_told("piece 200 yes; 0: 200 ; ");
}

static size_t on_source(void *ctx, char *to, size_t max)
{
    static const char bytes[] = {'b', 'y', 't', 'e', 's'};

    assert_ptr_equal(ctx, &calls[1]);
    assert_int_equal(max, 7);
    memcpy(to, bytes, sizeof bytes);
    return sizeof bytes;
}

static void test_a_body_bit_by_bit(void **state)
{
    struct http_request request = {.method = HTTP_POST_};
    struct vendor_options options = {
        .http = {.ctx = &calls[1], .on_source = on_source, .source_bytes = 500}};
    char got[7];

    (void)state;
    request.url = mem_str("https://vendor.example/jobs");
    calls[1] = vendor_start(vendors, &accounts[0], &request, &options, on_done);
    fake_expect(SEND);
    assert_int_equal(fake_http_options(fake_waiting(SEND))->source_bytes, 500);
    assert_int_equal(fake_http_source(fake_waiting(SEND), got, sizeof got), 5);
    assert_memory_equal(got, "bytes", 5);
    fake_http_answer(fake_waiting(SEND), 200, NULL, "yes");
    check_told("1: 200 yes; ");
}

static void test_files_are_left_out_of_answers(void **state)
{
    struct http_request request = {0};
    struct vendor_options options = {.http = {.ctx = &calls[0]}};

    (void)state;
    request.url = mem_str("https://vendor.example/jobs");
    calls[0] = vendor_start(vendors, &accounts[1], &request, &options, on_done);
    fake_http_answer(fake_waiting("http GET"), 200, NULL, "{\"file\":\"aGVsbG8=\",\"n\":1}");
    assert_null(strstr(buf_text(&told), "aGVsbG8="));
    assert_non_null(strstr(buf_text(&told), "\"n\":1}"));
}

static void start_signed(int account, bool wants_token)
{
    struct http_request request = {
        .method = HTTP_POST_, .wants_token = wants_token, .wants_signature = true};
    struct vendor_options options = {.http = {.ctx = &calls[0]}};

    request.url = mem_str("https://vendor.example/jobs");
    calls[0] = vendor_start(vendors, &accounts[account], &request, &options, on_done);
}

// A signature says when the request left, not when it was built.
static void test_signed_as_it_leaves(void **state)
{
    (void)state;
    start_signed(2, false);
    assert_string_equal(bearer_of(fake_waiting(SEND)), "X-Date: 0\n");
    fake_http_answer(fake_waiting(SEND), 200, NULL, "yes");
    start_signed(2, true);
    fake_clock_pass_ms(3000);
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
    assert_string_equal(bearer_of(fake_waiting(SEND)), "Authorization: Bearer t-1\nX-Date: 3000\n");
    fake_clock_step_wall_ms(60000);
    fake_http_answer(fake_waiting(SEND), 401, NULL, "no");
    fake_http_answer(fake_waiting(ASK), 200, NULL, "t-2");
    assert_string_equal(bearer_of(fake_waiting(SEND)), // the second time, too
                        "Authorization: Bearer t-2\nX-Date: 63000\n");
}

static void test_only_what_wants_a_signature_is_signed(void **state)
{
    struct http_request request = {.method = HTTP_POST_};
    struct vendor_options options = {.http = {.ctx = &calls[0]}};

    (void)state;
    request.url = mem_str("https://vendor.example/jobs");
    calls[0] = vendor_start(vendors, &accounts[2], &request, &options, on_done);
    assert_string_equal(bearer_of(fake_waiting(SEND)), "");
}

static void test_no_signature_to_be_made(void **state)
{
    (void)state;
    start_signed(3, false);
    check_told(""); // not from inside
    fake_loop_run_ms(loop, 0);
    check_told("0: config_error, nothing sent; ");
    assert_int_equal(fake_count(SEND), 0);
}

// Cancelled at every step, then every late answer comes: nobody hears it, nothing leaks.
static void test_cancelled_at_every_step(void **state)
{
    for (int steps = 0; steps < 7; steps++) {
        start(0, true);
        start(1, true);
        if (steps > 0)
            fake_http_answer(fake_waiting(ASK), 200, NULL, "t-1");
        if (steps > 1)
            fake_http_answer(fake_waiting(SEND), 401, NULL, "no");
        if (steps > 2)
            fake_http_answer(fake_waiting(SEND), 401, NULL, "no");
        if (steps > 3)
            fake_http_fail(fake_waiting(ASK), ERR_TIMEOUT, false);
        if (steps > 4)
            start(2, true);
        if (steps > 5)
            fake_http_answer(fake_waiting(ASK), 500, NULL, "no");
        for (int i = 0; i < CALLS; i++)
            vendor_cancel(&calls[i]);
        fake_late();
        fake_loop_run_ms(loop, 2 * RENEW_MS);
        check_told("");
        tear_down(state);
        set_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_without_a_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_token_is_asked_for_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_token_to_be_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_refused_token_is_made_anew_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_refusal_of_an_old_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_late_to_be_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_late_when_the_connection_stands, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_pieces_are_the_caller_s_but_for_a_refusal, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_body_bit_by_bit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_are_left_out_of_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signed_as_it_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_what_wants_a_signature_is_signed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_no_signature_to_be_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled_at_every_step, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
