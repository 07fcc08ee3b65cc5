// The page at /: files that are part of the program (page.S), and what browsers may do with them.
#pragma once

#include <stddef.h>

struct buf;
struct media_links;

// Static.
struct page_file {
    const char *name; // as in /page/{name}
    const char *type;
    const char *text, *end;
};

// NULL where there is no such file.
const struct page_file *page_find(const char *name);
const struct page_file *page_at(size_t index); // NULL past the end

// Adds the Content-Security-Policy to `text`: scripts, styles and requests are our own, there is no
// inline anything, nobody frames us, and media come from us or from where archived links lead to.
void page_policy(const struct media_links *links, struct buf *text);
