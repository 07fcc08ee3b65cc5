// Which account a task goes to that the present one hasn't got the model for.
#pragma once

struct account;
struct config;
struct task;

// The next account, in the order of the configuration, that serves the task's model and takes what
// it asks. NULL: all have been asked, or the task is bound to its account, as a follow-up is.
const struct account *elsewhere_next(const struct config *config, const struct account *present,
                                     const struct task *task);
