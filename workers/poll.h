// One look at one job: a request, and a second one where the answer to the first says so
// (OUTCOME_NEXT).
#pragma once

enum { POLL_ANSWER_MAX = 16 << 20 }; // bytes, also of an answer about many jobs

struct account;
struct bench;
struct err;
struct http_response;
struct outcome;
struct poll;
struct task;

// `outcome` is borrowed for the call, and never OUTCOME_NEXT. NULL with `err`: nothing was learnt.
// Called once, never before poll_start returns, never after poll_cancel.
typedef void (*poll_fn)(void *ctx, const struct outcome *outcome, const struct err *err);

// Task and account are borrowed, outlive the poll. `next`: what the second request is about, where
// that alone is to be asked, for the links of a result (struct outcome: next); NULL: the job. NULL
// and err where no request can be made.
struct poll *poll_start(struct bench *bench, const struct task *task, const struct account *account,
                        const char *next, poll_fn fn, void *ctx, struct err *err);
void poll_cancel(struct poll **poll);
// What an answer to a look says of the account's other looks: a 429 may say when they may go on.
// poll_start's are obeyed.
void poll_obey(struct bench *bench, const struct account *account,
               const struct http_response *response);
