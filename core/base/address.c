// The guard on addresses and the URL reader.
#include "core/base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"

static const struct {
    uint32_t network;
    unsigned bits;
} refused_v4[] = {
    {0x00000000, 8},  // "this" network; Linux connects 0.0.0.0 to itself
    {0x0a000000, 8},  // private
    {0x64400000, 10}, // carriers' NAT
    {0x7f000000, 8},  // loopback
    {0xa9fe0000, 16}, // link-local, and the clouds' metadata
    {0xac100000, 12}, // private
    {0xc0000000, 24}, // protocol assignments
    {0xc0000200, 24}, // documentation
    {0xc0586300, 24}, // 6to4 relays
    {0xc0a80000, 16}, // private
    {0xc6120000, 15}, // benchmarks
    {0xc6336400, 24}, // documentation
    {0xcb007100, 24}, // documentation
    {0xe0000000, 4},  // multicast
    {0xf0000000, 4},  // reserved, broadcast
};

// Outside of 2000::/3 nothing is global, so loopback, unique local, link-local, multicast, NAT64
// (64:ff9b::/96, 64:ff9b:1::/48), 100::/64 and 5f00::/16 need no line here.
static const struct {
    uint8_t network[4]; // the first bytes
    unsigned bits;
} refused_v6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, // protocol assignments, Teredo among them
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, // documentation
    {{0x20, 0x02, 0x00, 0x00}, 16}, // 6to4: any IPv4 address inside
    {{0x3f, 0xff, 0x00, 0x00}, 20}, // documentation
};

static bool is_public_v4(uint32_t address)
{
    for (size_t i = 0; i < sizeof refused_v4 / sizeof refused_v4[0]; i++)
        if ((address ^ refused_v4[i].network) >> (32 - refused_v4[i].bits) == 0)
            return false;
    return true;
}

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// An IPv4 address in IPv6's clothes (::ffff:a.b.c.d): the kernel connects to the IPv4 address.
static bool is_mapped_v4(const uint8_t *bytes)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(bytes, prefix, sizeof prefix) == 0;
}

static bool is_public_v6(const uint8_t *bytes)
{
    if (is_mapped_v4(bytes))
        return is_public_v4(word_at(bytes + 12));
    if (bytes[0] >> 5 != 1) // not in 2000::/3
        return false;
    for (size_t i = 0; i < sizeof refused_v6 / sizeof refused_v6[0]; i++)
        if ((word_at(bytes) ^ word_at(refused_v6[i].network)) >> (32 - refused_v6[i].bits) == 0)
            return false;
    return true;
}

bool address_is_public(const struct sockaddr *address)
{
    // Copied, because what callers have need not be aligned.
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof v4);
        return is_public_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof v6);
        return is_public_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}

// The address in 16 bytes; false for another family than IPv4 and IPv6.
static bool address_bytes(const struct sockaddr *address, uint8_t bytes[16])
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof v4);
        memcpy(bytes, prefix, sizeof prefix);
        memcpy(bytes + sizeof prefix, &v4.sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof v6);
        memcpy(bytes, &v6.sin6_addr, 16);
        return true;
    }
    return false;
}

static bool is_in_network(const struct network *network, const uint8_t bytes[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;

    return memcmp(network->bytes, bytes, whole) == 0 &&
           (rest == 0 || (network->bytes[whole] ^ bytes[whole]) >> (8 - rest) == 0);
}

static bool is_in_reach(const struct reach *reach, const uint8_t bytes[16])
{
    for (size_t i = 0; reach != NULL && i < reach->count; i++)
        if (is_in_network(&reach->networks[i], bytes))
            return true;
    return false;
}

bool reach_has(const struct reach *reach, const struct sockaddr *address)
{
    uint8_t bytes[16];

    return (reach != NULL && reach->anywhere) || address_is_public(address) ||
           (address_bytes(address, bytes) && is_in_reach(reach, bytes));
}

bool network_read(struct network *network, const char *text)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    unsigned bits, most;
    char address[INET6_ADDRSTRLEN];

    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, network->bytes + sizeof prefix) == 1) {
        memcpy(network->bytes, prefix, sizeof prefix);
        most = 32;
    } else if (inet_pton(AF_INET6, address, network->bytes) == 1) {
        most = 128;
    } else {
        return false;
    }
    bits = most;
    if (slash != NULL) {
        char *end;

        if (slash[1] < '0' || slash[1] > '9' || strlen(slash + 1) > 3)
            return false;
        bits = (unsigned)strtoul(slash + 1, &end, 10);
        if (*end != '\0' || bits > most)
            return false;
    }
    network->bits = bits + 128 - most;
    for (unsigned i = network->bits; i < 128; i++)
        if (network->bytes[i / 8] >> (7 - i % 8) & 1)
            return false;
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// One part of an address: decimal, 0octal or 0xhex. "0x" alone is 0, as in browsers.
static bool read_number(const char *text, size_t len, uint64_t *number)
{
    unsigned base = 10;

    *number = 0;
    if (len == 0)
        return false;
    if (len >= 2 && text[0] == '0' && lower(text[1]) == 'x') {
        base = 16;
        text += 2;
        len -= 2;
    } else if (len >= 2 && text[0] == '0') {
        base = 8;
    }
    for (; len > 0; text++, len--) {
        unsigned digit;

        if (!is_hex(*text))
            return false;
        digit = is_digit(*text) ? (unsigned)(*text - '0') : (unsigned)(lower(*text) - 'a') + 10;
        if (digit >= base)
            return false;
        *number = *number * base + digit;
        if (*number > UINT32_MAX)
            return false;
    }
    return true;
}

