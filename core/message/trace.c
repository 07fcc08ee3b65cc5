// Trace context: kept as "<traceparent>" or "<traceparent> <tracestate>".
#include "core/message/trace.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/message/http_message.h"

// A field of `len` lower-case hexadecimal digits that `end` follows, and that isn't all `never`.
static bool is_field(const char *at, size_t len, char end, char never)
{
    char text[2] = {never, '\0'};

    return strspn(at, "0123456789abcdef") == len && at[len] == end && strspn(at, text) < len;
}

// "version-trace-parent-flags". What a later version adds behind its flags is for those who know
// it.
static bool is_parent(const char *text)
{
    if (text == NULL || strlen(text) < TRACE_PARENT_LEN)
        return false;
    if (text[TRACE_PARENT_LEN] != '\0' &&
        (strncmp(text, "00", 2) == 0 || text[TRACE_PARENT_LEN] != '-'))
        return false;
    return is_field(text, 2, '-', 'f') && is_field(text + 3, 32, '-', '0') &&
           is_field(text + 36, 16, '-', '0') &&
           is_field(text + 53, 2, text[TRACE_PARENT_LEN], '\0');
}

static bool is_state(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0 || len > TRACE_STATE_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

char *trace_keep(const char *traceparent, const char *tracestate)
{
    struct buf trace = {0};

    if (!is_parent(traceparent))
        return NULL;
    // A later version is passed on as the one that we know.
    buf_str(&trace, "00");
    buf_add(&trace, traceparent + 2, TRACE_PARENT_LEN - 2);
    if (is_state(tracestate))
        buf_fmt(&trace, " %s", tracestate);
    return buf_take(&trace);
}

void trace_add(const char *trace, struct http_request *request)
{
    char parent[TRACE_PARENT_LEN + 1];

    if (trace == NULL || strlen(trace) < TRACE_PARENT_LEN)
        return;
    snprintf(parent, sizeof parent, "%s", trace);
    http_add_header(request, "traceparent", parent);
    if (trace[TRACE_PARENT_LEN] == ' ')
        http_add_header(request, "tracestate", trace + TRACE_PARENT_LEN + 1);
}
