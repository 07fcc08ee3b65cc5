// Receivers, by host and port.
#include "webhook/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/mem.h"

enum {
    BUCKETS = 512, // a power of two
    ROOM = 16,     // in flight at once
    ROOM_MIN = 4,  // where nobody answers
    WAITING_MAX = 128,
    WORTH_WAITING_MS = 2000,
    TYPICAL_FIRST_MS = 1000, // nothing is known yet
    HAND_BACK_MIN_MS = 20,
    HAND_BACK_MAX_MS = 30000, // then any time up to twice that
    FORGET_MS = 600000,
};

struct endpoint {
    struct endpoint *next; // of its bucket
    char name[URL_HOST_BYTES_MAX + 16];
    unsigned room, in_flight, waiting;
    int64_t typical_us; // till an answer
    int64_t turn_us;    // when the next one that is handed back has its turn
    int64_t used_ms;
    uint32_t noise; // state of the generator that spreads what is handed back for long
};

struct endpoints {
    struct endpoint *buckets[BUCKETS];
};

struct endpoints *endpoints_new(void)
{
    return mem_new(struct endpoints);
}

void endpoints_free(struct endpoints *endpoints)
{
    if (endpoints == NULL)
        return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (endpoints->buckets[i] != NULL) {
            struct endpoint *endpoint = endpoints->buckets[i];

            endpoints->buckets[i] = endpoint->next;
            free(endpoint);
        }
    }
    free(endpoints);
}

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u; // FNV-1a

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

struct endpoint *endpoints_find(struct endpoints *endpoints, const char *url, int64_t now_ms)
{
    char name[sizeof((struct endpoint *)0)->name];
    struct endpoint *endpoint, **bucket;
    struct url_parts parts;
    uint32_t hash;

    if (!url_split(url, &parts))
        return NULL;
    snprintf(name, sizeof name, "%s:%d", parts.host, parts.port);
    hash = hash_of(name);
    bucket = &endpoints->buckets[hash & (BUCKETS - 1)];
    for (endpoint = *bucket; endpoint != NULL; endpoint = endpoint->next)
        if (strcmp(endpoint->name, name) == 0)
            break;
    if (endpoint == NULL) {
        endpoint = mem_new(struct endpoint);
        memcpy(endpoint->name, name, sizeof name);
        endpoint->room = ROOM;
        endpoint->typical_us = TYPICAL_FIRST_MS * 1000;
        endpoint->noise = hash | 1;
        endpoint->next = *bucket;
        *bucket = endpoint;
    }
    endpoint->used_ms = now_ms;
    return endpoint;
}

void endpoints_sweep(struct endpoints *endpoints, int64_t now_ms)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        struct endpoint **at = &endpoints->buckets[i];

        while (*at != NULL) {
            struct endpoint *endpoint = *at;

            if (endpoint->in_flight > 0 || endpoint->waiting > 0 ||
                now_ms - endpoint->used_ms < FORGET_MS) {
                at = &endpoint->next;
                continue;
            }
            *at = endpoint->next;
            free(endpoint);
        }
    }
}

const char *endpoint_name(const struct endpoint *endpoint)
{
    return endpoint->name;
}

bool endpoint_has_room(const struct endpoint *endpoint)
{
    return endpoint->in_flight < endpoint->room;
}

void endpoint_enter(struct endpoint *endpoint)
{
    endpoint->in_flight++;
}

void endpoint_leave(struct endpoint *endpoint, int64_t took_ms, bool is_silent, int64_t now_ms)
{
    endpoint->in_flight--;
    endpoint->used_ms = now_ms;
    if (is_silent) {
        endpoint->room = endpoint->room / 2 < ROOM_MIN ? ROOM_MIN : endpoint->room / 2;
        endpoint->typical_us = took_ms * 1000;
        return;
    }
    if (endpoint->room < ROOM) // it is back: what waits for its turn need not any more
        endpoint->turn_us = 0;
    endpoint->room = ROOM;
    endpoint->typical_us = (3 * endpoint->typical_us + took_ms * 1000) / 4;
}

bool endpoint_is_worth_waiting(const struct endpoint *endpoint)
{
    int64_t turn_us = (endpoint->waiting + 1) * endpoint->typical_us / endpoint->room;

    return endpoint->waiting < WAITING_MAX && turn_us < WORTH_WAITING_MS * 1000;
}

void endpoint_wait(struct endpoint *endpoint)
{
    endpoint->waiting++;
}

void endpoint_unwait(struct endpoint *endpoint)
{
    endpoint->waiting--;
}

static int64_t random_below(struct endpoint *endpoint, uint32_t limit)
{
    endpoint->noise ^= endpoint->noise << 13; // xorshift
    endpoint->noise ^= endpoint->noise >> 17;
    endpoint->noise ^= endpoint->noise << 5;
    return endpoint->noise % limit;
}

int64_t endpoint_hand_back_ms(struct endpoint *endpoint, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000, delay_ms;

    if (endpoint->turn_us < now_us)
        endpoint->turn_us = now_us;
    delay_ms = (endpoint->turn_us - now_us) / 1000;
    // So far ahead nothing is certain: it comes round again, at no particular time.
    if (delay_ms > HAND_BACK_MAX_MS)
        return HAND_BACK_MAX_MS + random_below(endpoint, HAND_BACK_MAX_MS);
    endpoint->turn_us += endpoint->typical_us / endpoint->room;
    return delay_ms < HAND_BACK_MIN_MS ? HAND_BACK_MIN_MS : delay_ms;
}
