// The answer to a call (providers/provider.h: is_call), which is the result itself. Its files go to
// data_dir/answers while it is read, so that neither the document nor a file is ever held whole;
// what is left of it is read by the adapter. Nobody can ask for it again: what was kept is archived
// from there, for as long as that takes.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct account;
struct answer;
struct http_response;
struct storage;
struct task;

// Begins the URL of a source whose file was kept: "kept:<n>". Beside it, the source has
// "content_type", "bytes" and "sha256".
#define ANSWER_KEPT "kept:"

// A piece that wasn't taken is taken now.
typedef void (*answer_room_fn)(void *ctx);
typedef void (*answer_kept_fn)(void *ctx);

// All parameters are borrowed and outlive the answer.
struct answer *answer_new(struct storage *answers, const struct task *task,
                          const struct account *account, answer_room_fn room, void *ctx);
// The next piece. False: the same piece is to come again, after `room`.
bool answer_take(struct answer *answer, const struct http_response *head, const void *data,
                 size_t len);
// The answer without its files, at its end. Borrowed until answer_drop.
const struct http_response *answer_rest(struct answer *answer, const struct http_response *head);
// Keeps the files that the result's sources name as "inline:<n>", and no others. Afterwards these
// sources are "kept:<n>", or have an "error". Takes the reference. True: that is done; false:
// `kept` will say so.
bool answer_keep(struct answer *answer, json_t *result, answer_kept_fn kept, void *ctx) WARN_UNUSED;
// The result by now. Borrowed until answer_drop.
json_t *answer_result(const struct answer *answer);
// What isn't kept by then is deleted.
void answer_drop(struct answer **answer);

// Where a kept file is, by its source's URL. The caller frees it. NULL: it isn't one.
char *answer_key(const struct task *task, const char *url);
// Deletes the files that a result has kept.
void answer_forget(struct storage *answers, const struct task *task, const json_t *result);
