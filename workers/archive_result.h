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

// What a file is, by its first bytes; the vendor's word for it isn't asked.
struct media_type {
    const char *content_type, *extension, *kind; // kind: image, video, audio
};
// NULL: none that we know, an HTML page for instance.
const struct media_type *media_type_of(const void *head, size_t len);
enum { MEDIA_HEAD_BYTES = 16 };
