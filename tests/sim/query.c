// Parameters of a path's query.
#include "tests/sim/query.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
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

enum { MAX_PARAMETERS = 32 };

struct parameter {
    const char *name, *value;
};

static int compare(const void *a, const void *b)
{
    const struct parameter *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order != 0 ? order : strcmp(left->value, right->value);
}

void query_add_canonical(struct http_exchange *exchange, struct buf *buf)
{
    struct parameter all[MAX_PARAMETERS];
    const char *at, *end;
    size_t count = 0;

    http_exchange_query(exchange, ""); // decodes it
    at = buf_text(&exchange->query);
    end = at + exchange->query.len;
    while (at < end && count < MAX_PARAMETERS) {
        all[count].name = at;
        all[count].value = at + strlen(at) + 1;
        at = all[count].value + strlen(all[count].value) + 1;
        count++;
    }
    qsort(all, count, sizeof all[0], compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_char(buf, '&');
        buf_percent(buf, all[i].name);
        buf_char(buf, '=');
        buf_percent(buf, all[i].value);
    }
}
