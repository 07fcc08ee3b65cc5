// A trace that came in goes out as it came; what is no trace goes nowhere.
#include "core/message/trace.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/message/http_message.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00-" TRACE "-00f067aa0ba902b7-01"

static void check_passed_on(const char *parent, const char *state, const char *headers)
{
    struct http_request request = {0};
    char *trace = trace_keep(parent, state);

    trace_add(trace, &request);
    assert_string_equal(buf_text(&request.headers), headers);
    http_request_clear(&request);
    free(trace);
}

static void test_passes_on(void **state)
{
    (void)state;

    check_passed_on(PARENT, NULL, "traceparent: " PARENT "\n");
    check_passed_on(PARENT, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
                    "traceparent: " PARENT
                    "\n"
                    "tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE\n");
    check_passed_on("cc-" TRACE "-00f067aa0ba902b7-01-what-the-future-brings", NULL,
                    "traceparent: " PARENT "\n");
    check_passed_on("cc-" TRACE "-00f067aa0ba902b7-01", NULL, "traceparent: " PARENT "\n");
}

static void test_passes_on_nothing(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        PARENT "-more",
        PARENT "0",
        "cc-" TRACE "-00f067aa0ba902b7-01.more",
        "ff-" TRACE "-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-" TRACE "-00f067aa0ba902b7-0x",
        "00-" TRACE "_00f067aa0ba902b7-01",
        "00-" TRACE "-00f067aa0ba902b7- 1",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
    };
    (void)state;

    check_passed_on(NULL, "a=b", "");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        check_passed_on(wrong[i], "a=b", "");
}

static void test_leaves_a_wrong_state_out(void **state)
{
    char longest[TRACE_STATE_MAX + 2];
    (void)state;

    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    check_passed_on(PARENT, longest, "traceparent: " PARENT "\n");
    check_passed_on(PARENT, "", "traceparent: " PARENT "\n");
    check_passed_on(PARENT, "a=\xc3\xa4", "traceparent: " PARENT "\n");
    check_passed_on(PARENT, "a=b\tc", "traceparent: " PARENT "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_on),
        cmocka_unit_test(test_passes_on_nothing),
        cmocka_unit_test(test_leaves_a_wrong_state_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
