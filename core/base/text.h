// Short texts in arrays, where printf would cost more than all else.
#pragma once

#include <stdint.h>

enum { TEXT_INT_SIZE = 21 }; // of an int64_t, terminated

// Appends what fits before `end`: what is at `at` stays terminated. NULL adds nothing. Returns its
// new end.
//     char lane[160], *end = lane + sizeof lane;
//     text_add(text_add(lane, end, provider), end, "/");
char *text_add(char *at, const char *end, const char *text);
// The same of a number's digits. A number that doesn't fit is left out.
char *text_int(char *at, const char *end, int64_t number);
// What a hexadecimal digit stands for; -1: it is none.
int text_hex(char c);
