// What tests ask the simulator afterwards: how often each job was accepted, and who asked for what.
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/google.h"
#include "tests/sim/jobs.h"
#include "tests/sim/sim.h"

bool reports_handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange);
    struct buf json = {0};

    if (strcmp(path, "/sim/jobs") == 0) {
        jobs_add_report(sim->jobs, &json);
    } else if (strcmp(path, "/sim/stats") == 0) {
        buf_fmt(&json,
                "{\"submits\":%llu,\"polls_single\":%llu,\"polls_batch\":%llu,"
                "\"lists\":%llu,\"downloads\":%llu,\"destroyed\":%llu,"
                "\"tokens_issued\":%llu}",
                (unsigned long long)sim->stats.submits, (unsigned long long)sim->stats.polls_single,
                (unsigned long long)sim->stats.polls_batch, (unsigned long long)sim->stats.lists,
                (unsigned long long)sim->stats.downloads, (unsigned long long)sim->stats.destroyed,
                (unsigned long long)google_tokens_issued(sim->google));
    } else {
        return false;
    }
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
    return true;
}
