// What the models of OpenAI and its kin take: images and speech.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct task;

// A dialect's check. A model that isn't in our tables may take anything.
bool openai_check(const struct task *task, const struct account *account, struct err *err);
// Turns the kept request into the body of an image's submit; takes the reference.
json_t *openai_image_body(const struct task *task, const struct account *account, json_t *asked);
// The same of speech.
json_t *openai_speech_body(const struct task *task, const struct account *account, json_t *asked);
