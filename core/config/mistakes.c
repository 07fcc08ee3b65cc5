// What is wrong with a configuration.
#include "core/config/mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void config_mistakes_add(struct config_mistakes *mistakes, const struct err *mistake)
{
    mistakes->list = mem_resize(mistakes->list, (mistakes->count + 1) * sizeof *mistakes->list);
    mistakes->list[mistakes->count++] = *mistake;
}

bool config_mistakes_has(const struct config_mistakes *mistakes, const char *key, ...)
{
    char name[160];
    va_list args;
    size_t len;

    va_start(args, key);
    vsnprintf(name, sizeof name, key, args);
    va_end(args);
    len = strlen(name);
    for (size_t i = 0; i < mistakes->count; i++) {
        const char *message = mistakes->list[i].message;

        if (strncmp(message, name, len) == 0 && (message[len] == ':' || message[len] == '.'))
            return true;
    }
    return false;
}

void config_mistakes_clear(struct config_mistakes *mistakes)
{
    free(mistakes->list);
    *mistakes = (struct config_mistakes){0};
}
