// The parts of the simulated Jimeng: jimeng.c takes jobs and answers queries, jimeng_rules.c knows
// what each req_key wants, jimeng_signature.c checks who asks.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct http_exchange;
struct rule_error;

// Whether the vendor would take the body of a submit.
bool jimeng_check(const json_t *body, struct rule_error *error);

// Why Volcengine's gateway lets a request not pass.
struct jimeng_refusal {
    int status, number;
    const char *code, *message;
};

// NULL where the request is signed with one of the keys that there are: sim-access, or
// sim-temporary with the session token sim-token. Both have the secret key `secret_key`.
const struct jimeng_refusal *jimeng_check_signature(struct http_exchange *exchange,
                                                    const char *secret_key, int64_t now_s);
