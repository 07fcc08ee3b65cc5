// The task object of our own REST surface.
#pragma once

#include <stdbool.h>

struct buf;
struct task;

// `cancel` is the outcome of a cancel, NULL without one. An operator also sees whose the task is,
// and where it runs.
void task_json_write(const struct task *task, const char *cancel, bool is_operator,
                     struct buf *json);
// Adds `text`, which is the task object as others see it, as an operator does.
void task_json_widen(const struct task *task, const char *text, struct buf *json);
