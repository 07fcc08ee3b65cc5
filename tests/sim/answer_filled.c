// Answers of many megabytes that are never in memory as a whole.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "tests/sim/sim.h"

enum { PIECE_BYTES = 65536 };

struct filled {
    struct http_exchange *exchange;
    size_t left; // bytes of the filling that are yet to be sent
    struct buf tail;
    char piece[PIECE_BYTES]; // of the filling
};

static void on_gone(void *ctx)
{
    struct filled *filled = ctx;

    buf_clear(&filled->tail);
    free(filled);
}

static void on_drained(void *ctx)
{
    struct filled *filled = ctx;

    while (filled->left > 0) {
        size_t len = filled->left < PIECE_BYTES ? filled->left : PIECE_BYTES;

        filled->left -= len;
        if (!http_exchange_write(filled->exchange, filled->piece, len, on_drained, filled))
            return;
    }
    http_exchange_write(filled->exchange, filled->tail.data, filled->tail.len, NULL, NULL);
    http_exchange_end(filled->exchange);
    on_gone(filled);
}

void answer_filled(struct http_exchange *exchange, const char *content_type, const struct buf *head,
                   char filling, size_t count, const struct buf *tail)
{
    struct filled *filled = mem_new(struct filled);

    filled->exchange = exchange;
    filled->left = count;
    buf_add(&filled->tail, tail->data, tail->len);
    memset(filled->piece, filling, sizeof filled->piece);
    http_exchange_on_gone(exchange, on_gone, filled);
    http_exchange_begin(exchange, 200, content_type, (int64_t)(head->len + count + tail->len));
    http_exchange_write(exchange, head->data, head->len, NULL, NULL);
    on_drained(filled);
}
