// Links of archived files, made when they are shown: no stored task ever holds one that dies.
#pragma once

#include <stdbool.h>

#include "core/message/s3.h"

struct buf;

// Part of the configuration.
struct media_links {
    char *base;            // what keys are put behind; NULL: each link is signed
    struct s3_place place; // of the bucket; empty: there is none
};

enum { MEDIA_LINK_LIFE_S = 86400 }; // of a signed one, at least

// Whether a URL is a link to an artifact or an upload of ours.
bool media_link_is_ours(const struct media_links *links, const char *url);
// Adds the link of a file to `url`. Signed ones are good for a day, and the same for a quarter of
// an hour. `links` NULL: the key alone.
void media_link(const struct media_links *links, const char *key, struct buf *url);
