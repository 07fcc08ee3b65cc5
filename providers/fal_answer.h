// What fal's models answer: their files, and what is told beside them.
#pragma once

#include <jansson.h>

struct outcome;
struct task;

// Adds the files of a result. A task for images has an extra, too, by which its answer can be
// written as the model has it (families/fal.c): `files`, for each source in turn {"at": the name
// under which the model has it, "more": what it tells of the file}, and `fields`, which has the
// rest. Links are in neither. It has failed where nothing of it is left.
void fal_answer_read(const struct task *task, const json_t *body, struct outcome *outcome);
