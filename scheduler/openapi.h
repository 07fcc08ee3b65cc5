// The API as an OpenAPI 3.1 document, made of the table of routes and of the tables of fields that
// bodies and queries are checked against, so that it can't say anything else than what is done.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct routes;

// json_decref. `server_url` is where clients reach the API; `has_private`: with what is served on
// the operators' listener only, if there is one.
json_t *openapi_document(const struct routes *routes, const char *server_url, bool has_private);
// The schemas of our own surface, by name; json_decref.
json_t *openapi_schemas(void);
