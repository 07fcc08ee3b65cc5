// The error table and how messages are put together.
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int http_status;
} codes[] = {
#define X(code, name, status) [code] = {name, status},
    ERR_TABLE(X)
#undef X
};

// Messages end up in logs and JSON: control characters would forge lines there.
static void flatten(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;

    err->code = code;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    flatten(err->message);
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    char inner[sizeof err->message];
    va_list args;
    int prefix;

    memcpy(inner, err->message, sizeof inner);
    va_start(args, format);
    prefix = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (prefix >= 0 && (size_t)prefix < sizeof err->message)
        snprintf(err->message + prefix, sizeof err->message - (size_t)prefix, ": %s", inner);
    flatten(err->message);
    return false;
}

const char *err_name(enum err_code code)
{
    return codes[code].name;
}

int err_http_status(enum err_code code)
{
    return codes[code].http_status;
}
