// The key that most vendors want.
#include <string.h>

#include "core/http/http_server.h"
#include "tests/sim/sim.h"

bool sim_has_bearer(const struct sim *sim, const struct http_exchange *exchange)
{
    static const char bearer[] = "Bearer ";
    const char *authorization = http_exchange_header(exchange, "authorization");

    return authorization != NULL && strncmp(authorization, bearer, sizeof bearer - 1) == 0 &&
           strcmp(authorization + sizeof bearer - 1, sim->secret) == 0;
}
