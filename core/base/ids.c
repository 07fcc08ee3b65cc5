// Ids from the kernel's random numbers, fetched a page at a time.
#include "core/base/ids.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// Ids of one millisecond: the steps leave room for a million of them, and none is guessed from
// another.
enum { RANDOM_DIGITS = 16, STEP_DIGITS = 10 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // no I, L, O, U
static const char prefix[] = "task_";

static void random_bytes(unsigned char *out, size_t len)
{
    static _Thread_local unsigned char pool[256];
    static _Thread_local size_t left = 0;

    for (; len > 0; len--) {
        if (left == 0) {
            if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
                abort(); // 256 bytes never come short (getrandom(2))
            left = sizeof pool;
        }
        *out++ = pool[--left];
        pool[left] = 0;
    }
}

// Adds a random number of STEP_DIGITS digits, and one.
static void step_up(unsigned char digits[RANDOM_DIGITS])
{
    unsigned char step[STEP_DIGITS];
    unsigned carry = 1;

    random_bytes(step, sizeof step);
    for (int i = 0; i < RANDOM_DIGITS; i++) {
        unsigned char *digit = &digits[RANDOM_DIGITS - 1 - i];

        carry += (*digit & 31U) + (i < STEP_DIGITS ? step[i] & 31U : 0U);
        *digit = carry & 31;
        carry >>= 5;
    }
}

void id_make_task(char id[ID_SIZE], int64_t now_ms)
{
    static _Thread_local unsigned char digits[RANDOM_DIGITS]; // of the last id
    static _Thread_local int64_t made_ms = -1;
    char *at = id + sizeof prefix - 1;

    if (now_ms == made_ms) {
        step_up(digits);
    } else {
        made_ms = now_ms;
        random_bytes(digits, sizeof digits);
    }
    memcpy(id, prefix, sizeof prefix - 1);
    for (int shift = 45; shift >= 0; shift -= 5)
        *at++ = alphabet[((uint64_t)now_ms >> shift) & 31];
    for (size_t i = 0; i < sizeof digits; i++)
        *at++ = alphabet[digits[i] & 31];
    *at = '\0';
}

bool id_is_task(const char *text)
{
    if (strlen(text) != ID_SIZE - 1 || strncmp(text, prefix, sizeof prefix - 1) != 0)
        return false;
    return strspn(text + sizeof prefix - 1, alphabet) == ID_SIZE - sizeof prefix;
}

int64_t id_task_time_ms(const char *id)
{
    int64_t time_ms = 0;

    for (const char *at = id + sizeof prefix - 1; at < id + sizeof prefix - 1 + 10; at++)
        time_ms = time_ms << 5 | (strchr(alphabet, *at) - alphabet);
    return time_ms;
}

void id_random_hex(char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char random;

    for (size_t i = 0; i < len; i++) {
        random_bytes(&random, 1);
        text[i] = hex[random & 15];
    }
    text[len] = '\0';
}
