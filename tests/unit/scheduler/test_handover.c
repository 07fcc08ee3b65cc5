// Connections on their way from a front door to the realtime loop, against a loop that turns when
// it is told to; and from several threads at once.
#include "scheduler/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/metrics.h"
#include "scheduler/holds.h"
#include "tests/support/check.h"
#include "tests/support/fake_loop.h"

enum { THREADS = 4, EACH = 200 };

static struct loop *loop;
static struct handover *handover;
static struct holds *holds;
static unsigned calls;

static void on_arrivals(void *ctx)
{
    (void)ctx;
    calls++;
}

static struct arrival *make(enum arrival_kind kind, const char *request)
{
    struct arrival *arrival = arrival_new(kind);

    assert_true(holds_take(holds, "key"));
    arrival->owner = "key";
    arrival->holds = holds_share(holds);
    arrival->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    snprintf(arrival->request, sizeof arrival->request, "%s", request);
    return arrival;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    handover = handover_new();
    holds = holds_new(10000);
    calls = 0;
    return 0;
}

// Whatever became of them: places, counts and descriptors are given back.
static int tear_down(void **state)
{
    (void)state;
    handover_free(&handover);
    assert_int_equal(holds_taken(holds), 0);
    assert_int_equal(holds_streams(holds), 0);
    assert_int_equal(metric_get(METRIC_websocket_connections), 0);
    holds_leave(&holds);
    assert_true(loop_free(loop));
    return 0;
}

static void test_in_order_and_once(void **state)
{
    struct arrival *first, *second;

    (void)state;
    handover_open(handover, loop, on_arrivals, NULL);
    assert_true(handover_is_open(handover));
    handover_send(handover, make(ARRIVAL_WEBSOCKET, "one"));
    handover_send(handover, make(ARRIVAL_STREAM, "two"));
    assert_int_equal(metric_get(METRIC_websocket_connections), 1);
    assert_int_equal(holds_streams(holds), 1);
    fake_loop_turn(loop);
    assert_int_equal(calls, 1);
    first = handover_take(handover);
    second = first->next;
    assert_string_equal(first->request, "one");
    assert_string_equal(second->request, "two");
    assert_null(second->next);
    assert_null(handover_take(handover));
    handover_send(handover, make(ARRIVAL_STREAM, "three"));
    fake_loop_turn(loop);
    assert_int_equal(calls, 2);
    arrival_free(first);
    arrival_free(second);
    // The third is left in it.
}

static bool is_open_file(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

static void test_nobody_is_there_any_more(void **state)
{
    struct arrival *arrival;
    int fd;

    (void)state;
    assert_false(handover_is_open(handover)); // nor was anybody yet
    handover_open(handover, loop, on_arrivals, NULL);
    handover_send(handover, make(ARRIVAL_WEBSOCKET, "in time"));
    handover_close(handover);
    assert_false(handover_is_open(handover));
    arrival = make(ARRIVAL_WEBSOCKET, "too late");
    fd = arrival->fd;
    handover_send(handover, arrival);
    assert_false(is_open_file(fd));
    assert_int_equal(metric_get(METRIC_websocket_connections), 1);
    arrival = handover_take(handover);
    assert_string_equal(arrival->request, "in time");
    assert_null(arrival->next);
    fd = arrival->fd;
    arrival_free(arrival);
    assert_false(is_open_file(fd));
}

static void test_the_last_front_door(void **state)
{
    (void)state;
    handover_enter(handover);
    handover_enter(handover);
    handover_leave(handover);
    assert_false(handover_is_over(handover));
    handover_leave(handover);
    assert_true(handover_is_over(handover));
}

// Who takes a connection over keeps what it takes out.
static void test_what_has_gone_on_is_left_alone(void **state)
{
    struct arrival *arrival = make(ARRIVAL_STREAM, "goes on");
    int fd = arrival->fd;
    struct holds *share = arrival->holds;

    (void)state;
    arrival->fd = -1;
    arrival->holds = NULL;
    arrival_free(arrival);
    assert_true(is_open_file(fd));
    assert_int_equal(holds_taken(holds), 1);
    close(fd);
    holds_give(share, "key");
    holds_leave(&share);
}

static void *send_many(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < EACH; i++) {
        struct arrival *arrival = arrival_new(i % 2 ? ARRIVAL_STREAM : ARRIVAL_WEBSOCKET);

        while (!holds_take(holds, "key"))
            ;
        arrival->owner = "key";
        arrival->holds = holds_share(holds);
        handover_send(handover, arrival);
    }
    return NULL;
}

static void test_from_several_threads(void **state)
{
    pthread_t threads[THREADS];
    unsigned count = 0;

    (void)state;
    handover_open(handover, loop, on_arrivals, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, NULL), 0);
    while (count < THREADS * EACH / 2) { // the others are left in it
        struct arrival *next;

        for (struct arrival *arrival = handover_take(handover); arrival != NULL; arrival = next) {
            next = arrival->next;
            arrival_free(arrival);
            count++;
        }
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order_and_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_is_there_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_front_door, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_has_gone_on_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_from_several_threads, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
