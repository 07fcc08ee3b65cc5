// What an answer to a submit proves that isn't an acceptance: that nothing was accepted, or nothing
// at all.
//
// A request passes the network, a proxy or a load balancer, a gateway (one-api, new-api and their
// kin, another Spool), and reaches the vendor. Any of them may answer. An answer proves that
// nothing was accepted where whoever gave it can't have passed the request on, or says that it
// hasn't taken the request; then the answer is a refusal, with its words. All else is a doubt.
//
//   who answers     with                                    and so
//   network         no connection, no TLS                   never came there (the worker knows)
//   web server      4xx, 501, 505, 511; 301, 307, 308       not passed on, or not taken
//                   502: the connection broke, or wasn't    it may have been passed on: doubt
//                   504, 524, 408, 499: it took too long    passed on: doubt
//                   503 in the words of one that makes      not passed on
//                   them only where it has nobody behind
//                   it, or too much to do
//   Cloudflare      521, 523, 525, 526, 530                 it never reached who is behind it
//                   520, 522: nothing or no more came back  it may have been passed on: doubt
//   gateway         nobody to send it to (503, 4xx, 200),   not passed on
//                   no balance, a word of its filter's
//                   the same at 500, do_request_failed,     somebody was tried before: doubt
//                   fail_to_fetch_task and the like
//   vendor          4xx                                     not taken
//                   its own codes                           as each adapter's table has them
//                   any other 5xx                           doubt
//   any of them     2xx, a code of an error, no id          as the code says; not taken
//                   2xx that can't be read, or says nothing doubt
//
// 409, 423 and 424 are doubts: they speak of another request than this, which may have been ours. A
// request that is refused for good (the same one would be refused again) is OUTCOME_REFUSED_FINAL,
// else OUTCOME_REFUSED_RETRY, or _ELSEWHERE where the refusal is about this account: its balance,
// its address.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct http_response;
struct outcome;

// Whether the answer is a refusal, as the table says; `body` NULL: it isn't JSON. False and err: a
// doubt. Vendors' own codes are looked at first, by their adapters.
bool refusal_read(const struct http_response *response, const json_t *body, struct outcome *outcome,
                  struct err *err) WARN_UNUSED;
// The answer's words for people, wherever it has them; "" where it has none. Borrowed from the
// body.
const char *refusal_words(const json_t *body);
// The number at `place`, also as a string; 0 where there is none.
int64_t refusal_number(const json_t *body, const char *place);
// The numbers of midjourney-proxy, which its relays have for other vendors, too. False for a number
// that isn't a refusal's.
bool refusal_by_number(int64_t number, struct outcome *outcome) WARN_UNUSED;
// Whether the answer is from a gateway that hasn't asked anybody: it has the gateway's own type,
// and no code of an attempt.
bool refusal_is_gateways(const json_t *body);
// Whether the answer names an error, known to us or not.
bool refusal_is_named(const json_t *body);
