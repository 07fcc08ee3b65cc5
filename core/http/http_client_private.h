// What http_client.c and http_easy.c share: a call, and the curl handle that carries it out.
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "core/http/http_client.h"
#include "core/message/http_message.h"

struct curl_slist;
struct http_client;

// A curl handle and what it points to, kept for the next call: its callbacks are set once.
struct http_easy {
    CURL *curl;
    struct http_call *call;
    struct http_easy *next; // of the handles without a call
    char error[CURL_ERROR_SIZE];
};

enum http_call_state { CALL_QUEUED, CALL_ACTIVE, CALL_FIRED, CALL_CANCELLED };

struct http_call {
    struct http_client *client;
    struct http_call *previous, *next; // of all the client's calls
    struct http_call *next_due;        // of the calls that on_turn has to look at
    bool is_due;
    enum http_call_state state;
    struct http_request request;
    struct http_options options;
    http_done_fn done;
    struct http_response response;
    struct http_easy *easy;
    struct curl_slist *headers;
    bool is_paused, wants_resume;
    bool has_http2;     // was offered to the server
    bool has_begun;     // a connection was ready: from here on, bytes may have left
    bool has_opened;    // an address was tried
    bool is_refused;    // an address was refused
    bool is_broken;     // the request's body has broken off
    bool is_past;       // what went out on a dead connection can't be sent again
    bool is_well;       // it has ended without an error
    const char *excess; // what was larger than allowed
};

// A handle with our callbacks. `user_agent` is borrowed for the call.
struct http_easy *http_easy_new(const char *user_agent);
void http_easy_free(struct http_easy *easy);
// Makes it ready for the next call: what points into the last call is forgotten.
void http_easy_reset(struct http_easy *easy);
// Tells the call's handle what the call is to do, and how much of an answer it may read at once.
void http_easy_set(struct http_call *call, size_t buffer_bytes);
// Sets how slow the other side may be: off while it is we who make it wait.
void http_easy_set_low_speed(const struct http_call *call);
