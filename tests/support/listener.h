// The socket on which a service manager listens: a datagram socket without a file.
#pragma once

#include <stdbool.h>

struct listener {
    int fd;
    char name[64]; // as NOTIFY_SOCKET has it
};

// Sets NOTIFY_SOCKET to it.
void listener_open(struct listener *listener);
// The next datagram, which must be there; false: there is none.
bool listener_take(const struct listener *listener, char *text, int size);
void listener_close(struct listener *listener);
