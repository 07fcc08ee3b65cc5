// How a service tells its manager how it is.
#include "core/base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"

struct notify {
    int fd; // -1: nobody listens
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ms;
};

// A name without a file begins with a zero byte, and isn't terminated.
static bool read_address(struct notify *notify, const char *name)
{
    size_t len = strlen(name);

    if ((*name != '/' && *name != '@') || len < 2 || len >= sizeof notify->address.sun_path)
        return false;
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, len + 1);
    if (*name == '@')
        notify->address.sun_path[0] = '\0';
    notify->address_len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*name == '/' ? 1 : 0));
    return true;
}

// A positive number without anything behind it; else 0.
static int64_t number_of(const char *text)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && number > 0 ? number : 0;
}

static int64_t read_watchdog_ms(void)
{
    const char *wanted = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t us = wanted == NULL ? 0 : number_of(wanted);

    if (us == 0 || (pid != NULL && number_of(pid) != getpid()))
        return 0;
    return us < 1000 ? 1 : us / 1000;
}

struct notify *notify_new(void)
{
    struct notify *notify = mem_new(struct notify);
    const char *name = getenv("NOTIFY_SOCKET");

    notify->fd = -1;
    if (name != NULL && *name != '\0') {
        if (read_address(notify, name))
            notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (notify->fd < 0)
            log_warn("notify.unusable", "socket=%s", name);
    }
    if (notify->fd >= 0)
        notify->watchdog_ms = read_watchdog_ms();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return notify;
}

void notify_free(struct notify *notify)
{
    if (notify == NULL)
        return;
    if (notify->fd >= 0)
        close(notify->fd);
    free(notify);
}

bool notify_is_on(const struct notify *notify)
{
    return notify->fd >= 0;
}

int64_t notify_watchdog_ms(const struct notify *notify)
{
    return notify->watchdog_ms;
}

bool notify_send(const struct notify *notify, const char *lines)
{
    int failure;

    if (notify->fd < 0)
        return true;
    // Addressed each time: a manager that was started anew has another socket of that name.
    if (sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL,
               (const struct sockaddr *)&notify->address, notify->address_len) >= 0)
        return true;
    failure = errno;
    log_debug("notify.failed", "error=\"%s\"", strerror(failure));
    return failure != EAGAIN && failure != ENOBUFS && failure != EINTR;
}
