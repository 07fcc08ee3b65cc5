// API keys: the time of a comparison doesn't depend on where keys differ, and all keys are compared
// each time.
#include "scheduler/tokens.h"

#include <string.h>
#include <strings.h>

#include "core/config/config.h"
#include "core/http/http_server.h"

static const char *key_of(struct http_exchange *exchange, bool may_query)
{
    const char *authorization = http_exchange_header(exchange, "authorization");
    const char *secret = http_exchange_header(exchange, "mj-api-secret");

    if (http_exchange_header_count(exchange, "authorization") > 1 ||
        http_exchange_header_count(exchange, "mj-api-secret") > 1)
        return NULL;
    if (authorization != NULL) {
        if (strncasecmp(authorization, "Bearer ", 7) != 0)
            return NULL;
        authorization += 7;
        return authorization + strspn(authorization, " ");
    }
    if (secret != NULL)
        return secret;
    return may_query ? http_exchange_query(exchange, "access_token") : NULL;
}

const struct config_token *token_find(const struct config *config, struct http_exchange *exchange,
                                      bool may_query, struct err *err)
{
    const char *key = key_of(exchange, may_query);
    const struct config_token *token = NULL;

    for (size_t i = 0; key != NULL && i < config->token_count; i++)
        if (secret_equals(&config->tokens[i].key, key))
            token = &config->tokens[i];
    if (token == NULL)
        err_set(err, ERR_AUTH, "Invalid API key");
    return token;
}
