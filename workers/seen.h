// What vendors said of tasks while nothing came of it. A part of an answer that is the same again,
// about a task that is as it was then, isn't read any further: most looks find nothing new.
//
// It remembers a number of such parts, by their hashes, however many tasks there are.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct seen;
struct task;

struct seen *seen_new(void);
void seen_drop(struct seen **seen);
// Looks through an answer about many tasks. Returns how many of them are to be read, and moves
// these to the front; of the others it is known that nothing is new. Where that isn't all, `rest`,
// which is empty, gets the answer without the others' parts.
size_t seen_pass_over(const struct seen *seen, struct task **tasks, size_t count,
                      const struct buf *answer, struct buf *rest);
// Nothing came of what the answer says of the tasks that are quiet.
void seen_note(struct seen *seen, struct task *const *tasks, const bool *is_quiet, size_t count,
               const struct buf *answer);
