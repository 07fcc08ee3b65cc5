// JSON in our own tables.
#include "core/json/json_plain.h"

#include <stdlib.h>

#include "core/base/mem.h"

json_t *json_plain_read(const char *text)
{
    char *copy = mem_str(text);
    json_t *value;

    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    value = json_loads(copy, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    free(copy);
    return value;
}
