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
// The final result where the vendor's result is texts alone. The caller frees it.
char *archive_result_of_texts(const char *result);

// While a task is archived, each of its sources gets what has become of it, as "artifact": a file
// of ours, a text, or a file that can't be had, with its "error". These return a new reference.
json_t *archive_artifact_text(const json_t *source);
// `url`: the vendor's link, for want of a file; NULL: none.
json_t *archive_artifact_missing(const json_t *source, const char *url);
// Nothing: there is no such file, and nobody has said that there is. The final result leaves it
// out.
json_t *archive_artifact_none(void);
// Adds to the artifact what the source is beside its kind.
void archive_artifact_mark(json_t *artifact, const json_t *source);
// Whether nobody has said that there is such a file (outcome.h: variant).
bool archive_is_variant(const json_t *source);
// The final result, in the order of the sources. It is a success where at least one of the files
// that the task was about can be had, by our link or the vendor's. The caller frees it.
char *archive_result_final(const json_t *result, bool *is_success);
// Why the first file that can't be had can't be had; never NULL.
const char *archive_result_why(const json_t *result);

// task-artifacts/YYYY/MM/DD/<account>/<action>/<task id>[-n].<extension>; n from 1, 0: the first.
char *archive_key(const struct task *task, size_t n, const char *extension);
// Which of the task's files the source is, from 0.
size_t archive_result_number(const json_t *result, size_t index);
