#include "core/http/http_wary.h"

#include <string.h>

// How much of the URL names its server. 0: more than we keep.
static size_t server_len(const char *url)
{
    const char *host = strstr(url, "://");
    size_t len;

    if (host == NULL)
        return 0;
    host += 3;
    len = (size_t)(host - url) + strcspn(host, "/?#");
    return len < WARY_SERVER_CHARS ? len : 0;
}

static bool is_at(const struct http_wary *wary, unsigned i, const char *url, size_t len)
{
    const char *server = wary->servers[i].server;

    return len > 0 && strncmp(server, url, len) == 0 && server[len] == '\0';
}

void http_wary_note(struct http_wary *wary, const char *url, int64_t now_ms)
{
    size_t len = server_len(url);
    unsigned i = 0;

    if (len == 0)
        return;
    while (i < WARY_SERVERS_MAX && !is_at(wary, i, url, len))
        i++;
    if (i == WARY_SERVERS_MAX) {
        i = wary->next;
        wary->next = (wary->next + 1) % WARY_SERVERS_MAX;
        memcpy(wary->servers[i].server, url, len);
        wary->servers[i].server[len] = '\0';
    }
    wary->servers[i].until_ms = now_ms + WARY_MS;
}

bool http_wary_of(const struct http_wary *wary, const char *url, int64_t now_ms)
{
    size_t len = server_len(url);

    for (unsigned i = 0; i < WARY_SERVERS_MAX; i++)
        if (wary->servers[i].until_ms > now_ms && is_at(wary, i, url, len))
            return true;
    return false;
}