enum host_kind { HOST_NAME, HOST_V4, HOST_V6, HOST_BAD };

struct host {
    enum host_kind kind;
    uint32_t v4;
    uint8_t v6[16];
    char name[URL_HOST_BYTES_MAX + 1]; // without the last dot, in lower case
};

static bool looks_like_number(const char *label)
{
    bool is_decimal = *label != '\0', is_prefixed = label[0] == '0' && label[1] == 'x';

    for (const char *c = label; *c != '\0'; c++) {
        is_decimal = is_decimal && is_digit(*c);
        is_prefixed = is_prefixed && (c < label + 2 || is_hex(*c));
    }
    return is_decimal || is_prefixed;
}

// One to four numbers, of which the last fills the rest: 127.1, 0x7f000001, 2130706433.
static bool read_v4(const char *name, uint32_t *address)
{
    uint64_t number;
    unsigned parts = 0;
    uint32_t value = 0;

    for (;; parts++) {
        size_t len = strcspn(name, ".");

        if (parts == 4 || !read_number(name, len, &number))
            return false;
        name += len;
        if (*name == '\0')
            break;
        if (number > 255)
            return false;
        value |= (uint32_t)number << (24 - 8 * parts);
        name++;
    }
    if (number >> (32 - 8 * parts) != 0)
        return false;
    *address = value | (uint32_t)number;
    return true;
}

static void read_host(const char *text, size_t len, struct host *host)
{
    const char *last;

    *host = (struct host){.kind = HOST_BAD};
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
        if (memchr(text, ':', len) == NULL)
            return;
    }
    if (len == 0 || len > URL_HOST_BYTES_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        host->name[i] = lower(text[i]);
    if (memchr(text, ':', len) != NULL) {
        // inet_pton takes no scope id, which is as we want it.
        if (inet_pton(AF_INET6, host->name, host->v6) == 1)
            host->kind = HOST_V6;
        return;
    }
    if (host->name[len - 1] == '.')
        host->name[--len] = '\0';
    if (len == 0 || host->name[0] == '.' || strstr(host->name, "..") != NULL)
        return;
    for (size_t i = 0; i < len; i++)
        if (!is_digit(host->name[i]) && (host->name[i] < 'a' || host->name[i] > 'z') &&
            strchr("-._", host->name[i]) == NULL)
            return;
    // A name never ends in a number, so a host that does is an address or nothing.
    last = strrchr(host->name, '.');
    if (!looks_like_number(last == NULL ? host->name : last + 1))
        host->kind = HOST_NAME;
    else if (read_v4(host->name, &host->v4))
        host->kind = HOST_V4;
}

static bool is_localhost(const struct host *host)
{
    static const char word[] = "localhost";
    size_t len = strlen(host->name), word_len = sizeof word - 1;

    return host->kind == HOST_NAME && len >= word_len &&
           strcmp(host->name + len - word_len, word) == 0 &&
           (len == word_len || host->name[len - word_len - 1] == '.');
}

bool address_is_loopback_host(const char *text)
{
    static const uint8_t loopback[16] = {[15] = 1};
    struct host host;

    read_host(text, strlen(text), &host);
    if (host.kind == HOST_V4)
        return host.v4 >> 24 == 127;
    if (host.kind == HOST_V6)
        return memcmp(host.v6, loopback, sizeof loopback) == 0 ||
               (is_mapped_v4(host.v6) && host.v6[12] == 127);
    return is_localhost(&host);
}

static bool read_port(const char *text, size_t len, int *port)
{
    int value = 0;

    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *port = value;
    return value >= 1 && value <= 65535;
}

