// Many jobs of one path in one request: POST /v1/tasks/batch.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct cli_http;
struct http_response;

enum { CLI_BATCH_MAX = 100, CLI_BATCH_BYTES = 1 << 20 };

struct cli_batch_job {
    const char *text; // JSON, borrowed
    size_t len;
    size_t number; // its idempotency key is `key`, a dash and this
};

// The results, one for each job, for json_decref. One whose answer was lost is sent again whole,
// which is safe by its keys. NULL: ERR_IO where it was lost again and again; ERR_PATH where Spool
// is too old to know of batches; else it was refused as a whole, or nobody is there.
json_t *cli_batch_send(struct cli_http *http, const char *path, const char *key,
                       const struct cli_batch_job *jobs, size_t count, struct err *err) WARN_UNUSED;
// What would have come if the job had been sent alone. http_response_clear.
void cli_batch_read(const json_t *result, struct http_response *response);
