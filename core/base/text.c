// Short texts.
#include "core/base/text.h"

#include <string.h>

char *text_add(char *at, const char *end, const char *text)
{
    size_t room = (size_t)(end - at), len = text == NULL ? 0 : strlen(text);

    if (room == 0)
        return at;
    if (len >= room)
        len = room - 1;
    if (len > 0)
        memcpy(at, text, len);
    at[len] = '\0';
    return at + len;
}

char *text_int(char *at, const char *end, int64_t number)
{
    char digits[TEXT_INT_SIZE], *first = digits + sizeof digits - 1;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    *first = '\0';
    do
        *--first = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--first = '-';
    return text_add(at, end, digits + sizeof digits - first <= end - at ? first : "");
}

int text_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
