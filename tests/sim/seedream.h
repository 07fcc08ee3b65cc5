// The parts of the simulated Seedream: seedream.c takes calls and answers them, seedream_rules.c
// knows what a call's body has to be.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct rule_error;

// `code` is Ark's for what is wrong.
bool seedream_check(const json_t *body, const char **code, struct rule_error *error);
// How many images the body's call makes at most.
int seedream_count(const json_t *body);
