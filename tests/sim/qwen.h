// The parts of the simulated Qwen: qwen.c takes tasks and calls, qwen_rules.c knows what their
// bodies have to be.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct rule_error;

struct qwen_model {
    const char *names; // with their dates
    bool makes_tasks;  // and only those: calls are taken, too, of a model that does
    bool has_five_sizes;
    int n;
    size_t min_images, max_images;
};

// NULL: there is no such model.
const struct qwen_model *qwen_model_named(const char *name);
bool qwen_check_task(const struct qwen_model *model, const json_t *body, struct rule_error *error);
bool qwen_check_call(const struct qwen_model *model, const json_t *body, struct rule_error *error);
// The text of a call's message, which was checked.
const char *qwen_text_of(const json_t *body);
// How many images the body asks for.
int qwen_count(const json_t *body);
