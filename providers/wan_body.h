// The body of a request to Wan: what each model takes, and how a client's request becomes that.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct task;

// The path that takes the task, of DashScope's services.
const char *wan_body_path(const struct task *task, const struct account *account);
// The model's name at DashScope, for an open-weight name, too. Borrowed.
const char *wan_body_model(const struct task *task, const struct account *account);
// Whether the model takes a prompt.
bool wan_body_sends_prompt(const struct task *task, const struct account *account);
// The stored request as DashScope takes it: what the model has no word for is left out. Takes the
// reference.
json_t *wan_body_of(const struct task *task, const struct account *account, json_t *request);
// What of the request the vendor takes as links alone (provider.h: linked_fields).
const char *const *wan_body_linked_fields(const struct task *task);
// What the model is known to refuse (provider.h: check).
bool wan_body_check(const struct task *task, const struct account *account, struct err *err);
// From the unified form (provider.h).
bool wan_body_from_unified(struct task *task, struct err *err);
// The lines of the shorter side that a size stands for, "1280*720" for 720; 0: it isn't known.
int wan_body_lines(const char *size);
