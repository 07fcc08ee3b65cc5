// A text that must not be seen: keys, passwords. No format prints a struct, so it can get into a
// log line only through secret_reveal, which is easy to find.
#pragma once

#include <stdbool.h>

struct secret {
    char *text; // ours; NULL while there is none
};

void secret_set(struct secret *secret, const char *text); // wipes what was there; NULL clears
const char *secret_reveal(const struct secret *secret);   // borrowed; "" where there is none
// Takes the same time wherever two texts of one length differ. An empty secret equals nothing.
bool secret_equals(const struct secret *secret, const char *text);
void secret_clear(struct secret *secret);
