// Submits that are answered with the result itself. A call takes two seconds.
//
// Words in the prompt of one that was taken, besides those of words.h:
//
//   [after-N] N seconds late   [never] never answered   [slow] ten times longer   [fast] ten times
//   shorter   [times-N] N times longer   [cut-length] [cut-chunks] ends in the middle
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct http_exchange;
struct job;
struct sim;

// The number in a word as "after-3"; 0 where there is none.
long calls_number(const char *prompt, const char *word);
int64_t calls_delay_ms(const struct sim *sim, const struct job *job);
// Answers with the body, in the way that the prompt asks for. `type` is its media type.
void calls_answer(struct sim *sim, struct http_exchange *exchange, const struct job *job,
                  const char *type, const struct buf *body);
// Answers with a half of it where the prompt asks for that, else returns false.
bool calls_cut(struct http_exchange *exchange, const struct job *job, const char *type,
               const struct buf *body);
// Begins an answer whose length nobody knows, with its first chunk.
void calls_begin_chunked(struct http_exchange *exchange, const char *type, const char *data,
                         size_t len);
