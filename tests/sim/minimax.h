// The parts of the simulated MiniMax: minimax.c takes jobs and answers queries, minimax_rules.c
// knows what a job's body has to be.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct rule_error;

struct minimax_model {
    const char *name;
    bool is_v2;
    const struct rule *rules;
};

// NULL: there is no such model.
const struct minimax_model *minimax_model_named(const char *name);
bool minimax_check(const struct minimax_model *model, const json_t *body, struct rule_error *error);
