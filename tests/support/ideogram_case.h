// Ideogram's requests in tests: from a client's body to what the vendor is sent. Single quotes
// stand for double ones; of a form a file is {"name","type","data"}, with its data in base64.
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"

#define V3 "/ideogram/v1/ideogram-v3/"
#define OLD "/ideogram/"
#define AT "http://v/v1/ideogram-v3/"
#define P "'prompt':'x'"
#define LINK "https://e.com/a.png"
#define RAW "iVBORw0KGgo="
#define DATA "data:image/png;base64," RAW
#define IMG "'image':'" RAW "'"
#define FILE(name, data) "{'name':'" name "','type':'image/png','data':'" data "'}"
#define SENT "'image':" FILE("image.png", RAW)
#define IR(text) "'image_request':{" text "}"
#define IF "'image_file':'" DATA "'"
#define SENT_IF "'image_file':" FILE("image_file.png", RAW)

struct ideogram_case {
    const char *path, *dialect, *body;
    const char *url, *sent; // NULL: it is refused,
    const char *error;      // and this is how what is said of it begins
};

// Of one provider, with the base URL http://v.
extern struct account ideogram_account;

// `model` and `theirs`: what it lists, and how it calls it; NULL: nothing.
void ideogram_bind(const char *dialect, const char *model, const char *theirs);
void ideogram_unbind(void); // at the end
// As the family has it; NULL and err where it is refused.
struct task *ideogram_accept(const char *path, const char *text, struct err *err);
// What the links of the task lead to, in base64.
void ideogram_give_inputs(struct task *task, const char *data);
// The body, a form's too; a name that comes again in it makes a list.
json_t *ideogram_body_of(const struct http_request *request);
// Fails the test where the account takes it otherwise. What goes to /v2 is a job, all else a call.
void ideogram_check_case(const struct ideogram_case *one);
