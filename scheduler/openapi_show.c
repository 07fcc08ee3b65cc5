// GET /openapi.json: made when it is first asked for, and kept.
#include <stdbool.h>
#include <string.h>

#include "core/http/http_server.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

void openapi_show(struct request *request)
{
    struct front *front = request->front;
    struct http_exchange *exchange = request->exchange;
    const char *known = http_exchange_header(exchange, "if-none-match");
    bool is_known;
    size_t len;

    if (front->openapi == NULL)
        front->write_openapi(front);
    len = strlen(front->openapi);
    is_known =
        known != NULL && (strcmp(known, "*") == 0 || strstr(known, front->openapi_etag) != NULL);
    http_exchange_add_header(exchange, "ETag", front->openapi_etag);
    http_exchange_add_header(exchange, "Cache-Control", "no-cache"); // it may change with a restart
    request_count(request, is_known ? 304 : 200, is_known ? 0 : (int64_t)len);
    request_drop(request);
    if (is_known)
        http_exchange_answer(exchange, 304, NULL, NULL, 0);
    else
        http_exchange_answer(exchange, 200, "application/json", front->openapi, len);
}
