// Links of archived files.
#include "core/message/media_link.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/clock.h"

enum { SAME_FOR_S = 900 };

// A path with characters that our names never have could lead elsewhere on the same host.
static bool is_plain_path(const char *path)
{
    size_t len = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");

    return len > 0 && strchr("?#", path[len]) != NULL && *path != '.' && strstr(path, "/.") == NULL;
}

static void plain_link(const struct media_links *links, const char *key, struct buf *url)
{
    if (links->base != NULL)
        buf_fmt(url, "%s/%s", links->base, key);
    else
        s3_url(&links->place, key, url);
}

bool media_link_key(const struct media_links *links, const char *url, struct buf *key)
{
    static const char *const folders[] = {"uploads/", "task-artifacts/"};
    bool is = false;

    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && !is; i++) {
        struct buf start = {0};

        plain_link(links, folders[i], &start);
        is = strncmp(url, start.data, start.len) == 0 && is_plain_path(url + start.len);
        if (is)
            buf_fmt(key, "%s%.*s", folders[i], (int)strcspn(url + start.len, "?#"),
                    url + start.len);
        buf_clear(&start);
    }
    return is;
}

bool media_link_is_ours(const struct media_links *links, const char *url)
{
    struct buf key = {0};
    bool is = media_link_key(links, url, &key);

    buf_clear(&key);
    return is;
}

void media_link(const struct media_links *links, const char *key, struct buf *url)
{
    struct buf plain = {0};
    int64_t now_s;
    struct err err;

    if (links == NULL) {
        buf_fmt(url, "/%s", key);
        return;
    }
    if (links->base != NULL) {
        plain_link(links, key, url);
        return;
    }
    now_s = clock_wall_ms() / 1000;
    plain_link(links, key, &plain);
    if (!sigv4_presign(&links->place.keys, "GET", NULL, plain.data, now_s - now_s % SAME_FOR_S,
                       MEDIA_LINK_LIFE_S + SAME_FOR_S, url, &err))
        buf_str(url,
                plain.data); // an endpoint that isn't a URL: nothing can be stored there either
    buf_clear(&plain);
}

void media_upload_folder(int64_t at_ms, char folder[MEDIA_UPLOAD_FOLDER_SIZE])
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm utc;

    gmtime_r(&at, &utc);
    strftime(folder, MEDIA_UPLOAD_FOLDER_SIZE, "uploads/%Y/%m/%d/", &utc);
}
