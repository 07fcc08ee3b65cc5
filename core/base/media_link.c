// Links of archived files.
#include "core/base/media_link.h"

#include <stddef.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"

enum { SAME_FOR_S = 900 };

bool media_link_is_ours(const struct media_links *links, const char *url)
{
    const char *base = links->base != NULL ? links->base : links->place.base;
    size_t len = strlen(base);

    return strncmp(url, base, len) == 0 && url[len] == '/';
}

void media_link(const struct media_links *links, const char *key, struct buf *url)
{
    struct buf plain = {0};
    int64_t now_s;
    struct err err;

    if (links == NULL || links->base != NULL) {
        buf_fmt(url, "%s/%s", links == NULL ? "" : links->base, key);
        return;
    }
    now_s = clock_wall_ms() / 1000;
    s3_url(&links->place, key, &plain);
    if (!sigv4_presign(&links->place.keys, "GET", plain.data, now_s - now_s % SAME_FOR_S,
                       MEDIA_LINK_LIFE_S, url, &err))
        buf_str(url,
                plain.data); // an endpoint that isn't a URL: nothing can be stored there either
    buf_clear(&plain);
}
