// Parameters of a path's query.
#include "tests/sim/query.h"

#include <stdlib.h>
#include <string.h>

#include "core/http/http_server_private.h" // no role needs a parameter that comes more than once

size_t query_number(struct http_exchange *exchange, const char *name, size_t other, size_t max)
{
    const char *text = http_exchange_query(exchange, name);
    unsigned long number;
    char *end;

    if (text == NULL)
        return other;
    number = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && number <= max ? number : 0;
}

const char *query_next(struct http_exchange *exchange, const char *name, const char *value)
{
    const char *at, *end;

    if (value == NULL)
        return http_exchange_query(exchange, name);
    end = exchange->query.data + exchange->query.len;
    for (at = value + strlen(value) + 1; at < end; at = value + strlen(value) + 1) {
        value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0)
            return value;
    }
    return NULL;
}
