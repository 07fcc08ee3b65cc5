// Seats: who may have how many deliveries in flight.
#include "webhook/seats.h"

#include "core/store/deliveries.h"
#include "tests/support/check.h"

enum { TIMEOUT_MS = 5000, NOW_MS = 1000000 };

static struct delivery_limits limits_at(struct seats *seats, int64_t now_ms)
{
    struct delivery_limits limits;

    seats_limits(seats, now_ms, &limits);
    return limits;
}

static void test_a_key_leaves_half_of_what_is_free(void **state)
{
    struct seats *seats = seats_new(TIMEOUT_MS);
    struct seat *taken[SEATS_QUICK];
    int count = 0;

    (void)state;
    for (;;) {
        struct delivery_limits limits = limits_at(seats, NOW_MS);
        int more = limits.key_count == 0 ? limits.of_each.quick : limits.keys[0].quick;

        if (more == 0)
            break;
        for (int i = 0; i < more; i++)
            taken[count++] = seats_take(seats, "greedy", "a:80", false, NOW_MS);
    }
    assert_in_range(count, SEATS_QUICK / 2 - 1, SEATS_QUICK / 2);
    assert_int_equal(limits_at(seats, NOW_MS).of_each.quick, SEATS_AT_ONCE);
    assert_int_equal(limits_at(seats, NOW_MS).receivers[0].in_flight, count);
    while (count > 0)
        seat_give_back(&taken[--count], NOW_MS);
    assert_int_equal(seats_taken(seats), 0);
    assert_int_equal(limits_at(seats, NOW_MS).receiver_count, 0);
    seats_free(seats);
}

// Whoever hangs gets its seats one after the other, and leaves every second turn to others.
static void test_what_hangs_comes_at_a_pace(void **state)
{
    struct seats *seats = seats_new(TIMEOUT_MS);
    struct seat *taken[4 * SEATS_SLOW];
    int count = 0, ended = 0, longest = 0, gap = 0;

    (void)state;
    for (int64_t now_ms = NOW_MS; now_ms < NOW_MS + 4 * TIMEOUT_MS; now_ms += 10) {
        struct delivery_limits limits = limits_at(seats, now_ms);
        int more = limits.key_count == 0 ? limits.of_each.slow : limits.keys[0].slow;

        assert_true(limits.all.slow >= more);
        gap = more > 0 ? 0 : gap + 10;
        longest = gap > longest ? gap : longest;
        for (int i = 0; i < more; i++)
            taken[count++] = seats_take(seats, "dead", "a:80", true, now_ms);
        while (ended < count && seats_taken(seats) > 0 && now_ms - NOW_MS >= TIMEOUT_MS &&
               ended < (now_ms - NOW_MS - TIMEOUT_MS) * SEATS_SLOW / 2 / TIMEOUT_MS)
            seat_give_back(&taken[ended++], now_ms);
        assert_true(seats_taken(seats) <= SEATS_SLOW);
        assert_true(limits_at(seats, now_ms).all.slow > 0);
        assert_true(limits_at(seats, now_ms).of_each.slow > 0);
    }
    assert_true(longest <= seats_pace_ms(seats) + 10);
    while (ended < count)
        seat_give_back(&taken[ended++], NOW_MS);
    seats_free(seats);
}

static void test_who_answers_soon_gives_its_turn_back(void **state)
{
    static const struct {
        const char *name;
        int64_t took_ms;
        int rounds, least, most;
    } cases[] = {
        {"soon", 200, 100, 16, 16},
        {"half of the time", TIMEOUT_MS / 2, 16, 7, 9},
        {"never", TIMEOUT_MS, 16, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seats *seats = seats_new(TIMEOUT_MS);
        struct seat *quick;
        int left;

        print_message("%s\n", cases[i].name);
        for (int k = 0; k < cases[i].rounds; k++) {
            struct seat *seat = seats_take(seats, "key", "a:80", true, NOW_MS);

            // The clock stands: nothing comes by waiting.
            seat_give_back(&seat, NOW_MS + cases[i].took_ms);
        }
        quick = seats_take(seats, "key", "a:80", false, NOW_MS);
        left = limits_at(seats, NOW_MS).keys[0].slow;
        assert_in_range(left, cases[i].least, cases[i].most);
        seat_give_back(&quick, NOW_MS);
        seats_free(seats);
    }
}

// Hosts that used to answer, and don't any more: others have their seats again soon.
static void test_quick_ones_that_hang(void **state)
{
    struct seats *seats = seats_new(TIMEOUT_MS);
    struct seat *taken[SEATS_QUICK / 2], *other;
    struct delivery_limits limits;
    int count = 0;

    (void)state;
    for (int more = SEATS_AT_ONCE; more > 0; more = limits_at(seats, NOW_MS).keys[0].quick)
        for (int i = 0; i < more; i++, count++)
            taken[count] =
                seats_take(seats, "key", count % 2 == 0 ? "a:80" : "b:80", false, NOW_MS);
    assert_int_equal(limits_at(seats, NOW_MS + 400).keys[0].quick, 0);
    limits = limits_at(seats, NOW_MS + 500);
    assert_int_equal(limits.keys[0].quick, SEATS_AT_ONCE);
    assert_int_equal(limits.keys[0].slow, 0); // they are counted there
    assert_int_equal(limits.receivers[0].in_flight + limits.receivers[1].in_flight, count);

    // Neither gets more, but for the one that answers after all.
    limits = limits_at(seats, NOW_MS + 1000);
    assert_true(limits.receivers[0].in_flight > count && limits.receivers[1].in_flight > count);
    seat_give_back(&taken[--count], NOW_MS + 1000);
    limits = limits_at(seats, NOW_MS + 1001);
    assert_true((limits.receivers[0].in_flight > count) != (limits.receivers[1].in_flight > count));

    // One that takes its time to answer isn't hanging.
    other = seats_take(seats, "other", "c:80", true, NOW_MS + 1001);
    limits = limits_at(seats, NOW_MS + 4000);
    assert_string_equal(limits.receivers[0].name, "c:80");
    assert_int_equal(limits.receivers[0].in_flight, 1);
    seat_give_back(&other, NOW_MS + 4000);
    while (count > 0)
        seat_give_back(&taken[--count], NOW_MS + TIMEOUT_MS);
    assert_int_equal(seats_taken(seats), 0);
    seats_free(seats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_leaves_half_of_what_is_free),
        cmocka_unit_test(test_what_hangs_comes_at_a_pace),
        cmocka_unit_test(test_who_answers_soon_gives_its_turn_back),
        cmocka_unit_test(test_quick_ones_that_hang),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
