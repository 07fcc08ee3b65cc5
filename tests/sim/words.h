// What goes wrong with a job is asked for by words in square brackets, anywhere in its prompt. All
// vendors share the words below; those for how a job ends are in jobs.h.
//
//   before it is accepted   what a vendor's table of refusals says   [cut-unaccepted] no answer
//   accepted, but           [502] [html] [empty] say nothing of it   [cut] no answer
//                           [cut-reused] no answer on a connection that had served before
//                           [slow-answer] 3 s late
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct http_exchange;
struct sim;

enum { ALWAYS = 1000000000 };

// A refusal in the vendor's own words.
struct refusal {
    const char *word;
    unsigned times; // how many tries with this prompt are refused, or ALWAYS
    int status;
    const char *body; // NULL: none; JSON where it begins with a brace
};

// Whether the prompt has "[word]".
bool words_has(const char *prompt, const char *word);
// How many times as long as usual its job takes: [slow] ten times, [fast] a tenth, [times-N] N
// times.
double words_times(const char *prompt);
// True where the prompt asks for a refusal, and then answers with it. `tried`: how often this
// prompt was submitted before.
bool words_refuse(struct http_exchange *exchange, const char *prompt, unsigned tried,
                  const struct refusal *refusals, size_t count);
// Answers that a job was accepted, in the way that its prompt asks for.
void words_answer(struct sim *sim, struct http_exchange *exchange, const char *prompt,
                  const struct buf *json);
