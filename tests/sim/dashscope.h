// What DashScope's vendors have in common: errors, tasks, the list of tasks, cancels.
#pragma once

#include <stdbool.h>

struct buf;
struct http_exchange;
struct job;
struct sim;
struct sim_vendor;

// Tasks of one vendor's.
struct dashscope_tasks {
    const struct sim_vendor *vendor;
    const char *begin; // of its models' names; "": what no other has
    // The service that made it, as in "video-generation:video-synthesis".
    void (*add_service)(const struct job *job, struct buf *json);
    // Of a job that has succeeded: members of "output", and then what is beside that.
    void (*add_result)(const struct sim *sim, const struct job *job, struct buf *json);
    void (*add_usage)(const struct job *job, struct buf *json);
};

#define DASHSCOPE_REFUSAL(code, message)                                                           \
    "{\"code\":\"" code "\",\"message\":\"" message "\",\"request_id\":\"7574ee8f\"}"

void dashscope_refuse(struct http_exchange *exchange, int status, const char *code,
                      const char *message);
bool dashscope_is_async(const struct http_exchange *exchange);
// Answers that a task was made, in the way that its prompt asks for.
void dashscope_accept(struct sim *sim, struct http_exchange *exchange, const struct job *job);
// Answers a request about tasks, which has the key. False: it is about somebody else's.
bool dashscope_handle(struct sim *sim, struct http_exchange *exchange,
                      const struct dashscope_tasks *tasks);
