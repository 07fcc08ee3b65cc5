// What Ark's vendors have in common: errors.
#pragma once

struct http_exchange;

void ark_refuse(struct http_exchange *exchange, int status, const char *code, const char *param,
                const char *message);

#define ARK_REFUSAL(code, message, type)                                                           \
    "{\"error\":{\"code\":\"" code "\",\"message\":\"" message                                     \
    "\",\"param\":\"\",\"type\":\"" type "\"}}"
