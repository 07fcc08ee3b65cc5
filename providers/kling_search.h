// A submit in doubt at Kling: step 0 asks for our own id in the path, from step 1 on the account's
// list is searched, page by page, the newest first.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct http_response;
struct outcome;
struct task;

enum { KLING_LIST_SIZE = 500, KLING_LIST_PAGES = 20 };

// The answer to a step: accepted, proved absent, or the next step. As read_lookup of provider.h.
bool kling_search_read(const struct task *task, const struct account *account, int step,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err) WARN_UNUSED;
