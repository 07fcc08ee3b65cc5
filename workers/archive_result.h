// The result of a task, from the vendor's links to our files.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outcome;
struct task;

// Whether there is anything to fetch, beside texts.
bool archive_result_has_files(const struct outcome *outcome);
// The final result of one that is texts alone. The caller frees.
char *archive_result_of_texts(const char *result);
// task-artifacts/YYYY/MM/DD/<account>/<action>/<task id>[-n].<extension>; n from 1, 0: the first.
char *archive_key(const struct task *task, size_t n, const char *extension);
