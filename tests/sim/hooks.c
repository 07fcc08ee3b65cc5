// The webhook receiver: POST /sim/hooks/… keeps the webhooks that came, GET /sim/hooks lists them.
//
// POST /sim/hooks/status/<code>/… answers with that code, /sim/hooks/slow/<ms>/… so late.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "tests/sim/sim.h"

enum { KEPT = 100000 };

static const char *const kept_headers[] = {
    "webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent",
};
enum { HEADERS = sizeof kept_headers / sizeof kept_headers[0] };

struct hook {
    char *path;
    char *headers[HEADERS]; // NULL: not sent
    char *body;
    int64_t arrived_ms;
};

struct hooks {
    struct hook kept[KEPT]; // a ring
    uint64_t count;
};

static void clear(struct hook *hook)
{
    free(hook->path);
    free(hook->body);
    for (size_t i = 0; i < HEADERS; i++)
        free(hook->headers[i]);
    *hook = (struct hook){0};
}

struct hooks *hooks_new(void)
{
    return mem_new(struct hooks);
}

void hooks_free(struct hooks *hooks)
{
    for (size_t i = 0; i < KEPT; i++)
        clear(&hooks->kept[i]);
    free(hooks);
}

static void keep(struct hooks *hooks, struct http_exchange *exchange)
{
    struct hook *hook = &hooks->kept[hooks->count++ % KEPT];
    const char *body;
    size_t len;

    clear(hook);
    body = http_exchange_body(exchange, &len);
    hook->path = mem_str(http_exchange_path(exchange));
    hook->body = mem_strn(body, len);
    for (size_t i = 0; i < HEADERS; i++)
        hook->headers[i] = mem_str(http_exchange_header(exchange, kept_headers[i]));
    hook->arrived_ms = clock_wall_ms();
}

static void add_json(struct buf *buf, const struct hook *hook)
{
    buf_str(buf, "{\"path\":");
    buf_json_str(buf, hook->path);
    buf_str(buf, ",\"arrived_ms\":");
    buf_int(buf, hook->arrived_ms);
    for (size_t i = 0; i < HEADERS; i++) {
        buf_char(buf, ',');
        buf_json_str(buf, kept_headers[i]);
        buf_char(buf, ':');
        buf_json_str(buf, hook->headers[i]);
    }
    buf_str(buf, ",\"body\":");
    buf_json_str(buf, hook->body);
    buf_char(buf, '}');
}

static void list(const struct hooks *hooks, struct http_exchange *exchange)
{
    const char *path = http_exchange_query(exchange, "path");
    const char *separator = "";
    struct buf json = {0};

    buf_char(&json, '[');
    for (uint64_t i = hooks->count > KEPT ? hooks->count - KEPT : 0; i < hooks->count; i++) {
        const struct hook *hook = &hooks->kept[i % KEPT];

        if (path != NULL && strcmp(path, hook->path) != 0)
            continue;
        buf_str(&json, separator);
        add_json(&json, hook);
        separator = ",";
    }
    buf_char(&json, ']');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

bool hooks_handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char root[] = "/sim/hooks", by_status[] = "/sim/hooks/status/",
                      slow[] = "/sim/hooks/slow/";
    const char *path = http_exchange_path(exchange);
    long status;

    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    if (http_exchange_method(exchange) == HTTP_GET_) {
        list(sim->hooks, exchange);
        return true;
    }
    keep(sim->hooks, exchange);
    if (strncmp(path, by_status, sizeof by_status - 1) == 0) {
        status = strtol(path + sizeof by_status - 1, NULL, 10);
        http_exchange_answer_json(exchange, status >= 200 && status <= 599 ? (int)status : 400,
                                  "{}");
    } else if (strncmp(path, slow, sizeof slow - 1) == 0) {
        answer_later(sim, exchange, strtol(path + sizeof slow - 1, NULL, 10), 200,
                     "application/json", "{}", 2);
    } else {
        http_exchange_answer_json(exchange, 200, "{}");
    }
    return true;
}
