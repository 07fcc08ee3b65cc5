// The parts of the simulated OpenAI: openai.c takes calls, openai_rules.c knows what they want,
// openai_form.c reads forms, openai_answer.c makes the answers.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct http_exchange;
struct job;
struct rule_error;
struct sim;

enum openai_kind { OPENAI_GENERATE, OPENAI_EDIT, OPENAI_VARIATION, OPENAI_SPEECH };

bool openai_has_model(const char *name);
// Whether the vendor would take the body of such a call, whose model there is. `error` may name a
// code of the vendor's in `code`.
bool openai_check(enum openai_kind kind, const json_t *body, struct rule_error *error,
                  const char **code);
// Whether the model answers with links unless it is asked for base64.
bool openai_links(const char *model);

// A form as the JSON that says the same: files are data URLs. NULL and `why`: it is malformed.
json_t *openai_read_form(const char *content_type, const char *text, size_t len, const char **why);

// Answers a call that was taken and billed.
void openai_answer_images(struct sim *sim, struct http_exchange *exchange, const struct job *job,
                          enum openai_kind kind);
void openai_answer_speech(struct sim *sim, struct http_exchange *exchange, const struct job *job);
void openai_refuse(struct http_exchange *exchange, int status, const char *code, const char *param,
                   const char *why);
