// Small allocations that abort instead of failing. A size that a stranger chooses is bounded before
// it comes here.
#pragma once

#include <stddef.h>

#define mem_new(type) ((type *)mem_zeroed(1, sizeof(type)))
#define mem_array(type, count) ((type *)mem_zeroed((count), sizeof(type)))

void *mem_zeroed(size_t count, size_t size);
void *mem_resize(void *memory, size_t size);
char *mem_str(const char *text);                 // a copy; NULL stays NULL
char *mem_strn(const char *text, size_t len);    // a copy, terminated
void mem_set_str(char **slot, const char *text); // frees what was there; NULL clears
