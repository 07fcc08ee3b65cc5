// The parts of the simulated Veo: veo.c takes jobs in the Gemini API's dialect and in Vertex AI's,
// veo_rules.c knows what they want, veo_answer.c tells of operations.
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct http_exchange;
struct job;
struct rule_error;
struct sim;

enum { VEO_NAME_SIZE = 320 };

// The names of the two APIs, also in job->route.
extern const char veo_gemini[], veo_vertex[];

bool veo_check(const json_t *body, bool is_vertex, struct rule_error *error);
// Answers with the operation as it is now. Its name is "name" in the job's request.
void veo_answer(struct sim *sim, struct http_exchange *exchange, const struct job *job);
