// POST /admin/v1/accounts/{name}/test: an operator asks whether an account works.
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "scheduler/account_try.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

static void on_said(void *ctx, const struct account_said *said)
{
    struct request *request = ctx;
    struct buf json = {0};

    request_forget(request, AWAIT_TRY);
    buf_fmt(&json, "{\"object\":\"account_test\",\"account\":\"%s\",\"ok\":%s,\"state\":\"%s\"",
            request->id, strcmp(said->state, "ok") == 0 ? "true" : "false", said->state);
    if (said->http_status > 0)
        buf_fmt(&json, ",\"http_status\":%d", said->http_status);
    else
        buf_str(&json, ",\"http_status\":null");
    buf_fmt(&json, ",\"took_ms\":%lld,\"message\":", (long long)said->took_ms);
    buf_json_str(&json, said->words);
    buf_char(&json, '}');
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void operator_test(struct request *request)
{
    const struct front *front = request->front;
    const struct account *account = config_account(front->config, request->id);
    struct err err;

    if (account == NULL) {
        err_set(&err, ERR_NOT_FOUND, "there is no account \"%.64s\"", request->id);
        request_refuse(request, &err);
        return;
    }
    request_await(request, AWAIT_TRY,
                  account_try_start(front->loop, front->http, account, on_said, request));
}
