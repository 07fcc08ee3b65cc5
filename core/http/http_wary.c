#include "core/http/http_wary.h"

#include <stddef.h>

void http_wary_note(struct http_wary *wary, const char *url, int64_t now_ms)
{
    struct url_parts server;
    unsigned i = 0;

    if (!url_split(url, &server))
        return;
    server.path = NULL; // is the caller's
    while (i < WARY_SERVERS_MAX && !url_parts_same_origin(&wary->servers[i].server, &server))
        i++;
    if (i == WARY_SERVERS_MAX) {
        i = wary->next;
        wary->next = (wary->next + 1) % WARY_SERVERS_MAX;
        wary->servers[i].server = server;
    }
    wary->servers[i].until_ms = wary->until_ms = now_ms + WARY_MS;
}

bool http_wary_of(const struct http_wary *wary, const char *url, int64_t now_ms)
{
    struct url_parts server;

    if (wary->until_ms <= now_ms || !url_split(url, &server)) // mostly nobody is
        return false;
    for (unsigned i = 0; i < WARY_SERVERS_MAX; i++)
        if (wary->servers[i].until_ms > now_ms &&
            url_parts_same_origin(&wary->servers[i].server, &server))
            return true;
    return false;
}
