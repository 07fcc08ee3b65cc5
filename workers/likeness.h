// What a submit looks like at a vendor that shows no mark of ours: tasks that look the same can't
// be told apart there.
#pragma once

struct account;
struct task;

// Sets the task's likeness, where the account's vendor has one for it.
void likeness_set(struct task *task, const struct account *account);
