// What Google's image models take: their limits as a table, and bodies of :generateContent.
//
// A task's request is in one of two forms: that of family `images` (families/images.c), or Google's
// own, which has `contents` (families/gemini.c). There, a link is a part's fileData.fileUri.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct account;
struct task;

// Who is asked, which tells what there is: at Vertex AI more than at the Gemini API.
enum gemini_host { GEMINI_API, GEMINI_VERTEX, GEMINI_RELAY };

// What the host calls the task's model.
const char *gemini_model(const struct task *task, const struct account *account,
                         enum gemini_host host);
// Whether the model is one of Imagen's, which Google's hosts have at :predict.
bool gemini_is_imagen(const struct task *task, const struct account *account);
// A dialect's check. Models that aren't in our table may take anything that makes one image.
bool gemini_check(const struct task *task, const struct account *account, enum gemini_host host,
                  struct err *err);
// A dialect's input_at: the vendor takes no links.
char *gemini_input_at(const struct task *task, size_t index);
// The body of a submit, with the files that links led to. NULL and err where the stored request
// can't be read.
json_t *gemini_body(const struct task *task, const struct account *account, enum gemini_host host,
                    struct err *err) WARN_UNUSED;
