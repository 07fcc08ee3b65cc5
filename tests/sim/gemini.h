// The parts of Google's simulated image models: gemini.c takes calls at the Gemini API and at
// Vertex AI, gemini_rules.c knows what they want, gemini_answer.c makes the answers.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct http_exchange;
struct job;
struct rule_error;
struct sim;

// In job->route.
extern const char gemini_content[], gemini_predict[];

// Whether there is such a model, whatever it makes.
bool gemini_has_model(const char *name);
// Whether the vendor would take the body of such a call to a model that there is.
bool gemini_check(const char *verb, const char *model, bool is_vertex, const json_t *body,
                  struct rule_error *error);
// Adds what the client has said last.
void gemini_add_prompt(const json_t *body, struct buf *prompt);

// Answers a call that was taken. Its model is "model" in the job's request, its body "body".
void gemini_answer(struct sim *sim, struct http_exchange *exchange, const struct job *job);
