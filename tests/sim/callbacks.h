// Tells clients of each change of their jobs, at the URL that came with the job. Each call is tried
// once: how the real vendors try again isn't known.
#pragma once

struct buf;
struct callbacks;
struct job;
struct sim;

typedef void (*callback_json_fn)(const struct sim *sim, const struct job *job, struct buf *buf);

struct callbacks *callbacks_new(struct sim *sim);
void callbacks_drop(struct callbacks **callbacks);
// Tells of a job from its first state to its end, or until it is cancelled. The first call comes at
// once, maybe before the answer to the submit. `url` is borrowed from the job's request.
void callbacks_watch(struct callbacks *callbacks, const struct job *job, const char *url,
                     callback_json_fn add_json);
// The same, where the URL is called only if it gives back, within 3 s, what is sent there first.
void callbacks_challenge(struct callbacks *callbacks, const struct job *job, const char *url,
                         callback_json_fn add_json);
