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

// glibc's malloc takes small pieces from the thread's own, its calloc doesn't before 2.41; and gcc
// makes a calloc of malloc and memset, but not of realloc.
void *mem_zeroed(size_t count, size_t size)
{
    enum { SMALL_BYTES = 1024 };
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL);
    if (bytes > SMALL_BYTES)
        return checked(calloc(1, bytes));
    return memset(mem_resize(NULL, bytes == 0 ? 1 : bytes), 0, bytes);
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
