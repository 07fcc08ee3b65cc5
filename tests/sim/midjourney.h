// The parts of the simulated Midjourney: midjourney.c knows the routes and answers queries,
// midjourney_submit.c takes jobs.
#pragma once

struct http_exchange;
struct sim;

// `kind` is what follows /mj/submit/ in the path.
void midjourney_submit(struct sim *sim, struct http_exchange *exchange, const char *kind);
