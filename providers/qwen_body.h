// What Qwen's image models take, and how DashScope is asked for it.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct task;

// Whether DashScope makes a task of it, instead of answering with the result.
bool qwen_body_makes_task(const struct task *task, const struct account *account);
// The model's name at DashScope. Borrowed.
const char *qwen_body_model(const struct task *task, const struct account *account);
// A dialect's check. A model that isn't in our tables may take anything.
bool qwen_body_check(const struct task *task, const struct account *account, struct err *err);
// Turns the kept request into a body for DashScope; takes the reference.
json_t *qwen_body_of(const struct task *task, const struct account *account, json_t *asked);
