// Storage in memory: core/storage/storage.h.
//
// Lines: "create key", "commit key", "drop key", "put key", "fetch key", "delete key",
// "storage sweep". What was written can be read; writes can be refused.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "tests/support/fake.h"

struct storage;

struct storage *fake_storage(void);
// So many bytes are taken from now on, then none until fake_storage_ready (0: none at all).
void fake_storage_take(size_t bytes);
// Of the file that "create …" made: there is room, or what was written is lost but for `kept`
// bytes.
void fake_storage_ready(struct fake_call *create, size_t bytes);
void fake_storage_lose(struct fake_call *create, size_t kept, bool may_go_on);
// The same without telling: a commit of it fails next.
void fake_storage_keep(struct fake_call *create, size_t kept, bool may_go_on);
const char *fake_storage_text(const struct fake_call *create);

// A commit, a put (NULL: done).
void fake_storage_done(struct fake_call *call, const struct err *err);
// A fetch; NULL: there is no such file.
void fake_storage_give(struct fake_call *call, const char *text);
