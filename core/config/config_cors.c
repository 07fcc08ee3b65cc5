// Which sites' pages may read our answers: cors_origins.
#include <ctype.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_private.h"

static bool is_scheme(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("+-.", text[i]) == NULL)
            return false;
    return len > 0 && isalpha((unsigned char)*text);
}

// Whether the text is a scheme, a host and perhaps a port, and nothing else.
static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    if (host == NULL || !is_scheme(text, (size_t)(host - text)))
        return false;
    host += 3;
    for (const char *at = host; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("-._~:[]", *at) == NULL)
            return false;
    return *host != '\0' && *host != ':' && host[strlen(host) - 1] != ':';
}

// Browsers write an origin in small letters, and without its scheme's own port.
static char *normalize(const char *text)
{
    static const struct {
        const char *scheme, *port;
    } defaults[] = {{"http://", ":80"}, {"https://", ":443"}};
    char *origin = mem_str(text);

    for (char *at = origin; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        size_t len = strlen(origin), port_len = strlen(defaults[i].port);

        if (strncmp(origin, defaults[i].scheme, strlen(defaults[i].scheme)) == 0 &&
            strcmp(origin + len - port_len, defaults[i].port) == 0)
            origin[len - port_len] = '\0';
    }
    return origin;
}

static bool read_origin(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    if (text == NULL)
        return false;
    if (strcmp(text, "*") != 0 && !is_origin(text))
        return setting_bad(reader, "must be \"*\" or an origin, as in https://app.example.com");
    *(char **)out = normalize(text);
    return true;
}

bool config_read_cors_origins(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    if (!json_is_string(value))
        return setting_array(reader, value, sizeof(char *), (void **)&config->cors_origins,
                             &config->cors_count, read_origin);
    config->cors_origins = mem_array(char *, 1);
    config->cors_count = 1;
    return read_origin(reader, value, config->cors_origins);
}

const char *config_cors_origin(const struct config *config, const char *origin)
{
    const char *listed = NULL;

    for (size_t i = 0; i < config->cors_count; i++) {
        if (strcmp(config->cors_origins[i], "*") == 0)
            return "*";
        if (strcmp(config->cors_origins[i], origin) == 0)
            listed = config->cors_origins[i];
    }
    return listed;
}
