// Sends an answer that files are a part of: JSON with files in base64, or one file as it is. The
// files come from storage in pieces, as fast as the client takes them.
#pragma once

#include "providers/family.h"

struct http_exchange;
struct storage;

struct filled_options {
    int status;
    const char *head, *tail; // around the JSON, as events of a stream have it; static
    bool has_begun;          // the head of the HTTP answer has been sent
};

// Takes the exchange, and what `answer` holds. `result` is the ended task's, which says how large
// its files are. Where a file can't be read, the connection is cut.
void filled_send(struct http_exchange *exchange, struct storage *storage, const char *result,
                 struct family_answer *answer, const struct filled_options *options);
