// The simulated Midjourney's tasks. What a task looks like follows from its age when it is asked
// for, so a hundred thousand of them need no timer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/counts.h"

struct buf;
struct sim;

enum mj_action {
    MJ_IMAGINE,
    MJ_BLEND,
    MJ_DESCRIBE,
    MJ_SHORTEN,
    MJ_UPSCALE,
    MJ_VARIATION,
    MJ_REROLL,
    MJ_ZOOM,
    MJ_INPAINT,
};

enum mj_status { MJ_MODAL, MJ_SUBMITTED, MJ_IN_PROGRESS, MJ_SUCCESS, MJ_FAILURE };

struct mj_task {
    uint64_t id;
    enum mj_action action;
    bool is_modal; // waits for its window to be confirmed
    char *prompt;  // a follow-up has its parent's prompt
    char *state;
    int64_t began_ms; // wall clock
    unsigned polls;
    unsigned downloads;
};

struct mj_tasks {
    struct mj_task **ring; // by id
    uint64_t first_id;     // the first id ever given
    uint64_t next_id;
    double speed;
    const char *base_url; // borrowed, outlives us
    struct counts prompts, states;
};

// The simulator's.
struct mj_tasks *mj_tasks_of(const struct sim *sim);
struct mj_tasks *mj_tasks_new(double speed, const char *base_url);
void mj_tasks_free(struct mj_tasks *tasks);

// Accepts a job and counts it. `prompt` and `state` are copied, "" where there is none.
struct mj_task *mj_tasks_add(struct mj_tasks *tasks, enum mj_action action, const char *prompt,
                             const char *state, bool is_modal);
// NULL: there is no such task, or it was dropped to make room.
struct mj_task *mj_tasks_find(const struct mj_tasks *tasks, const char *id);
struct mj_task *mj_tasks_at(const struct mj_tasks *tasks, uint64_t id);
// The window is confirmed: the task runs, with the `state` of the request that confirmed it.
void mj_task_confirm(struct mj_tasks *tasks, struct mj_task *task, const char *prompt,
                     const char *state);

enum mj_status mj_task_status(const struct mj_tasks *tasks, const struct mj_task *task,
                              int *progress);
// Counts a look at the task: false where the look doesn't see it.
bool mj_task_look(struct mj_task *task);
void mj_task_add_json(const struct mj_tasks *tasks, const struct mj_task *task, struct buf *buf);

// The task's part of a customId.
void mj_task_hash(const struct mj_task *task, char hash[37]);
// What pressing the button would do; false where the task has no such button.
bool mj_task_button(const struct mj_tasks *tasks, const struct mj_task *task, const char *custom_id,
                    enum mj_action *action, bool *needs_modal);
