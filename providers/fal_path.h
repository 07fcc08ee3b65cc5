// Paths at fal, without their first slash: those of models, and of what is kept as a job's id, the
// path of its result as it stands in a URL: "fal-ai/kling-video/requests/<request id>".
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct buf;
struct http_request;
struct task;

// Whether the text is the path of a job's result, and nothing else that could stand in a URL.
bool fal_path_is(const char *text);
// Whether the path is that of this request.
bool fal_path_is_of(const char *path, const char *request_id);
// Adds the model's path: all of it, or as far as it names the app (JS: parseEndpointId). False
// where it names none.
bool fal_path_add_model(const char *model, bool is_app, struct buf *path);
// Adds the path of a request's result, by the name of the task's model.
bool fal_path_add(const struct task *task, const struct account *account, const char *request_id,
                  struct buf *path);

// A request to the path, which may have a query, at the account's base_url. The latter takes the
// reference to the body.
bool fal_path_get(const struct buf *path, const struct account *account,
                  struct http_request *request, struct err *err) WARN_UNUSED;
bool fal_path_post(const struct buf *path, const struct account *account, json_t *body,
                   struct http_request *request, struct err *err) WARN_UNUSED;
