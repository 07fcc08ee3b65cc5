// Why queued tasks wait. What Redis knows of the accounts is read where somebody asks, and at most
// once a second where somebody submits; waiting_explain says what follows from it for a task.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/store/tasks.h"

struct account;
struct account_state;
struct config;
struct store;
struct task;
struct waiting;
struct waiting_read;

struct waiting *waiting_start(struct store *store);
void waiting_drop(struct waiting **waiting);

// Reads the accounts anew, unless that was done a moment ago.
void waiting_look(struct waiting *waiting);
// Keeps what somebody else has just read (accounts_read).
void waiting_keep(struct waiting *waiting, const struct account_state *states,
                  bool is_worker_there);

// Whether workers took the account out because of its key, by what was read last.
bool waiting_has_out(const struct waiting *waiting, const struct account *account);
// Whether the record alone doesn't say why the task waits, so that the accounts should be read now.
bool waiting_is_open(const struct task *task);
// Makes the task say why it waits, where it is queued, and not only for a moment.
void waiting_show(const struct waiting *waiting, struct task *task);
// Reads records as tasks_get_many does, anybody's; tasks that wait say why, as of now.
struct waiting_read *waiting_read_tasks(struct waiting *waiting, const char *const *ids,
                                        size_t count, tasks_fn fn, void *ctx);
void waiting_read_cancel(struct waiting_read **read);

// Makes the task say why it waits, by its own record and the accounts. Pure. `states` as
// accounts_read has them.
void waiting_explain(const struct config *config, const struct account_state *states,
                     bool is_worker_there, int64_t now_ms, struct task *task);

// Whether the account could take the task if it were free: it is the task's own, where the task has
// one, and serves its model.
bool waiting_may_take(const struct account *account, const struct task *task);
