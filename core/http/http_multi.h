// libcurl's multi interface on the loop: its one timer and the sockets it wants to have watched.
#pragma once

#include <curl/curl.h>

struct http_multi;
struct loop;

// Something is to be done: call curl_multi_socket_action with `socket` and `flags`.
typedef void (*http_multi_act_fn)(void *ctx, curl_socket_t socket, int flags);

// `act` may free the multi.
struct http_multi *http_multi_new(struct loop *loop, http_multi_act_fn act, void *ctx);
CURLM *http_multi_curl(const struct http_multi *multi);
void http_multi_free(struct http_multi *multi); // after its transfers are over
