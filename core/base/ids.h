// Ids: time-ordered and unguessable.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ID_SIZE = 32 }; // "task_", 26 characters, and the terminator

// A ULID behind "task_": 48 bits of Unix milliseconds, 80 random bits, Crockford's base 32. Those
// that a thread makes go up, within a millisecond, too: in the order of their ids tasks are as they
// came.
void id_make_task(char id[ID_SIZE], int64_t now_ms);
bool id_is_task(const char *text);
// The Unix milliseconds in a task id.
int64_t id_task_time_ms(const char *id);
// `len` characters of 0-9a-f, and the terminator.
void id_random_hex(char *text, size_t len);
