// The task object of our own REST surface.
#pragma once

struct buf;
struct task;

// `cancel` is the outcome of a cancel, NULL without one.
void task_json_write(const struct task *task, const char *cancel, struct buf *json);
