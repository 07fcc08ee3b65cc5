// Tells clients of each change of their jobs, at the URL that came with the job. Each call is tried
// once, where it isn't known how the real vendor tries again.
#pragma once

struct buf;
struct callbacks;
struct http_request;
struct job;
struct sim;

typedef void (*callback_json_fn)(const struct sim *sim, const struct job *job, struct buf *buf);

struct callbacks *callbacks_new(struct sim *sim);
void callbacks_drop(struct callbacks **callbacks);
// Tells of a job from its first state to its end, or until it is cancelled. The first call comes at
// once, maybe before the answer to the submit.
void callbacks_watch(struct callbacks *callbacks, const struct job *job, const char *url,
                     callback_json_fn add_json);
// The same, where the URL is called only if it gives back, within 3 s, what is sent there first.
void callbacks_challenge(struct callbacks *callbacks, const struct job *job, const char *url,
                         callback_json_fn add_json);

// A vendor that tells of a job's end alone, and tries again until it is answered 2xx.
struct callback_end {
    callback_json_fn add_json;
    // Adds headers to a call that has its body.
    void (*sign)(const struct sim *sim, const struct job *job, struct http_request *request);
    unsigned tries;
    unsigned retry_ms; // after the first; each wait is twice as long, and speed counts
};

// `end` is borrowed, outlives us. No call for a job that is cancelled.
void callbacks_watch_end(struct callbacks *callbacks, const struct job *job, const char *url,
                         const struct callback_end *end);
