// Ids of vendors that use UUIDs.
#include <stdio.h>

#include "tests/sim/sim.h"

void uuid_make(uint64_t number, char uuid[UUID_SIZE])
{
    // Odd factors: no two numbers give the same `a`, all of whose bits come first.
    uint64_t a = number * 0x9e3779b97f4a7c15u, b = (number ^ a) * 0xbf58476d1ce4e5b9u;

    snprintf(uuid, UUID_SIZE, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xffff), (unsigned)(b >> 48),
             (unsigned long long)(b & 0xffffffffffff));
}
