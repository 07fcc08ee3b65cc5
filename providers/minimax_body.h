// The body of a request to MiniMax: what each model takes, and how a client's request becomes that.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct task;

// Whether the model is one of the second generation, which has paths and bodies of its own.
bool minimax_body_is_v2(const struct task *task, const struct account *account);
// The model's name at MiniMax: of one that it has no more, that of its successor. Borrowed.
const char *minimax_body_model(const struct task *task, const struct account *account);
// The stored request as MiniMax takes it. Takes the reference.
json_t *minimax_body_of(const struct task *task, const struct account *account, json_t *request);
// What the model is known to refuse (provider.h: check).
bool minimax_body_check(const struct task *task, const struct account *account, struct err *err);
// From the unified form (provider.h).
bool minimax_body_from_unified(struct task *task, struct err *err);
