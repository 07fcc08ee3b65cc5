// The parts of the simulated Kling: kling.c takes jobs and answers queries, kling_rules.c knows
// what its paths want, kling_token.c checks who asks.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct rule;
struct rule_error;

typedef bool (*kling_check_fn)(const json_t *body, struct rule_error *error);

struct kling_route {
    const char *path;
    const char *models; // that it has
    bool makes_images;
    const struct rule *rules;
    kling_check_fn check; // what the rules can't say; NULL: nothing
};

// NULL: no path of Kling's. `rest` is what follows it: "" or "/…".
const struct kling_route *kling_route_of(const char *path, const char **rest);

// Kling's code: 0 where the header has a token that is good now.
int kling_token_check(const char *authorization, const char *access_key, const char *secret_key,
                      int64_t now_s, const char **why);
