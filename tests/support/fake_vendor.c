// Vendors that take no token, above the fake HTTP client.
#include "core/base/mem.h"
#include "core/config/config.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_http_private.h"
#include "workers/vendor.h"

struct vendors {
    char nothing;
};

static struct vendors the_vendors;

struct vendors *vendors_new(struct loop *loop, struct http_client *http,
                            const struct config *config)
{
    (void)loop;
    (void)http;
    (void)config;
    return &the_vendors;
}

void vendors_drop(struct vendors **vendors)
{
    *vendors = NULL;
}

struct vendor_call *vendor_start(struct vendors *vendors, const struct account *account,
                                 struct http_request *request, const struct vendor_options *options,
                                 http_done_fn done)
{
    struct http_call *call = fake_http_add("vendor", request, &options->http, done, account->name);

    (void)vendors;
    call->may_send = options->may_send;
    return (struct vendor_call *)call;
}

void vendor_resume(struct vendor_call *call)
{
    http_resume((struct http_call *)call);
}

void vendor_cancel(struct vendor_call **call)
{
    http_cancel((struct http_call **)call);
}

bool fake_vendor_may_send(struct fake_call *fake)
{
    struct http_call *call = (struct http_call *)fake;

    return call->may_send == NULL || call->may_send(call->options.ctx);
}
