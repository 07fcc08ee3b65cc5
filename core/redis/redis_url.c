// Reading a Redis URL.
#include "core/redis/redis_url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/text.h"

void redis_url_clear(struct redis_url *url)
{
    free(url->path);
    free(url->host);
    free(url->user);
    if (url->password != NULL)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    *url = (struct redis_url){0};
}

// NULL where an escape is broken or stands for a NUL.
static char *percent_decoded(const char *text, size_t len)
{
    char *decoded = mem_strn(text, len), *to = decoded;

    for (size_t i = 0; i < len; i++) {
        if (text[i] != '%') {
            *to++ = text[i];
            continue;
        }
        int high = i + 2 < len ? text_hex(text[i + 1]) : -1;
        int low = i + 2 < len ? text_hex(text[i + 2]) : -1;

        if (high < 0 || low < 0 || high + low == 0) {
            explicit_bzero(decoded, len);
            free(decoded);
            return NULL;
        }
        *to++ = (char)(high * 16 + low);
        i += 2;
    }
    *to = '\0';
    return decoded;
}

static bool read_number(const char *text, size_t len, int max, int *number)
{
    int value = 0;

    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *number = value;
    return value <= max;
}

static bool read_login(const char *text, size_t len, struct redis_url *target, struct err *err)
{
    const char *colon = memchr(text, ':', len);

    if (colon == NULL)
        return err_set(err, ERR_CONFIG, "redis_url: a user without \":password\"");
    target->user = percent_decoded(text, (size_t)(colon - text));
    target->password = percent_decoded(colon + 1, len - (size_t)(colon - text) - 1);
    if (target->user == NULL || target->password == NULL)
        return err_set(err, ERR_CONFIG, "redis_url: a broken %%-escape in user or password");
    if (target->user[0] == '\0')
        mem_set_str(&target->user, NULL);
    return true;
}

// `text` is what follows "redis://". No message quotes it: it may hold a password.
static bool read_tcp(const char *text, struct redis_url *target, struct err *err)
{
    const char *slash = strchr(text, '/');
    const char *end = slash == NULL ? text + strlen(text) : slash;
    const char *at = memrchr(text, '@', (size_t)(end - text));
    const char *host = text, *host_end = end, *port = NULL;

    if (at != NULL) {
        if (!read_login(text, (size_t)(at - text), target, err))
            return false;
        host = at + 1;
    }
    if (*host == '[') {
        host_end = memchr(host, ']', (size_t)(end - host));
        if (host_end == NULL || (host_end + 1 < end && host_end[1] != ':'))
            return err_set(err, ERR_CONFIG, "redis_url: an unclosed [ in the host");
        port = host_end + 1 < end ? host_end + 2 : NULL;
        host++;
    } else {
        const char *colon = memchr(host, ':', (size_t)(end - host));

        if (colon != NULL) {
            host_end = colon;
            port = colon + 1;
        }
    }
    if (host_end == host || host_end - host > 253)
        return err_set(err, ERR_CONFIG, "redis_url: no host, or one that is too long");
    for (const char *c = host; c < host_end; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("?#@%", *c) != NULL)
            return err_set(err, ERR_CONFIG, "redis_url: a character that no host has");
    target->host = mem_strn(host, (size_t)(host_end - host));
    target->port = 6379;
    if (port != NULL &&
        (!read_number(port, (size_t)(end - port), 65535, &target->port) || target->port == 0))
        return err_set(err, ERR_CONFIG, "redis_url: the port isn't a number from 1 to 65535");
    if (slash != NULL && slash[1] != '\0' &&
        !read_number(slash + 1, strlen(slash + 1), 65535, &target->db))
        return err_set(err, ERR_CONFIG, "redis_url: what follows the host isn't a database number");
    return true;
}

bool redis_url_read(struct redis_url *url, const char *text, struct err *err)
{
    *url = (struct redis_url){0};
    if (strncmp(text, "unix://", 7) == 0) {
        if (text[7] != '/' || text[8] == '\0')
            return err_set(err, ERR_CONFIG, "redis_url: unix:// wants an absolute path");
        // hiredis would cut a longer path off and connect elsewhere.
        if (strlen(text + 7) >= sizeof((struct sockaddr_un *)0)->sun_path)
            return err_set(err, ERR_CONFIG, "redis_url: the path of the socket is too long");
        url->path = mem_str(text + 7);
        return true;
    }
    if (strncmp(text, "redis://", 8) == 0)
        return read_tcp(text + 8, url, err);
    if (strncmp(text, "rediss://", 9) == 0)
        return err_set(err, ERR_CONFIG,
                       "redis_url: rediss:// isn't supported by the packaged hiredis; run a "
                       "stunnel client and point redis_url at it");
    return err_set(err, ERR_CONFIG, "redis_url: neither redis:// nor unix://");
}
