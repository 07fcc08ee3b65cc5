// GET / and /page/{name}: the page, without a key, for it shows nothing until it is given one.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/page.h"
#include "scheduler/request.h"

enum { ETAG_CHARS = 32 };

static void add_headers(const struct config *config, struct http_exchange *exchange,
                        const char *etag)
{
    struct buf policy = {0};

    page_policy(&config->links, &policy);
    http_exchange_add_header(exchange, "Content-Security-Policy", policy.data);
    http_exchange_add_header(exchange, "X-Content-Type-Options", "nosniff");
    http_exchange_add_header(exchange, "X-Frame-Options", "DENY");
    http_exchange_add_header(exchange, "Referrer-Policy", "no-referrer"); // ids are secrets
    http_exchange_add_header(exchange, "Cross-Origin-Resource-Policy", "same-origin");
    http_exchange_add_header(exchange, "Cache-Control", "no-cache"); // it changes with the program
    http_exchange_add_header(exchange, "ETag", etag);
    buf_clear(&policy);
}

static void send_file(struct request *request, const struct page_file *file)
{
    struct http_exchange *exchange = request->exchange;
    const char *known = http_exchange_header(exchange, "if-none-match");
    size_t len = (size_t)(file->end - file->text);
    char sha256[SHA256_HEX_BYTES], etag[ETAG_CHARS + 3];
    bool is_known;

    sha256_hex(file->text, len, sha256);
    snprintf(etag, sizeof etag, "\"%.*s\"", ETAG_CHARS, sha256);
    is_known = known != NULL && (strcmp(known, "*") == 0 || strstr(known, etag) != NULL);
    add_headers(request->front->config, exchange, etag);
    request_count(request, is_known ? 304 : 200, is_known ? 0 : (int64_t)len);
    request_drop(request);
    if (is_known)
        http_exchange_answer(exchange, 304, NULL, NULL, 0);
    else
        http_exchange_answer(exchange, 200, file->type, file->text, len);
}

void page_show(struct request *request)
{
    send_file(request, page_find("index.html"));
}

void page_show_file(struct request *request)
{
    const struct page_file *file = page_find(request->id);

    if (file == NULL)
        request_refuse_with(request, ERR_NOT_FOUND, "the page has no such file");
    else
        send_file(request, file);
}
