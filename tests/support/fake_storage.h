// Storage in memory: core/storage/storage.h.
//
// Lines: "create key", "commit key", "drop key", "put key", "fetch key", "delete key",
// "look key", "read key from=0", "go on key", "storage sweep". What was written can be read; writes
// can be refused.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "tests/support/fake.h"

struct storage;

struct storage *fake_storage(void);
// From now on so many bytes are taken, then none until fake_storage_ready.
void fake_storage_take(size_t bytes);
// For the file that "create …" made: there is room, or what was written is lost except for `kept`
// bytes.
void fake_storage_ready(struct fake_call *create, size_t bytes);
void fake_storage_lose(struct fake_call *create, size_t kept, bool may_go_on);
// The same without telling the writer: the file's next commit fails.
void fake_storage_keep(struct fake_call *create, size_t kept, bool may_go_on);
// So many bytes more have been written, which nobody has to give.
void fake_storage_grow(struct fake_call *create, int64_t bytes);
const char *fake_storage_text(const struct fake_call *create);

// Answers a commit or a put, or ends a read (`err` NULL: done).
void fake_storage_done(struct fake_call *call, const struct err *err);
// Answers a fetch; `text` NULL: there is no such file.
void fake_storage_give(struct fake_call *call, const char *text);
// Answers a look; `head` NULL: there is no such file.
void fake_storage_show(struct fake_call *call, const char *head, int64_t bytes);
// A piece for a read. False: it isn't taken now. True also where nobody listens any more.
bool fake_storage_piece(struct fake_call *call, const void *data, size_t len);
