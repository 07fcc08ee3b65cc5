// The dispatcher and its attempts, against a store, an HTTP client and a loop that do nothing by
// themselves.
#include "webhook/dispatcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/store/deliveries.h"
#include "tests/support/check.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_redis.h"
#include "tests/support/fake_store.h"
#include "webhook/seats.h"
#include "webhook/sign.h"

enum { TIMEOUT_MS = 5000 };

#define CLAIM(serial) "deliveries serial=" #serial " quick=100 slow=32"

static int64_t delays_ms[] = {10000, 30000};
static struct config config = {
    .webhook = {.timeout_ms = TIMEOUT_MS, .retry_delays_ms = delays_ms, .retry_count = 2}};
static struct sign_keys keys;
static struct loop *loop;
static struct dispatcher *dispatcher;

static int set_up(void **state)
{
    static const char *const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    struct delivery_sender sender = {.config = &config, .keys = &keys};
    struct err err;

    (void)state;
    assert_true(sign_keys_parse(&keys, &secret, 1, &err));
    sender.http = fake_http_client();
    log_threshold = LOG_NOTHING;
    loop = loop_new();
    dispatcher = dispatcher_start(loop, fake_store(&config), "redis://nowhere", &sender);
    fake_expect("subscribe {spool}:ring");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dispatcher_drop(&dispatcher);
    fake_late();
    fake_end();
    sign_keys_clear(&keys);
    loop_free(loop);
    return 0;
}

static struct delivery *delivery_of(const char *task, int number, int tries)
{
    struct delivery *delivery = mem_new(struct delivery);

    delivery->task = fake_task(task, "dev", TASK_SUCCEEDED);
    delivery->task->family = mem_str("midjourney");
    delivery->task->provider = mem_str("midjourney");
    delivery->task->action = mem_str("IMAGINE");
    delivery->task->request = mem_str("{}");
    delivery->task->hook = mem_str("https://hook.example/1");
    delivery->receiver = mem_str("hook.example:443");
    delivery->number = number;
    delivery->tries = tries;
    return delivery;
}

// The claim that waits gets one delivery, which leaves.
static void give(const char *task, int number, int tries)
{
    struct fake_call *claim = fake_waiting("deliveries");

    fake_deliveries_give(claim, delivery_of(task, number, tries));
    fake_deliveries_done(claim, 1, -1, false);
}

static void ring(void)
{
    fake_redis_publish("{spool}:ring", "task_1");
}

static void test_a_ring_a_claim_an_attempt(void **state)
{
    (void)state;
    ring();
    fake_expect(CLAIM(1));
    give("task_1", 1, 0);
    fake_expect("http POST https://hook.example/1");
    fake_http_answer(fake_waiting("http"), 204, NULL, NULL);
    fake_expect("finish task_1 n=1 delivered status=204");
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1); // after the result
    fake_expect(CLAIM(2));
}

