// The protocol of systemd's sd_notify(3), by which a service tells its manager how it is: datagrams
// to the socket that $NOTIFY_SOCKET names, a path or, after an @, a name without a file.
//
// Nobody listens where the variable isn't set: then nothing is sent, and that is fine.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct notify;

// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment, for
// they aren't meant for the programs that we start. To be called before there are threads. Never
// NULL.
struct notify *notify_new(void);
void notify_free(struct notify *notify);
bool notify_is_on(const struct notify *notify);
// Within which time the manager wants to hear WATCHDOG=1; 0: it doesn't watch us.
int64_t notify_watchdog_ms(const struct notify *notify);
// Sends lines of NAME=value, without waiting. False: the manager has no room now, send it again.
bool notify_send(const struct notify *notify, const char *lines);