// What is wrong with the URL, or NULL.
static const char *read_url(const char *url, struct url_parts *parts, struct host *host)
{
    const char *end, *name, *name_end;

    if (strlen(url) > URL_BYTES_MAX)
        return "the URL is longer than 2048 bytes";
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
            return "the URL has a space, a backslash or a control character";
    if (strncasecmp(url, "http://", 7) == 0) {
        memcpy(parts->scheme, "http", 5);
        parts->port = 80;
        name = url + 7;
    } else if (strncasecmp(url, "https://", 8) == 0) {
        memcpy(parts->scheme, "https", 6);
        parts->port = 443;
        name = url + 8;
    } else {
        return "the URL is neither http:// nor https://";
    }
    end = name + strcspn(name, "/?#");
    parts->path = end;
    if (memchr(name, '@', (size_t)(end - name)) != NULL)
        return "the URL has user information";
    if (*name == '[') {
        name_end = memchr(name, ']', (size_t)(end - name));
        name_end = name_end == NULL ? end : name_end + 1;
    } else {
        name_end = memchr(name, ':', (size_t)(end - name));
        name_end = name_end == NULL ? end : name_end;
    }
    if (name_end < end &&
        (*name_end != ':' || !read_port(name_end + 1, (size_t)(end - name_end) - 1, &parts->port)))
        return "the URL's port isn't a number from 1 to 65535";
    read_host(name, (size_t)(name_end - name), host);
    if (host->kind == HOST_BAD)
        return "the URL's host is not a valid name or address";
    for (size_t i = 0; i < (size_t)(name_end - name); i++)
        parts->host[i] = lower(name[i]);
    return NULL;
}

bool url_split(const char *url, struct url_parts *parts)
{
    struct host host;

    *parts = (struct url_parts){.path = ""};
    if (read_url(url, parts, &host) == NULL)
        return true;
    *parts = (struct url_parts){.path = ""};
    return false;
}

bool url_parts_same_origin(const struct url_parts *a, const struct url_parts *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port;
}

bool url_same_origin(const char *a, const char *b)
{
    struct url_parts left, right;

    return url_split(a, &left) && url_split(b, &right) && url_parts_same_origin(&left, &right);
}

// Whether the host is an address, or localhost, and one that `reach` doesn't have.
static bool is_out_of_reach(const struct reach *reach, const struct host *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    v4.sin_addr.s_addr = htonl(host->kind == HOST_V4 ? host->v4 : INADDR_LOOPBACK);
    if (host->kind == HOST_V6)
        memcpy(&v6.sin6_addr, host->v6, sizeof host->v6);
    else
        v6.sin6_addr = in6addr_loopback;
    if (is_localhost(host))
        return !reach_has(reach, (struct sockaddr *)&v4) &&
               !reach_has(reach, (struct sockaddr *)&v6);
    return (host->kind == HOST_V4 && !reach_has(reach, (struct sockaddr *)&v4)) ||
           (host->kind == HOST_V6 && !reach_has(reach, (struct sockaddr *)&v6));
}

bool url_check_reach(const char *url, const struct reach *reach, struct err *err)
{
    struct url_parts parts = {0};
    struct host host;
    const char *wrong = read_url(url, &parts, &host);

    if (wrong != NULL)
        return err_set(err, ERR_INVALID, "%s", wrong);
    if (reach != NULL && reach->anywhere)
        return true;
    if (parts.port == 25 || parts.port == 6379)
        return err_set(err, ERR_REFUSED, "the URL's port is not allowed");
    if (is_out_of_reach(reach, &host))
        return err_set(err, ERR_REFUSED, "the URL's host is not a public address");
    return true;
}

bool url_redirect(const char *url, const char *location, struct buf *to)
{
    struct url_parts parts;

    if (!url_split(url, &parts))
        return false;
    if (*location == '/' && location[1] != '/')
        buf_fmt(to, "%s://%s:%d%s", parts.scheme, parts.host, parts.port, location);
    else
        buf_str(to, location);
    return url_split(buf_text(to), &parts) &&
           !(strncmp(url, "https:", 6) == 0 && strcmp(parts.scheme, "http") == 0);
}

bool url_is_at(const char *url, const struct sockaddr *address)
{
    struct url_parts parts;
    struct host host;

    if (read_url(url, &parts, &host) == NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        return host.kind == HOST_V4 && host.v4 == ntohl(v4->sin_addr.s_addr) &&
               parts.port == ntohs(v4->sin_port);
    }
    if (read_url(url, &parts, &host) == NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        return host.kind == HOST_V6 && memcmp(host.v6, &v6->sin6_addr, sizeof host.v6) == 0 &&
               parts.port == ntohs(v6->sin6_port);
    }
    return false;
}
