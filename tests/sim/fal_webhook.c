// fal's webhooks: one call at a job's end, signed, and tried again until it is taken.
//
// A word in a prompt, besides those of signer.h: [no-call]
#include <string.h>

#include "core/base/buf.h"
#include "core/message/http_message.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/fal.h"
#include "tests/sim/jobs.h"
#include "tests/sim/signer.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

static void sign(const struct sim *sim, const struct job *job, struct http_request *request)
{
    static const struct signer signer = {"X-Fal-Webhook", "Request-Id"};

    (void)sim;
    signer_sign(&signer, job->id, job->prompt, request);
}

// fal itself may have run the job more than once: gateway_request_id is that of the last run.
static void add_json(const struct sim *sim, const struct job *job, struct buf *json)
{
    const char *type;
    struct buf payload = {0};
    int status = fal_add_result(sim, job, &payload, &type);

    buf_fmt(json, "{\"request_id\":\"%s\",\"gateway_request_id\":\"%llx\",\"status\":\"%s\"",
            job->id, (unsigned long long)job->number, status < 300 ? "OK" : "ERROR");
    if (status >= 300)
        buf_fmt(json, ",\"error\":\"Invalid status code: %d\"", status);
    buf_fmt(json, ",\"payload\":%s}", payload.data);
    buf_clear(&payload);
}

void fal_webhook_watch(struct sim *sim, const struct job *job, const char *url)
{
    static const struct callback_end end = {add_json, sign, .tries = 11, .retry_ms = 2000};

    if (!words_has(job->prompt, "no-call"))
        callbacks_watch_end(sim->callbacks, job, url, &end);
}
