// Words that a script has packed: an array of strings, as MessagePack has it
// (https://github.com/msgpack/msgpack/blob/master/spec.md), which Redis' cmsgpack writes. Strings
// may have any bytes. An answer of one string costs less than of three dozen, in Redis and here.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct word_list {
    char *at, *end;
    size_t left;
    unsigned char head; // what was at `at` before the word in front of it was terminated
};

// False where it is no such array. `data` is terminated, lives as long as the words, and is written
// to: each word is terminated in place.
bool word_list_begin(struct word_list *words, char *data, size_t len);
// The next word; NULL where there is none, or what follows is no string.
char *word_list_next(struct word_list *words, size_t *len);
