// What goes to a service manager's socket, and what its variables say.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/notify.h"
#include "tests/support/check.h"
#include "tests/support/listener.h"

static void expect(const struct listener *listener, const char *wanted)
{
    char text[256];

    assert_true(listener_take(listener, text, sizeof text));
    assert_string_equal(text, wanted);
    assert_false(listener_take(listener, text, sizeof text));
}

static void test_a_name_without_a_file(void **state)
{
    struct listener listener;
    struct notify *notify;

    (void)state;
    listener_open(&listener);
    notify = notify_new();
    assert_true(notify_is_on(notify));
    assert_true(notify_send(notify, "READY=1\nSTATUS=fine"));
    expect(&listener, "READY=1\nSTATUS=fine");
    notify_free(notify);
    listener_close(&listener);
}

static void test_a_path(void **state)
{
    struct listener listener = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/spool-notify-XXXXXX";
    struct notify *notify;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    listener.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener.fd, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    notify = notify_new();
    assert_true(notify_send(notify, "READY=1"));
    expect(&listener, "READY=1");
    // A manager that was started anew listens on another socket of that name.
    close(listener.fd);
    unlink(address.sun_path);
    assert_true(notify_send(notify, "WATCHDOG=1")); // nobody is there, and nothing to wait for
    listener.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_true(notify_send(notify, "STOPPING=1"));
    expect(&listener, "STOPPING=1");
    notify_free(notify);
    unlink(address.sun_path);
    rmdir(folder);
    listener_close(&listener);
}

static void test_nobody_listens(void **state)
{
    static char too_long[200];
    const char *const names[] = {NULL, "", "/", "@", "relative", "vsock:2:1234", too_long};

    (void)state;
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[0] = '/';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct notify *notify;

        if (names[i] != NULL)
            setenv("NOTIFY_SOCKET", names[i], 1);
        setenv("WATCHDOG_USEC", "30000000", 1);
        notify = notify_new();
        if (notify_is_on(notify) || notify_watchdog_ms(notify) != 0 ||
            !notify_send(notify, "READY=1"))
            fail_msg("%s", names[i] == NULL ? "none" : names[i]);
        notify_free(notify);
    }
}

static void test_the_watchdog(void **state)
{
    char ours[16], others[16];
    const struct {
        const char *us, *pid;
        int64_t ms;
    } cases[] = {
        {NULL, NULL, 0},
        {"30000000", NULL, 30000},
        {"30000000", ours, 30000},
        {"30000000", others, 0},
        {"30000000", "", 0},
        {"", NULL, 0},
        {"0", NULL, 0},
        {"-5", NULL, 0},
        {"12x", NULL, 0},
        {"500", NULL, 1},
        {"99999999999999999999999", NULL, 0},
    };
    struct listener listener;

    (void)state;
    snprintf(ours, sizeof ours, "%d", (int)getpid());
    snprintf(others, sizeof others, "%d", (int)getppid());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct notify *notify;

        listener_open(&listener);
        if (cases[i].us != NULL)
            setenv("WATCHDOG_USEC", cases[i].us, 1);
        if (cases[i].pid != NULL)
            setenv("WATCHDOG_PID", cases[i].pid, 1);
        notify = notify_new();
        if (notify_watchdog_ms(notify) != cases[i].ms)
            fail_msg("case %zu: %lld ms", i, (long long)notify_watchdog_ms(notify));
        // What we start must not answer for us.
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_null(getenv("WATCHDOG_USEC"));
        assert_null(getenv("WATCHDOG_PID"));
        notify_free(notify);
        listener_close(&listener);
    }
}

static void test_no_room(void **state)
{
    struct listener listener;
    struct notify *notify;
    char text[64];
    int sent = 0;

    (void)state;
    listener_open(&listener);
    notify = notify_new();
    while (sent < 100000 && notify_send(notify, "WATCHDOG=1"))
        sent++;
    assert_in_range(sent, 1, 99999);
    while (listener_take(&listener, text, sizeof text))
        assert_string_equal(text, "WATCHDOG=1");
    assert_true(notify_send(notify, "STOPPING=1"));
    expect(&listener, "STOPPING=1");
    notify_free(notify);
    listener_close(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_without_a_file),
        cmocka_unit_test(test_a_path),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_the_watchdog),
        cmocka_unit_test(test_no_room),
    };

    log_threshold = LOG_NOTHING;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
