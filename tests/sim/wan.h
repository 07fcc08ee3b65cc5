// The parts of the simulated Wan: wan.c takes jobs and answers queries, wan_rules.c knows what a
// job's body has to be.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct rule_error;

struct wan_model {
    const char *name;
    const char *service; // the path that takes it
    const struct rule *input, *parameters;
    bool is_newer;  // its usage has the names of 2.6
    bool is_nested; // its result lies in `results`
};

// NULL: there is no such model.
const struct wan_model *wan_model_named(const char *name);
bool wan_check(const struct wan_model *model, const json_t *body, struct rule_error *error);
