// What Google's models have in common, at the Gemini API and at Vertex AI: who asks, tokens,
// errors, files.
//
// Sources: googleapis/python-genai and js-genai (the SDKs), QuantumNous/new-api, the Cloud
// documentation.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "providers/provider.h"

struct account;
struct http_request;
struct http_response;
struct outcome;
struct token;

// Cloud Storage, whose files want the token.
extern const char google_storage[];

// The keys of a dialect at Vertex; an account with these is one.
extern const struct dialect_key google_vertex_keys[];
const char *google_project(const struct account *account);
const char *google_region(const struct account *account);
// "https://us-central1-aiplatform.googleapis.com", or what stands in for it; the caller frees it.
char *google_vertex_base(const struct account *account);

// With the API key, or at Vertex with a token.
void google_authorize(const struct account *account, struct http_request *request);
// A dialect's functions at Vertex (provider.h): the token of a service account (RFC 7523), an
// assertion signed by its key and changed for a bearer.
bool google_build_token(const struct account *account, int64_t now_ms, struct token *token,
                        struct http_request *request, struct err *err);
bool google_read_token(const struct http_response *response, int64_t now_ms, struct token *token,
                       struct err *err);
bool google_is_token_refused(const struct http_response *response);
// Gemini's files want the key, but the host that they redirect to must not get it; Cloud Storage
// wants the token.
void google_build_fetch(const struct account *account, const char *url,
                        struct http_request *request);
void google_build_vertex_fetch(const struct account *account, const char *url,
                               struct http_request *request);

// Whether a name has the form of Google's paths, and so can't lead elsewhere.
bool google_is_path(const char *name);
// The words of google.rpc's {"error":{"code","message","status"}}, or of a flat error.
const char *google_message(const json_t *body);
// Reads a refusal of Google's own, which has a status in words. False and err: it isn't one.
bool google_read_refusal(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err);
// Google answers PERMISSION_DENIED for an operation that is gone, but was seen to do so for one's
// own operations, too: so it is believed after a while. A gateway's 403 is about its own keys and
// balances.
bool google_is_denied(const struct http_response *response);
