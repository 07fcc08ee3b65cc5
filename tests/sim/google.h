// Who may ask the simulated Google, and how it refuses.
//
// GET /sim/service-account.json gives the key file of an account that the simulator knows, POST
// /oauth2/token changes assertions that are signed with it (RFC 7523) into access tokens. POST
// /sim/forget-tokens ends all access tokens at once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GOOGLE_PROJECT "spool-sim"

struct google;
struct http_exchange;
struct sim;

struct google *google_new(void);
void google_free(struct google *google);

bool google_handle(struct sim *sim, struct http_exchange *exchange);
// Whether the request has an access token that was issued here.
bool google_has_token(const struct google *google, const struct http_exchange *exchange);
uint64_t google_tokens_issued(const struct google *google);

// {"error":{"code","message","status"}}, by the name of the status, as "INVALID_ARGUMENT".
void google_refuse(struct http_exchange *exchange, const char *status, const char *why);
