// A store without Redis:
// core/store/{store,queue,transitions,tasks,accounts,events,deliveries,callbacks,shared_secret}.h.
//
// Each call is a line that names the transition, the task and what was said about it; parameters
// that weren't given aren't in it:
//
//   claim submits serial=1 max=64 room=512 (the first account's) | claim due …
//   looks account=mj-1 max=100 | look now task_1 | sweep 0
//   begin task_1 ms=60000 | hold task_1 ms=0 | unwatch task_1
//   change task_1 accept upstream=up-1 …, and so each verb of transitions.h (fake_transitions.c)
//   submit task_1 | replay dev | get task_1 owner=dev | read task_1 task_2 | list dev
//   cancel task_1 | mark … | find mark … | timeline task_1
//   listen | pause | range 1-0 2-0
//   deliveries quick=100 slow=32 | finish task_1 n=1 delivered | log task_1 | redeliver task_1 n=1
//   command HDEL {spool}:acct:mj-1 out | accounts | secret spool:…
//   note task_1 (a vendor's callback)
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store/queue.h"
#include "core/store/tasks.h"
#include "core/store/transitions.h"
#include "tests/support/fake.h"

struct config;
struct delivery;
struct event;
struct store;

// The store is up from the start. `config` is borrowed. fake_store_set_up calls on_up where it was
// asked for.
struct store *fake_store(const struct config *config);
void fake_store_set_up(bool is_up);

// A task with these strings, as the store would give it; the caller's to free.
struct task *fake_task(const char *id, const char *owner, enum task_phase phase);
// The key's "dev", succeeded at its third version; NULL: it is t9, which isn't there.
struct task *fake_ended_task(const char *id);

// Claims: the work, one by one, then their end.
void fake_claim_work(struct fake_call *call, enum work_kind kind, struct task *task);
void fake_claim_done(struct fake_call *call, size_t count, int64_t next_ms);
// Answers a claim of looks; the tasks become the asker's.
void fake_looks_done(struct fake_call *call, struct task **tasks, size_t count, int64_t next_ms);

void fake_change_done(struct fake_call *call, enum change_result result, bool is_cancel_asked);
void fake_begin_done(struct fake_call *call, enum begin_result result);
void fake_choose_done(struct fake_call *call, const char *job); // NULL: none
void fake_sweep_done(struct fake_call *call, const struct sweep *sweep);
void fake_hold_done(struct fake_call *call, bool is_ours);

// Answers a get or a read: `make` gives the record of an id, NULL where there is none.
typedef struct task *(*fake_make_fn)(const char *id);
void fake_tasks_done(struct fake_call *call, fake_make_fn make);
void fake_submit_done(struct fake_call *call, enum submit_result result, const char *id);
void fake_cancel_done(struct fake_call *call, enum cancel_result result);
void fake_strings_done(struct fake_call *call, const char *const *values, size_t count);

// The event stream. Its end is where the last of these calls left it.
void fake_events_ready(const char *cursor);
void fake_events_tell(const struct event *events, size_t count);
void fake_events_gap(const char *cursor);
bool fake_events_are_held(void); // they were told, and nobody has asked for more
unsigned fake_events_most(void); // how many were asked for last
void fake_range_done(struct fake_call *call, const struct event *events, size_t count, bool is_gap);

// Answers a claim of deliveries: one by one, then the end of the claim.
struct delivery_limits;
const struct delivery_limits *
fake_deliveries_limits(const struct fake_call *call); // its arrays aren't kept
void fake_deliveries_give(struct fake_call *call, struct delivery *delivery);
void fake_deliveries_done(struct fake_call *call, size_t count, int64_t next_ms, bool is_short);

// As many states as the configuration has accounts.
struct account_state;
void fake_accounts_done(struct fake_call *call, const struct account_state *states,
                        bool is_worker_there);

void fake_secret_done(struct fake_call *call, const char *text);

// Answers any call: Redis didn't answer in time.
void fake_store_fail(struct fake_call *call);
