// Pages of other sites: the headers that let a browser's script ask us, and read the answer (WHATWG
// Fetch 3.3). Keys come in a header or in the query, never as cookies, so no page can use a key
// that it wasn't given: what is kept from pages that aren't listed are the answers, and WebSockets,
// which browsers open for any page.
#pragma once

struct config;
struct http_exchange;

// Adds what each answer has, whatever it says, where cors_origins lists any page.
void cors_mark(const struct config *config, struct http_exchange *exchange);
// Adds what the answer to a preflight has beside: the methods of the path, as Allow lists them, and
// the headers that clients send. Adds nothing where the request isn't a preflight of a page that is
// listed.
void cors_mark_preflight(const struct config *config, struct http_exchange *exchange,
                         const char *methods);