// From the change to its arrival, however many attempts that takes.
static void test_how_long_it_took_is_observed(void **state)
{
    static const struct {
        const char *name;
        int64_t age_ms; // -1: it is sent once more
        int tries, status;
        const char *line; // of the metrics, after it
    } cases[] = {
        {"the first attempt", 2000, 0, 200, "_sum{provider=\"midjourney\",stage=\"webhook\"} 2\n"},
        {"one that fails", 5000, 0, 500, "_sum{provider=\"midjourney\",stage=\"webhook\"} 2\n"},
        {"another attempt", 15000, 1, 200, "_sum{provider=\"midjourney\",stage=\"webhook\"} 17\n"},
        {"once more", -1, 0, 200, "_count{provider=\"midjourney\",stage=\"webhook\"} 2\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delivery *delivery = delivery_of("task_1", 2, cases[i].tries);
        struct fake_call *claim;
        struct buf text = {0};

        delivery->made_ms = cases[i].age_ms < 0 ? 0 : clock_wall_ms() - cases[i].age_ms;
        ring();
        claim = fake_waiting("deliveries");
        fake_deliveries_give(claim, delivery);
        fake_deliveries_done(claim, 1, -1, false);
        fake_http_answer(fake_waiting("http"), cases[i].status, NULL, NULL);
        metrics_write(&text);
        if (strstr(text.data, cases[i].line) == NULL)
            fail_msg("%s: %s", cases[i].name, text.data);
        buf_clear(&text);
        tear_down(state);
        set_up(state);
    }
}

static void test_what_an_answer_means(void **state)
{
    static const struct {
        const char *name;
        int status; // 0: none
        enum err_code failure;
        bool nothing_sent;
        int tries;
        const char *headers, *line;
    } cases[] = {
        {"delivered", 299, 0, false, 0, NULL, "finish task_1 n=2 delivered status=299"},
        {"refused", 500, 0, false, 0, NULL,
         "finish task_1 n=2 retry delay=10000 status=500 error=the receiver answered 500"},
        {"refused again", 500, 0, false, 1, NULL,
         "finish task_1 n=2 retry delay=30000 status=500 error=the receiver answered 500"},
        {"asked to wait", 429, 0, false, 0, "retry-after: 15\n",
         "finish task_1 n=2 retry delay=15000 status=429 error=the receiver answered 429"},
        {"the last time", 302, 0, false, 2, NULL,
         "finish task_1 n=2 exhausted status=302 error=the receiver answered 302"},
        {"enough", 410, 0, false, 0, NULL,
         "finish task_1 n=2 ended status=410 error=the receiver answered 410"},
        {"silence", 0, ERR_TIMEOUT, false, 0, NULL,
         "finish task_1 n=2 retry delay=10000 silent error=no answer within 5000 ms"},
        {"nobody there", 0, ERR_UPSTREAM, true, 0, NULL,
         "finish task_1 n=2 retry delay=10000 error=the receiver can't be reached"},
        {"refused by us", 0, ERR_REFUSED, false, 0, NULL,
         "finish task_1 n=2 retry delay=10000 error=the receiver can't be reached"},
        {"cut off", 0, ERR_UPSTREAM, false, 0, NULL,
         "finish task_1 n=2 retry delay=10000 error=the connection broke before the answer"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        ring();
        give("task_1", 2, cases[i].tries);
        fake_skip();
        if (cases[i].status != 0)
            fake_http_answer(fake_waiting("http"), cases[i].status, cases[i].headers, "x");
        else
            fake_http_fail(fake_waiting("http"), cases[i].failure, cases[i].nothing_sent);
        fake_expect(cases[i].line);
        tear_down(state);
        set_up(state);
    }
}

// It is rendered once: a later attempt sends what the first one sent.
static void test_the_body_of_an_earlier_attempt(void **state)
{
    struct delivery *delivery = delivery_of("task_1", 2, 1);
    const struct http_request *request;
    struct fake_call *claim;

    (void)state;
    delivery->body = mem_str("{\"as\":\"it was\"}");
    delivery->is_body_kept = true;
    ring();
    claim = fake_waiting("deliveries");
    fake_deliveries_give(claim, delivery);
    fake_deliveries_done(claim, 1, -1, false);
    request = fake_http_request(fake_waiting("http"));
    assert_string_equal(buf_text(&request->body), "{\"as\":\"it was\"}");
    fake_skip();
}

// The head is the answer; what follows it may be endless.
static void test_an_endless_body(void **state)
{
    char piece[4097];

    (void)state;
    memset(piece, 'x', sizeof piece - 1);
    piece[sizeof piece - 1] = '\0';
    ring();
    give("task_1", 1, 0);
    fake_skip();
    for (int i = 0; i < 100 && fake_count("finish") == 0; i++)
        fake_http_piece(fake_waiting("http"), 200, piece);
    fake_expect("finish task_1 n=1 delivered status=200");
    assert_int_equal(fake_count_waiting("http"), 0);
}

static void test_it_says_what_is_in_flight(void **state)
{
    const struct delivery_limits *limits;

    (void)state;
    ring();
    give("task_1", 1, 0);
    ring();
    fake_expect(CLAIM(1));
    fake_expect("http POST https://hook.example/1");
    fake_expect(CLAIM(2));
    limits = fake_deliveries_limits(fake_waiting("deliveries"));
    assert_int_equal(limits->key_count, 1);
    assert_int_equal(limits->receiver_count, 1);
}

static void test_an_answer_that_comes_too_late_is_handed_back(void **state)
{
    (void)state;
    ring();
    fake_expect(CLAIM(1));
    fake_clock_pass_ms(4000);
    give("task_1", 1, 0);
    fake_expect("finish task_1 n=1 later");
    fake_expect_nothing();
}

static void test_when_it_asks_again(void **state)
{
    static const struct {
        const char *name;
        size_t count;
        int64_t next_ms;
        bool is_short;
        int64_t wait_ms; // until it asks
    } cases[] = {
        {"there is more to sort", 0, 0, false, 0},
        {"there may be more", SEATS_AT_ONCE, 700, false, 0},
        {"the next is due", 0, 300, false, 300},
        {"some wait for a place", 0, 300, true, 2 * TIMEOUT_MS / SEATS_SLOW},
        {"nothing soon: the heartbeat", 0, 5000, false, 1000},
        {"nothing at all", 0, -1, false, 1000},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        ring();
        fake_skip();
        fake_deliveries_done(fake_waiting("deliveries"), cases[i].count, cases[i].next_ms,
                             cases[i].is_short);
        if (cases[i].wait_ms > 0) {
            fake_loop_run_ms(loop, cases[i].wait_ms - 1);
            fake_expect_nothing();
            fake_loop_run_ms(loop, 1);
        }
        assert_int_equal(fake_count_waiting("deliveries"), 1);
        tear_down(state);
        set_up(state);
    }
}

static void test_one_claim_at_a_time(void **state)
{
    (void)state;
    ring();
    ring();
    dispatcher_wake(dispatcher);
    fake_expect(CLAIM(1));
    fake_expect_nothing();
    fake_deliveries_done(fake_waiting("deliveries"), 0, -1, false);
    fake_expect(CLAIM(2)); // somebody rang meanwhile
    fake_deliveries_done(fake_waiting("deliveries"), 0, -1, false);
    fake_expect_nothing();
}

static void test_where_nothing_is_in_flight_it_beats_rarely(void **state)
{
    (void)state;
    fake_skip();
    fake_loop_run_ms(loop, 1000);
    fake_expect(CLAIM(1));
    fake_deliveries_done(fake_waiting("deliveries"), 0, -1, false);
    fake_loop_run_ms(loop, 3999);
    fake_expect_nothing();
    fake_loop_run_ms(loop,
                     1); // as often as the process says that it is there, and together with it
    fake_expect(CLAIM(2));
    fake_deliveries_done(fake_waiting("deliveries"), 0, -1, false);
    fake_loop_run_ms(loop, 4999);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1);
    fake_expect(CLAIM(3));
    give("task_1", 1, 0);
    fake_skip();
    fake_loop_run_ms(loop, 5000);
    fake_skip();
    fake_deliveries_done(fake_waiting("deliveries"), 1, -1, false);
    fake_loop_run_ms(loop, 1000);
    assert_int_equal(fake_count_waiting("deliveries"), 1);
}

static void test_nothing_is_claimed_without_redis(void **state)
{
    (void)state;
    fake_store_set_up(false);
    ring();
    fake_loop_run_ms(loop, 5000);
    fake_expect_nothing();
}

static void test_a_drain_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    ring();
    give("task_1", 1, 0);
    ring();
    assert_false(dispatcher_drain(dispatcher));
    fake_skip();
    give("task_2", 1, 0); // of the claim that was under way
    fake_expect("finish task_2 n=1 later");
    assert_false(dispatcher_drain(dispatcher));
    fake_http_answer(fake_waiting("http"), 200, NULL, NULL);
    fake_expect("finish task_1 n=1 delivered status=200");
    assert_true(dispatcher_drain(dispatcher));
    fake_loop_run_ms(loop, 5000);
    fake_expect_nothing();
}

