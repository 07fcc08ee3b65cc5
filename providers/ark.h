// What Ark's models have in common: Volcengine's platform, with a key and codes of its own.
#pragma once

#include <stdbool.h>

struct http_response;
struct outcome;

// Reads a refusal by Ark's own code. False: the code says no more than the status does.
bool ark_refuse(const struct http_response *response, const char *code, struct outcome *outcome);
// The code that clients see for a job, or one of its results, that failed with Ark's; NULL:
// vendor_failed.
const char *ark_failure(const char *code);
