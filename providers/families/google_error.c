// Errors of Google's public dialects.
#include "providers/families/google_error.h"

#include <stddef.h>

#include "core/base/buf.h"

const char google_error_schema[] =
    "{'type':'object','required':['error'],'properties':{'error':{'type':'object',"
    "'required':['code','message','status'],'properties':{'code':{'type':'integer'},"
    "'message':{'type':'string'},'status':{'type':'string'},'type':{'type':'string'}}}}}";

void google_error_write(int http, const char *type, const char *message, struct buf *json)
{
    static const struct {
        int http;
        const char *status;
    } statuses[] = {
        {400, "INVALID_ARGUMENT"},   {401, "UNAUTHENTICATED"}, {403, "PERMISSION_DENIED"},
        {404, "NOT_FOUND"},          {409, "ABORTED"},         {422, "FAILED_PRECONDITION"},
        {429, "RESOURCE_EXHAUSTED"}, {503, "UNAVAILABLE"},     {504, "DEADLINE_EXCEEDED"},
    };
    const char *status = http < 500 ? "INVALID_ARGUMENT" : "INTERNAL"; // whose fault it is

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].http == http)
            status = statuses[i].status;
    buf_fmt(json, "{\"error\":{\"code\":%d,\"status\":\"%s\",\"type\":\"%s\",\"message\":", http,
            status, type);
    buf_json_str(json, message);
    buf_str(json, "}}");
}

int google_error_refuse(const struct err *err, struct buf *json)
{
    int http = err_http_status(err->code);

    google_error_write(http, err_name(err->code), err->message, json);
    return http;
}
