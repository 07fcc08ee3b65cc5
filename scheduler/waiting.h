// Why queued tasks wait. What Redis knows of the accounts is read where somebody asks, and at most
// once a second where somebody submits; what follows from it for a task is waiting_explain's.
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

// Reads it anew, unless that was done within the last second.
void waiting_look(struct waiting *waiting);
// What was just read, by whoever did (accounts_read).
void waiting_keep(struct waiting *waiting, const struct account_state *states,
                  bool is_worker_there);

// By what was read last: whether workers took the account out because of its key.
bool waiting_has_out(const struct waiting *waiting, const struct account *account);
// Whether the record doesn't say it all, so that what was read should be of now.
bool waiting_is_open(const struct task *task);
// Makes the task say why it waits, where it is queued and that isn't only for a moment.
void waiting_show(const struct waiting *waiting, struct task *task);
// Reads records as tasks_get_many does, anybody's; those that wait say why, as of now.
struct waiting_read *waiting_read_tasks(struct waiting *waiting, const char *const *ids,
                                        size_t count, tasks_fn fn, void *ctx);
void waiting_read_cancel(struct waiting_read **read);

// Why a task waits, from what that follows from. Pure. `states` as accounts_read has them.
void waiting_explain(const struct config *config, const struct account_state *states,
                     bool is_worker_there, int64_t now_ms, struct task *task);

// Whether the account could take the task, were it free: it is its own, and serves its model.
bool waiting_may_take(const struct account *account, const struct task *task);
