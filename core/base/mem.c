// Allocation that aborts: on Linux a small malloc fails only when nothing sensible is left to do.
#include "core/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("spool: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *mem_zeroed(size_t count, size_t size)
{
    return checked(calloc(count == 0 ? 1 : count, size));
}

void *mem_resize(void *memory, size_t size)
{
    return checked(realloc(memory, size));
}

char *mem_strn(const char *text, size_t len)
{
    char *copy = checked(malloc(len + 1));

    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_str(const char *text)
{
    return text == NULL ? NULL : mem_strn(text, strlen(text));
}

void mem_set_str(char **slot, const char *text)
{
    char *copy = mem_str(text);

    free(*slot);
    *slot = copy;
}
