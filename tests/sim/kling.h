// The parts of the simulated Kling: kling.c takes jobs and answers queries, kling_rules.c knows
// what Kling's paths want, kling_token.c checks who asks.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct rule;
struct rule_error;

typedef bool (*kling_check_fn)(const json_t *body, struct rule_error *error);

struct kling_route {
    const char *path;
    const char *models; // the models that the path has
    bool makes_images;
    const struct rule *rules;
    kling_check_fn check; // checks what the rules can't say; NULL: nothing
};

// The route that a path begins with; NULL: it is none of Kling's. `rest` is what follows: "" or
// "/…".
const struct kling_route *kling_route_of(const char *path, const char **rest);

// Kling's code for the header: 0 where it has a token that is good now.
int kling_token_check(const char *authorization, const char *access_key, const char *secret_key,
                      int64_t now_s, const char **why);
