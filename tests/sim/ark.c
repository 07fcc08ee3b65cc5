// What Ark's vendors have in common.
#include "tests/sim/ark.h"

#include "core/base/buf.h"
#include "core/http/http_server.h"

void ark_refuse(struct http_exchange *exchange, int status, const char *code, const char *param,
                const char *message)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"error\":{\"code\":\"%s\",\"message\":", code);
    buf_json_str(&json, message);
    buf_str(&json, ",\"param\":");
    buf_json_str(&json, param);
    buf_fmt(&json, ",\"type\":\"%s\",\"request_id\":\"%s\"}}",
            status == 401   ? "Unauthorized"
            : status == 403 ? "Forbidden"
            : status == 404 ? "NotFound"
                            : "BadRequest",
            http_exchange_request_id(exchange));
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}
