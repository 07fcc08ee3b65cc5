// Redis URLs: what is read can be connected to, and what isn't says why without quoting it.
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "core/redis/redis_url.h"
#include "tests/fuzz/expect.h"

static void check(const struct redis_url *url)
{
    if (url->path != NULL) {
        EXPECT(url->path[0] == '/' && url->host == NULL && url->password == NULL);
        EXPECT(strlen(url->path) < sizeof((struct sockaddr_un *)0)->sun_path);
        return;
    }
    EXPECT(url->host != NULL && url->host[0] != '\0' && strlen(url->host) <= 253);
    EXPECT(strpbrk(url->host, " \t\r\n/@?#%") == NULL);
    EXPECT(url->port >= 1 && url->port <= 65535);
    EXPECT(url->db >= 0 && url->db <= 65535);
    EXPECT(url->user == NULL || (url->user[0] != '\0' && url->password != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *again;
    struct redis_url url, twin;
    struct err err = {0}, other = {0};
    bool is_read = redis_url_read(&url, text, &err);

    if (is_read)
        check(&url);
    else
        EXPECT(err.code == ERR_CONFIG && *err.message != '\0');
    // Other letters change nothing but the words themselves: no message quotes any.
    again = strdup(text);
    for (char *c = again; *c != '\0'; c++)
        if (c - again > 8 && *c >= 'g' && *c <= 'z')
            *c = 'g';
    EXPECT(redis_url_read(&twin, again, &other) == is_read);
    EXPECT(is_read || strcmp(err.message, other.message) == 0);
    redis_url_clear(&url);
    redis_url_clear(&twin);
    EXPECT(url.host == NULL && url.password == NULL);
    free(again);
    free(text);
    return 0;
}
