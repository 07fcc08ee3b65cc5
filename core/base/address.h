// Where a stranger's URL may lead: the guard on addresses, and the small URL reader that goes with
// it. The guard on what a name resolved to is the one that counts (core/http asks it at connect
// time); the check of the URL only says no early and with a reason.
//
// The reader takes what RFC 3986 takes for http and https and refuses where readers differ: user
// information, backslashes, escapes and bytes over 127 in the host, an empty port.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;

struct sockaddr;

enum { URL_BYTES_MAX = 2048, URL_HOST_BYTES_MAX = 253 };

struct url_parts {
    char scheme[8];                    // "http" or "https"
    char host[URL_HOST_BYTES_MAX + 3]; // in lower case; IPv6 in its brackets
    int port;                          // the scheme's own where the URL has none
    const char *path; // borrowed from the URL: path, query, fragment; "" where there is none
};

// A block of addresses. IPv4 is kept in IPv6's clothes (::ffff:a.b.c.d).
struct network {
    uint8_t bytes[16];
    unsigned bits;
};

// How far links may lead: to public addresses, into these networks, or, with `anywhere`, to any
// address. A reach that is NULL stands for public addresses alone.
struct reach {
    struct network *networks;
    size_t count;
    bool anywhere;
};

// Reads "10.1.0.0/16", "fd00::/8" or a single address. False where the text is none of these, or
// has bits set behind its prefix.
bool network_read(struct network *network, const char *text);
bool reach_has(const struct reach *reach, const struct sockaddr *address);
// False for anything but a global unicast address of IPv4 or IPv6.
bool address_is_public(const struct sockaddr *address);
// For an address in any spelling, with or without brackets, and for "localhost".
bool address_is_loopback_host(const char *host);

// False where the reader doesn't take the URL; `parts` is then empty.
bool url_split(const char *url, struct url_parts *parts);
// Whether the URL's host is this very address, written as an address, and its port is the same.
bool url_is_at(const char *url, const struct sockaddr *address);
// Whether both have the same scheme, host and port. Spellings of one address count as different
// hosts.
bool url_parts_same_origin(const struct url_parts *a, const struct url_parts *b);
bool url_same_origin(const char *a, const char *b);
// Adds to `to` where a redirect from `url` leads. False where the redirect isn't followed: its
// target is no URL, or it goes from https to http.
bool url_redirect(const char *url, const char *location, struct buf *to);
// May a stranger have us send something to this URL? Names are not resolved. The error doesn't
// quote the URL.
bool url_check_reach(const char *url, const struct reach *reach, struct err *err) WARN_UNUSED;
