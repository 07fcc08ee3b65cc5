// API keys: the time of a comparison doesn't depend on where keys differ, and all keys are compared
// each time.
#include "scheduler/tokens.h"

#include <string.h>
#include <strings.h>

#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/store/store.h"
#include "scheduler/front.h"
#include "scheduler/read_token.h"

static const char google_header[] = "x-goog-api-key";

// The key in the request's head.
static const char *key_of(const struct http_exchange *exchange, unsigned ways)
{
    const char *authorization = http_exchange_header(exchange, "authorization");
    const char *secret = http_exchange_header(exchange, "mj-api-secret");

    if (http_exchange_header_count(exchange, "authorization") > 1 ||
        http_exchange_header_count(exchange, "mj-api-secret") > 1)
        return NULL;
    if ((ways & TOKEN_AT_GOOGLE) != 0 && authorization == NULL && secret == NULL)
        return http_exchange_header_count(exchange, google_header) > 1
                   ? NULL
                   : http_exchange_header(exchange, google_header);
    if (authorization == NULL)
        return secret;
    if (strncasecmp(authorization, "Bearer ", 7) == 0)
        authorization += 7;
    else if ((ways & TOKEN_AS_KEY) != 0 && strncasecmp(authorization, "Key ", 4) == 0)
        authorization += 4;
    else
        return NULL;
    return authorization + strspn(authorization, " ");
}

static bool has_key(const struct http_exchange *exchange, unsigned ways)
{
    return http_exchange_header_count(exchange, "authorization") > 0 ||
           http_exchange_header_count(exchange, "mj-api-secret") > 0 ||
           ((ways & TOKEN_AT_GOOGLE) != 0 &&
            http_exchange_header_count(exchange, google_header) > 0);
}

const struct config_token *token_find(const struct front *front, struct http_exchange *exchange,
                                      unsigned ways, struct err *err)
{
    const struct config *config = front->config;
    const char *key = key_of(exchange, ways);
    const struct config_token *token = NULL;

    if ((ways & TOKEN_AT_GOOGLE) != 0 && !has_key(exchange, ways))
        key = http_exchange_query(exchange, "key");
    if ((ways & TOKEN_IN_QUERY) != 0 && !has_key(exchange, ways)) {
        key = http_exchange_query(exchange, "access_token");
        if (key != NULL && read_token_is(key))
            return read_token_find(front->read_tokens, config, key, store_now_ms(front->store),
                                   err);
    }
    for (size_t i = 0; key != NULL && i < config->token_count; i++)
        if (secret_equals(&config->tokens[i].key, key))
            token = &config->tokens[i];
    if (token == NULL)
        err_set(err, ERR_AUTH, "Invalid API key");
    return token;
}
