// A service manager's socket.
#include "tests/support/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/check.h"

void listener_open(struct listener *listener)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;

    listener->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(listener->fd >= 0);
    // Bound to nothing, the kernel chooses a free name.
    assert_int_equal(bind(listener->fd, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&address, &len), 0);
    snprintf(listener->name, sizeof listener->name, "@%.*s",
             (int)(len - sizeof address.sun_family - 1), address.sun_path + 1);
    setenv("NOTIFY_SOCKET", listener->name, 1);
}

bool listener_take(const struct listener *listener, char *text, int size)
{
    ssize_t got = recv(listener->fd, text, (size_t)size - 1, 0);

    text[got < 0 ? 0 : got] = '\0';
    return got >= 0;
}

void listener_close(struct listener *listener)
{
    close(listener->fd);
    unsetenv("NOTIFY_SOCKET");
}
