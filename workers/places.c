// Shares of places.
#include "workers/places.h"

enum { ALWAYS = 2 };

int places_room(const struct places *places, int held, int part)
{
    int left = places->max - places->used;
    // What the party takes is free no more, so in the end: (left - room) / part >= held + room.
    int room = left > part * held ? (left - part * held + part) / (part + 1) : 0;

    return room > 0 || held >= ALWAYS ? room : ALWAYS - held;
}
