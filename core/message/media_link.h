// Links of archived files, made when they are shown: so no stored task ever holds a link that
// expires.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/message/s3.h"

struct buf;

// Part of the configuration.
struct media_links {
    char *base;            // links begin with it, keys follow; NULL: each link is signed
    struct s3_place place; // of the bucket; empty: there is none
    const char *api;       // links to our own paths begin with it; borrowed, NULL: unknown
};

// Of the keys of what clients send in at that time, as in "uploads/2026/03/27/".
enum { MEDIA_UPLOAD_FOLDER_SIZE = sizeof "uploads/2026/03/27/" };
void media_upload_folder(int64_t at_ms, char folder[MEDIA_UPLOAD_FOLDER_SIZE]);

enum { MEDIA_LINK_LIFE_S = 86400 }; // of a signed link, at least

// Whether a URL is a link to an artifact or an upload of ours.
bool media_link_is_ours(const struct media_links *links, const char *url);
// The same, and adds the key of the file to `key`.
bool media_link_key(const struct media_links *links, const char *url, struct buf *key);
// Adds the link of a file to `url`. A signed link is good for a day, and stays the same for a
// quarter of an hour. Where `links` is NULL, adds the key alone.
void media_link(const struct media_links *links, const char *key, struct buf *url);
