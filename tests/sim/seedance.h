// The parts of the simulated Seedance: seedance.c takes jobs and answers queries,
// seedance_rules.c knows what a job's body has to be.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct jobs;
struct rule_error;

// `code` is Ark's for what is wrong.
bool seedance_check(const struct jobs *jobs, const json_t *body, const char **code,
                    struct rule_error *error);
