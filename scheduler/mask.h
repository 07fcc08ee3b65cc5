// What a request shows to whoever looks at it later: all but its secrets and its files.
#pragma once

#include <jansson.h>

// Masks, at any depth: the texts under names like api_key, secret, token or authorization; user and
// password of URLs, and the parts of their queries that have such a name, or, under a hook's name,
// all parts. Files in base64 become their first characters and their length.
void mask_request(json_t *request);
