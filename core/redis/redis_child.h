// Spool's own Redis: started on a Unix socket in data_dir, adopted where an earlier one still runs,
// restarted when it dies, stopped last. Append-only, with an fsync before every answer.
//
// A second server on the same directory would start without complaint and both would write one file
// (tried): so the server inherits a lock on data_dir/redis.lock, which ends only when the server is
// really gone, and another Spool on the same data_dir is refused by a lock of its own.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct loop;
struct redis_child;

// Whether the socket's path isn't too long, ERR_CONFIG where it is. The directory may not be there
// yet.
bool redis_child_check(const char *data_dir, struct err *err) WARN_UNUSED;

// Returns when the server answers, or after 10 s. The loop must not be running yet. ERR_CONFIG:
// another Spool has the directory, there is no redis-server, the path is too long.
struct redis_child *redis_child_start(struct loop *loop, const char *data_dir,
                                      struct err *err) WARN_UNUSED;
const char *redis_child_url(const struct redis_child *child); // unix:///…
// Ends the server and waits for it, at most 10 s.
void redis_child_drop(struct redis_child **child);
