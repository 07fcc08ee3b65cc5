// The handlers of all routes. Each has the request, with its body where there is one, and answers
// it, now or later.
#pragma once

#include <stdbool.h>

struct request;
struct task;

// webhook_log.c
void deliveries_show(struct request *request);
void deliveries_send_again(struct request *request);
// health.c
void health_alive(struct request *request);
void health_ready(struct request *request);
void health_metrics(struct request *request);
// tasks.c
void tasks_show(struct request *request);
void tasks_index(struct request *request);
void tasks_cancel_one(struct request *request);
void tasks_show_timeline(struct request *request);
// batch.c
void batch_submit(struct request *request);
// openapi_show.c
void openapi_show(struct request *request);
// task_request.c
void tasks_show_request(struct request *request);
// models.c
void models_list(struct request *request);
// stream.c, upgrade.c
void stream_start(struct request *request);
void websocket_start(struct request *request);
// read_token.c
void read_token_give(struct request *request);
// uploads.c; where a path without a key names a place, the place is looked up before the body is
// read
void uploads_form(struct request *request);
void uploads_base64(struct request *request);
void uploads_presign(struct request *request);
void uploads_admit(struct request *request);
void uploads_take(struct request *request);
// uploads_link.c
void uploads_link(struct request *request);
// vendor_callback.c, which also looks at the path before it reads the body
void callback_admit(struct request *request);
void callback_take(struct request *request);
// page_show.c
void page_show(struct request *request);
void page_show_file(struct request *request);
// media.c
void media_serve(struct request *request);
void media_send(struct request *request, const char *key); // an archived file; the request is gone

// Of the families' routes: submit.c, query.c, query_page.c, query_forget.c, content.c.
void submit_handle(struct request *request);
void submit_ask(struct request *request);    // the request is held until the vendor has answered
void submit_result(struct request *request); // the request is held until its task has ended
void query_fetch(struct request *request);
void query_list(struct request *request);
void query_page(struct request *request);
void query_forget(struct request *request);
void query_answer(struct request *request, const char *id); // answers a question's request when its
                                                            // task has ended
void content_serve(struct request *request);
// result.c: holds a request until the task that was made has ended; whether its client would rather
// not wait.
void result_answer(struct request *request, const struct task *task, const char *id);
void result_show(struct request *request);
bool result_is_async(const struct request *request);

// operator.c
void operator_overview(struct request *request);
void operator_accounts(struct request *request);
void operator_disable(struct request *request);
void operator_enable(struct request *request);
// resolve.c
void operator_resolve(struct request *request);
// undelivered.c
void operator_deliveries(struct request *request);
void operator_redeliver(struct request *request);
// account_test.c
void operator_test(struct request *request);
