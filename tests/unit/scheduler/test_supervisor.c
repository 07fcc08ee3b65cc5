// What a supervisor hears, and when: the watchdog most of all.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/loop/loop.h"
#include "scheduler/supervisor.h"
#include "tests/support/check.h"
#include "tests/support/fake_loop.h"
#include "tests/support/listener.h"

static struct listener listener;
static struct loop *loop;
static struct supervisor *supervisor;
static int64_t beaten_ms; // when the slowest loop turned last; -1: it turns all the time

static const char *stuck(void *ctx, int64_t silent_ms)
{
    (void)ctx;
    return beaten_ms >= 0 && clock_mono_ms() - beaten_ms > silent_ms ? "worker" : NULL;
}

static int set_up(void **state)
{
    (void)state;
    beaten_ms = -1;
    loop = loop_new();
    listener_open(&listener);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    supervisor_drop(&supervisor);
    assert_null(supervisor);
    listener_close(&listener);
    assert_true(loop_free(loop));
    return 0;
}

static void start(const char *watchdog_us)
{
    if (watchdog_us != NULL)
        setenv("WATCHDOG_USEC", watchdog_us, 1);
    supervisor = supervisor_start(loop, stuck, NULL);
}

static void expect(const char *wanted)
{
    char text[512];

    if (!listener_take(&listener, text, sizeof text) || strcmp(text, wanted) != 0)
        fail_msg("\"%s\" instead of \"%s\"", text, wanted);
}

static void expect_nothing(void)
{
    char text[512];

    if (listener_take(&listener, text, sizeof text))
        fail_msg("\"%s\" instead of nothing", text);
}

static void test_states(void **state)
{
    char wanted[200];

    (void)state;
    start(NULL);
    assert_int_equal(supervisor_beat_ms(supervisor), 0);
    fake_loop_run_ms(loop, 60000);
    expect_nothing(); // not before all roles serve
    supervisor_ready(supervisor, "listening on %s", "http://[::1]:8080");
    expect("READY=1\nSTATUS=listening on http://[::1]:8080");
    snprintf(wanted, sizeof wanted,
             "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration again",
             (long long)clock_mono_us());
    supervisor_reloading(supervisor);
    expect(wanted);
    supervisor_ready(supervisor, "refused: %s", "line 1\nWATCHDOG=1\rSTOPPING=1");
    expect("READY=1\nSTATUS=refused: line 1 WATCHDOG=1 STOPPING=1");
    supervisor_stopping(supervisor, 40000);
    expect("STOPPING=1\nEXTEND_TIMEOUT_USEC=40000000\nSTATUS=finishing what is under way");
    fake_loop_run_ms(loop, 60000);
    expect_nothing();
}

static void test_all_loops_turn(void **state)
{
    (void)state;
    start("30000000");
    assert_in_range(supervisor_beat_ms(supervisor), 1, 30000 / 8);
    fake_loop_run_ms(loop, 60000);
    expect_nothing();
    supervisor_ready(supervisor, "fine");
    expect("READY=1\nSTATUS=fine");
    expect("WATCHDOG=1");
    for (int i = 0; i < 10; i++) {
        fake_loop_run_ms(loop, 14990);
        expect_nothing();
        fake_loop_run_ms(loop, 10);
        expect("WATCHDOG=1");
        if (i % 3 == 0) { // news don't disturb it
            supervisor_ready(supervisor, "fine");
            expect("READY=1\nSTATUS=fine");
        }
    }
    supervisor_stopping(supervisor, 10000);
    expect("STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000\nSTATUS=finishing what is under way");
    fake_loop_run_ms(loop, 15000);
    expect("WATCHDOG=1"); // a drain may take long
}

static void test_one_is_stuck(void **state)
{
    (void)state;
    start("8000000");
    supervisor_ready(supervisor, "fine");
    expect("READY=1\nSTATUS=fine");
    expect("WATCHDOG=1");
    beaten_ms = clock_mono_ms();
    fake_loop_run_ms(loop, 60000);
    expect_nothing();
    beaten_ms = clock_mono_ms(); // it was only busy: we needn't wait for another half
    fake_loop_run_ms(loop, 1000);
    expect("WATCHDOG=1");
    beaten_ms = -1;
    fake_loop_run_ms(loop, 4000);
    expect("WATCHDOG=1");
    expect_nothing();
}

static void test_no_room(void **state)
{
    char text[64];
    int sent = 0;

    (void)state;
    start(NULL);
    // Until one is kept back for want of room.
    for (; sent < 100000 && fake_loop_timers(loop) == 0; sent++)
        supervisor_ready(supervisor, "%d", sent);
    assert_in_range(sent, 2, 99999);
    supervisor_stopping(supervisor, 1000);
    while (listener_take(&listener, text, sizeof text))
        ;
    fake_loop_run_ms(loop, 1000);
    // What was to be said last, once.
    expect("STOPPING=1\nEXTEND_TIMEOUT_USEC=1000000\nSTATUS=finishing what is under way");
    expect_nothing();
}

static void test_without_one(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    start("30000000");
    assert_int_equal(supervisor_beat_ms(supervisor), 0);
    supervisor_ready(supervisor, "fine");
    supervisor_reloading(supervisor);
    supervisor_stopping(supervisor, 1000);
    assert_int_equal(fake_loop_timers(loop), 0);
    expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_loops_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_is_stuck, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_one, set_up, tear_down),
    };

    log_threshold = LOG_NOTHING;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
