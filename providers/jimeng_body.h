// A client's body in the words of Volcengine's visual service, and back from the unified form.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct task;

// The vendor's req_key for what the body (NULL: a text) asks of the account; borrowed from the
// body, the account or static. NULL and an ERR_INVALID that names the field where it has none.
const char *jimeng_req_key(const struct account *account, const char *model, const json_t *body,
                           struct err *err) WARN_UNUSED;
// Whether the account may be asked for the req_key that the body names: only its operator allows
// one, as a model that it lists.
bool jimeng_may_choose(const struct account *account, const json_t *body,
                       struct err *err) WARN_UNUSED;
// What the vendor is known to refuse.
bool jimeng_check(const struct account *account, const char *model, const json_t *body,
                  struct err *err) WARN_UNUSED;
// The public form becomes the vendor's.
void jimeng_remap(json_t *body, const char *req_key);
// provider.h: from_unified.
bool jimeng_from_unified(struct task *task, struct err *err);