// What a lost answer gave is ours while its lease lasts; then it is somebody else's.
static void test_a_lost_answer_is_asked_for_again(void **state)
{
    struct err away;

    (void)state;
    err_set(&away, ERR_UNAVAILABLE, "Redis is away");
    ring();
    fake_expect(CLAIM(1));
    fake_waiting("deliveries")->lose(fake_waiting("deliveries"), &away);
    fake_loop_run_ms(loop, 1000);
    fake_expect(CLAIM(1));
    give("task_1", 1, 0);
    fake_expect("http POST https://hook.example/1");
    ring();
    fake_expect(CLAIM(2));
    fake_waiting("deliveries")->lose(fake_waiting("deliveries"), &away);
    fake_clock_pass_ms(TIMEOUT_MS + 5000);
    ring();
    assert_int_equal(fake_count("deliveries serial=3 "), 1);
}

// Dropped at every step, then every late answer comes: nothing is stored, sent or leaked.
static void test_dropped_at_every_step(void **state)
{
    for (int steps = 0; steps < 6; steps++) {
        struct fake_call *claim;

        if (steps > 0)
            ring();
        claim = steps > 0 ? fake_waiting("deliveries") : NULL;
        if (steps > 1)
            fake_deliveries_give(claim, delivery_of("task_1", 1, 0));
        if (steps > 2)
            fake_deliveries_done(claim, 1, 500, true);
        if (steps > 3)
            fake_http_fail(fake_waiting("http"), ERR_TIMEOUT, false);
        if (steps > 4)
            fake_loop_run_ms(loop, 1000);
        fake_skip();
        dispatcher_drop(&dispatcher);
        fake_late();
        if (claim != NULL)
            fake_deliveries_give(claim, delivery_of("task_2", 1, 0));
        ring();
        fake_loop_run_ms(loop, 60000);
        fake_expect_nothing();
        tear_down(state);
        set_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_ring_a_claim_an_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_how_long_it_took_is_observed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_an_answer_means, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_body_of_an_earlier_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_endless_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_says_what_is_in_flight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_answer_that_comes_too_late_is_handed_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_when_it_asks_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_claim_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_where_nothing_is_in_flight_it_beats_rarely, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_claimed_without_redis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_drain_waits_for_what_is_in_flight, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_lost_answer_is_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_at_every_step, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
