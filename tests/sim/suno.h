// The parts of the simulated Suno: suno.c knows the routes and answers queries, suno_submit.c takes
// jobs.
#pragma once

struct http_exchange;
struct job;
struct sim;

// `action` is what follows /suno/submit/ in the path.
void suno_submit(struct sim *sim, struct http_exchange *exchange, const char *action);

void suno_refuse(struct http_exchange *exchange, int status, const char *code, const char *why);
// The job that made the clip; NULL: there is no such clip, or it isn't complete.
struct job *suno_find_clip(const struct sim *sim, const char *id);
int suno_clip_count(const struct job *job); // 0 for lyrics
