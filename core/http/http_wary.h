// Servers that are asked by HTTP/1.1 for a while. Over HTTP/2 calls to a server share a connection,
// and one on which the answers stay away would be shared again and again for as long as it stands:
// a new call takes a new one only where the old one is known to be closed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/address.h"

enum {
    WARY_SERVERS_MAX = 16, // the one that was noted first makes room
    WARY_MS = 60000,
};

// All zero: none is noted.
struct http_wary {
    struct {
        struct url_parts server;
        int64_t until_ms;
    } servers[WARY_SERVERS_MAX];
    unsigned next;
    int64_t until_ms; // of the last that was noted
};

// An answer of the URL's server stayed away. `now_ms` is of the monotonic clock.
void http_wary_note(struct http_wary *wary, const char *url, int64_t now_ms);
bool http_wary_of(const struct http_wary *wary, const char *url, int64_t now_ms);
