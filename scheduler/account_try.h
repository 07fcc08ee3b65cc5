// Tries whether an account works: its vendor is asked for a job that there isn't, which costs
// nothing. Where a token is wanted it is made or asked for first; where no job can be asked for, a
// token alone is.
#pragma once

#include <stdint.h>

struct account;
struct account_try;
struct http_client;
struct loop;

// What came of it; its texts are borrowed for the call.
struct account_said {
    // "ok": the key is taken; "bad_key"; "busy": 429; "failing": 5xx; "unreachable"; "untestable":
    // there is nothing that could be asked.
    const char *state;
    int http_status; // 0: no answer came
    int64_t took_ms;
    const char *words; // the vendor's, or the network's; "": none
};

// Called once, never before account_try_start returns, never after account_try_cancel.
typedef void (*account_said_fn)(void *ctx, const struct account_said *said);

// All parameters are borrowed and outlive the try.
struct account_try *account_try_start(struct loop *loop, struct http_client *http,
                                      const struct account *account, account_said_fn fn, void *ctx);
void account_try_cancel(struct account_try **account_try);
