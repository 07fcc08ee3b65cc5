// Where a Redis is: redis://[user:password@]host:port[/db] or unix:///path.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

// Owns its strings: redis_url_clear, which wipes the password.
struct redis_url {
    char *path; // of the socket, NULL for TCP
    char *host;
    char *user;     // NULL: Redis' default user
    char *password; // NULL: no AUTH
    int port;
    int db;
};

// False where `text` is no URL that Spool takes; no message quotes it, for it may hold a password.
// rediss:// gets an error that names stunnel. redis_url_clear, also after a failure.
bool redis_url_read(struct redis_url *url, const char *text, struct err *err) WARN_UNUSED;
void redis_url_clear(struct redis_url *url);
