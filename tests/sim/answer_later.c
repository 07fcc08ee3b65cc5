// Answers that take their time.
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "tests/sim/sim.h"

struct late {
    struct http_exchange *exchange;
    struct loop_timer *timer;
    int status;
    const char *content_type;
    struct buf body;
};

static void drop(struct late *late)
{
    loop_cancel(&late->timer);
    buf_clear(&late->body);
    free(late);
}

static void on_gone(void *ctx)
{
    drop(ctx);
}

static void on_due(void *ctx)
{
    struct late *late = ctx;

    late->timer = NULL;
    http_exchange_answer(late->exchange, late->status, late->content_type, buf_text(&late->body),
                         late->body.len);
    drop(late);
}

void answer_later(struct sim *sim, struct http_exchange *exchange, int64_t delay_ms, int status,
                  const char *content_type, const void *body, size_t len)
{
    struct late *late = mem_new(struct late);

    late->exchange = exchange;
    late->status = status;
    late->content_type = content_type;
    buf_add(&late->body, body, len);
    late->timer = loop_after(sim->loop, delay_ms, on_due, late);
    http_exchange_on_gone(exchange, on_gone, late);
}
