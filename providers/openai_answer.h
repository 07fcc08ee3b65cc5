// Answers of OpenAI and its kin, which are the result: {"data":[{"b64_json"} or {"url"}]}, a sound,
// or an error.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct http_response;
struct outcome;
struct task;

// A dialect's is_file: a sound is what isn't text, whatever the vendor calls its type.
bool openai_is_sound(const struct task *task, const struct http_response *head);
// Reads a refusal of a submit by OpenAI's code. False: its code says nothing, or there is none.
bool openai_refuse(const char *code, struct outcome *outcome);
// A dialect's read_submit.
bool openai_read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err);
