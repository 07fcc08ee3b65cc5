// Cross-origin requests.
#include "scheduler/cors.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/http/http_server.h"

// A day would do, but browsers keep it for two hours at most.
static const char max_age_s[] = "7200";

// What our clients, and the SDKs that we know, send beside what every page may.
static const char allowed[] =
    "Authorization, Content-Type, Idempotency-Key, Prefer, Last-Event-ID, mj-api-secret, "
    "traceparent, tracestate, baggage, X-Request-Id, Range, If-Range, If-None-Match, "
    "Cache-Control, "
    "x-goog-api-key, x-goog-api-client, OpenAI-Organization, OpenAI-Project, X-Stainless-Arch, "
    "X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Retry-Count, "
    "X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout, "
    "X-Stainless-Helper-Method";

// What a script may read beside what every answer shows.
static const char exposed[] =
    "X-Request-Id, Retry-After, Idempotent-Replayed, X-Should-Retry, ETag, Content-Length, "
    "Content-Range, Content-Disposition, Accept-Ranges, Allow, WWW-Authenticate";

// What Access-Control-Allow-Origin is to say; NULL: no such header.
static const char *allowed_origin(const struct config *config, const struct http_exchange *exchange)
{
    const char *origin = http_exchange_header(exchange, "origin");

    return origin == NULL ? NULL : config_cors_origin(config, origin);
}

void cors_mark(const struct config *config, struct http_exchange *exchange)
{
    const char *origin;

    if (config->cors_count == 0)
        return;
    // Also where no page asks: a cache mustn't give this answer to a page that does.
    http_exchange_add_header(exchange, "Vary", "Origin");
    origin = allowed_origin(config, exchange);
    if (origin == NULL)
        return;
    http_exchange_add_header(exchange, "Access-Control-Allow-Origin", origin);
    http_exchange_add_header(exchange, "Access-Control-Expose-Headers", exposed);
}

// Whether it is a list of header names, as browsers send it.
static bool is_list_of_names(const char *text)
{
    static const char name_chars[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        "0123456789!#$%&'*+-.^_`|~, ";

    return *text != '\0' && strspn(text, name_chars) == strlen(text);
}

void cors_mark_preflight(const struct config *config, struct http_exchange *exchange,
                         const char *methods)
{
    const char *asked = http_exchange_header(exchange, "access-control-request-headers");
    struct buf headers = {0};

    if (http_exchange_header_count(exchange, "access-control-request-method") == 0 ||
        allowed_origin(config, exchange) == NULL)
        return;
    // A header that we don't know does no harm, and without it the page couldn't ask at all.
    buf_str(&headers, allowed);
    if (asked != NULL && is_list_of_names(asked))
        buf_fmt(&headers, ", %s", asked);
    http_exchange_add_header(exchange, "Access-Control-Allow-Methods", methods);
    http_exchange_add_header(exchange, "Access-Control-Allow-Headers", headers.data);
    http_exchange_add_header(exchange, "Access-Control-Max-Age", max_age_s);
    buf_clear(&headers);
}
