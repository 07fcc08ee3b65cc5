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
// Whether the request has the key of the Gemini API, as a header or a parameter. False: it has been
// refused.
bool google_has_key(const struct sim *sim, struct http_exchange *exchange);
// The same of an access token that was issued here, for the project.
bool google_has_access(const struct sim *sim, struct http_exchange *exchange, const char *project);
uint64_t google_tokens_issued(const struct google *google);

// {"error":{"code","message","status"}}, by the name of the status, as "INVALID_ARGUMENT".
void google_refuse(struct http_exchange *exchange, const char *status, const char *why);
