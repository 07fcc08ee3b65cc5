// In whose words a family's path shows a task.
#pragma once

#include <stdbool.h>

struct buf;
struct family;
struct request;
struct task;

// The family that shows the task to this request: the task's own, if the path is also of that one;
// else one that has the same tasks. NULL: none.
const struct family *query_shown_by(const struct request *request, const struct task *task);
// Adds the task as this request's path shows it. False: it isn't one of the path's.
bool query_show(const struct request *request, const struct task *task, struct buf *json);
