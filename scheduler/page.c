// The files of the page, and its policy.
#include "scheduler/page.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/message/media_link.h"

#define SCRIPT "text/javascript; charset=utf-8"
#define FILES(X)                                                                                   \
    X(index, "index.html", "text/html; charset=utf-8")                                             \
    X(style, "style.css", "text/css; charset=utf-8")                                               \
    X(icon, "icon.svg", "image/svg+xml")                                                           \
    X(main, "main.js", SCRIPT)                                                                     \
    X(api, "api.js", SCRIPT)                                                                       \
    X(live, "live.js", SCRIPT)                                                                     \
    X(dom, "dom.js", SCRIPT)                                                                       \
    X(words, "words.js", SCRIPT)                                                                   \
    X(trouble, "trouble.js", SCRIPT)                                                               \
    X(files, "files.js", SCRIPT)                                                                   \
    X(now, "now.js", SCRIPT)                                                                       \
    X(minutes, "minutes.js", SCRIPT)                                                               \
    X(tasks, "tasks.js", SCRIPT)                                                                   \
    X(task, "task.js", SCRIPT)                                                                     \
    X(stages, "stages.js", SCRIPT)                                                                 \
    X(webhooks, "webhooks.js", SCRIPT)                                                             \
    X(accounts, "accounts.js", SCRIPT)                                                             \
    X(try, "try.js", SCRIPT)                                                                       \
    X(form, "form.js", SCRIPT)

#define X(word, name, type) extern const char page_##word[], page_##word##_end[];
FILES(X)
#undef X

static const struct page_file files[] = {
#define X(word, name, type) {name, type, page_##word, page_##word##_end},
    FILES(X)
#undef X
};
enum { FILE_COUNT = sizeof files / sizeof files[0] };

const struct page_file *page_at(size_t index)
{
    return index < FILE_COUNT ? &files[index] : NULL;
}

const struct page_file *page_find(const char *name)
{
    for (size_t i = 0; i < FILE_COUNT; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

// A URL's scheme, host and port. 0: it has none that a policy can name, or could be taken for more
// than one word of it.
static size_t origin_length(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t host;

    if (scheme == 0)
        return 0;
    host = strspn(url + scheme,
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                  "0123456789-.:");
    return host > 0 && strchr("/?#", url[scheme + host]) != NULL ? scheme + host : 0;
}

static void add_sources(struct buf *text, const char *directive, const char *url, size_t len)
{
    buf_fmt(text, "; %s 'self'", directive);
    if (len > 0)
        buf_fmt(text, " %.*s", (int)len, url);
}

void page_policy(const struct media_links *links, struct buf *text)
{
    const char *url = links->base != NULL         ? links->base
                      : links->place.base != NULL ? links->place.base
                                                  : "";
    size_t len = origin_length(url);

    buf_str(text, "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    add_sources(text, "img-src", url, len);
    add_sources(text, "media-src", url, len);
    buf_str(text, "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}
