// A Spool to talk to: one request at a time, which blocks until it is answered.
//
// What goes wrong is one line that says what to do next. Its code: ERR_AUTH for a key that isn't
// taken, ERR_NOT_FOUND, ERR_PATH, ERR_CONFLICT, ERR_TIMEOUT for a request that was given a time,
// ERR_UNAVAILABLE where nobody answers, ERR_IO where the answer was lost, ERR_REFUSED for the rest.
#pragma once

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct cli_http;
struct http_request;
struct http_response;

// NULL where the URL or the key is none: wrong use. `url` NULL: this machine's, at the usual port;
// `key` NULL: what Spool takes there by itself, and nothing elsewhere.
struct cli_http *cli_http_new(const char *url, const char *key, struct err *err);
void cli_http_free(struct cli_http *http);
// Without a slash at the end.
const char *cli_http_url(const struct cli_http *http);

// Sends the request, with the key, and clears it. False where no answer came: one that refuses is
// an answer. http_response_clear in any case.
bool cli_http_send(struct cli_http *http, struct http_request *request,
                   struct http_response *response, struct err *err) WARN_UNUSED;
// The same as a form, of fields "name=value" and "name=@file".
bool cli_http_send_form(struct cli_http *http, struct http_request *request,
                        const char *const *fields, size_t count, struct http_response *response,
                        struct err *err) WARN_UNUSED;
// The JSON of an answer that is a success; NULL where it refuses, or isn't Spool's.
json_t *cli_http_read(const struct cli_http *http, const struct http_response *response,
                      struct err *err) WARN_UNUSED;
// Why an answer refuses, in whichever family's shape; "" where it doesn't say.
const char *cli_http_words(const json_t *answer);
// cli_http_send, and cli_http_read of what came. Clears the request.
json_t *cli_http_ask(struct cli_http *http, struct http_request *request,
                     struct err *err) WARN_UNUSED;

// What it means where there is no path of an operator's: they may be elsewhere. Always false.
bool cli_http_explain_admin(const struct cli_http *http, struct err *err);
// Only an operator may ask that. Always false.
bool cli_http_want_operator(struct err *err);

// False ends it.
typedef bool (*cli_http_data_fn)(void *ctx, const void *data, size_t len);
// Gets a link's file, without the key, piece by piece.
bool cli_http_fetch(struct cli_http *http, const char *url, cli_http_data_fn on_data, void *ctx,
                    struct err *err) WARN_UNUSED;

// Connects and leaves the rest to the caller: for curl_easy_send and curl_easy_recv. NULL where
// nobody is there. curl_easy_cleanup.
CURL *cli_http_connect(struct cli_http *http, struct err *err) WARN_UNUSED;
// Borrowed; "" where there is none.
const char *cli_http_key(const struct cli_http *http);
