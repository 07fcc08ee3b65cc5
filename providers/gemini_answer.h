// Answers of Google's image models, which are the result: candidates whose parts have files,
// Imagen's predictions, or why there is nothing.
//
// What families show beside the files is in the outcome's extra, as "gemini": {"parts": a list of
// {"text"} and, for each source in turn, {}; with "thoughtSignature" where there is one;
// "finishReason", "usageMetadata"}.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct http_response;
struct outcome;
struct task;

// A dialect's inline_keys.
extern const char *const gemini_inline_keys[];
// A dialect's read_submit. Relays' models answer with data URLs or links in texts, too.
bool gemini_read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err);
bool gemini_read_relay(const struct task *task, const struct account *account,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err);
