// The public /mj dialect: midjourney-proxy's paths, bodies and codes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum {
    MAX_PROMPT = 16384,
    MAX_STATE = 255,
    MAX_CUSTOM_ID = 512,
    MAX_IMAGES = 20,
    MAX_TASK_ID = 64
};

static const struct family_mode modes[] = {
    {"/mj-fast", "fast"},
    {"/mj-turbo", "turbo"},
    {"/mj-relax", "relax"},
    {0},
};

// Bodies.

static const char *const dimensions[] = {"PORTRAIT", "SQUARE", "LANDSCAPE", NULL};
static const char *const bots[] = {"MID_JOURNEY", "NIJI_JOURNEY", NULL};

static const struct field_rule image_items[] = {{.path = "", .kind = FIELD_BASE64}, {0}};

static const struct field_rule imagine_rules[] = {
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .is_required = true,
     .max = MAX_PROMPT,
     .about = "What is to be seen, and its parameters, as in --ar 3:2."},
    {.path = "base64Array",
     .kind = FIELD_ARRAY,
     .max = MAX_IMAGES,
     .items = image_items,
     .about = "Images to start from."},
    {0},
};
static const struct field_rule blend_rules[] = {
    {.path = "base64Array",
     .kind = FIELD_ARRAY,
     .is_required = true,
     .min = 2,
     .max = 5,
     .items = image_items},
    {.path = "dimensions", .kind = FIELD_WORD, .words = dimensions},
    {0},
};
static const struct field_rule describe_rules[] = {
    {.path = "base64", .kind = FIELD_BASE64, .about = "The image: this or link."},
    {.path = "link", .kind = FIELD_SOURCE, .about = "A link to the image."},
    {0},
};
static const struct field_rule action_rules[] = {
    {.path = "customId",
     .kind = FIELD_TEXT,
     .is_required = true,
     .max = MAX_CUSTOM_ID,
     .about = "Of a button that the task has."},
    {.path = "enableRemix", .kind = FIELD_BOOL},
    {.path = "taskId", .kind = FIELD_TEXT, .is_required = true, .max = MAX_TASK_ID},
    {0},
};
static const struct field_rule modal_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},
    {.path = "maskBase64", .kind = FIELD_BASE64, .about = "What is to be painted anew."},
    {.path = "taskId",
     .kind = FIELD_TEXT,
     .is_required = true,
     .max = MAX_TASK_ID,
     .about = "The task that waits for this, or will."},
    {0},
};
static const struct field_rule shorten_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_PROMPT}, {0}};
static const struct field_rule upload_rules[] = {
    {.path = "base64Array",
     .kind = FIELD_ARRAY,
     .is_required = true,
     .min = 1,
     .max = MAX_IMAGES,
     .items = image_items},
    {0},
};
static const struct field_rule common_rules[] = {
    {.path = "botType", .kind = FIELD_WORD, .words = bots},
    {.path = "state",
     .kind = FIELD_TEXT,
     .max = MAX_STATE,
     .about = "Your own mark, given back as it came."},
    {0},
};

#define BODY(own_rules) FIELD_RULES(own_rules, common_rules, family_hook_rules)
static const struct route routes[] = {
    {"POST", "/mj/submit/imagine", ROUTE_SUBMIT, "IMAGINE", .rules = BODY(imagine_rules),
     .summary = "Make images of a prompt", .example = "{'prompt':'a lighthouse at dusk --ar 3:2'}"},
    {"POST", "/mj/submit/action", ROUTE_SUBMIT, "ACTION", .rules = BODY(action_rules),
     .summary = "Press a button of a task",
     .example = "{'taskId':'" FAMILY_NO_TASK "','customId':'MJ::JOB::upsample::1::0'}"},
    {"POST", "/mj/submit/blend", ROUTE_SUBMIT, "BLEND", .rules = BODY(blend_rules),
     .summary = "Blend images",
     .example = "{'base64Array':['" FAMILY_PNG "','" FAMILY_PNG "'],'dimensions':'SQUARE'}"},
    {"POST", "/mj/submit/describe", ROUTE_SUBMIT, "DESCRIBE", .rules = BODY(describe_rules),
     .summary = "Describe an image", .example = "{'base64':'" FAMILY_PNG "'}"},
    {"POST", "/mj/submit/modal", ROUTE_SUBMIT, "MODAL", .rules = BODY(modal_rules),
     .summary = "Answer what a task asks",
     .example = "{'taskId':'" FAMILY_NO_TASK "','prompt':'a lighthouse'}"},
    {"POST", "/mj/submit/shorten", ROUTE_SUBMIT, "SHORTEN", .rules = BODY(shorten_rules),
     .summary = "Find the words of a prompt that matter",
     .example = "{'prompt':'a very old lighthouse at dusk'}"},
    {"POST", "/mj/submit/upload-discord-images", ROUTE_ASK, "UPLOAD", .rules = BODY(upload_rules),
     .summary = "Upload images, for links that prompts may have",
     .example = "{'base64Array':['" FAMILY_PNG "']}"},
    {"GET", "/mj/task/{id}/fetch", ROUTE_FETCH, NULL, .summary = "Show a task"},
    {"POST", "/mj/task/list-by-condition", ROUTE_LIST, NULL, .rules = FIELD_RULES(family_ids_rules),
     .summary = "Show many tasks", .example = "{'ids':['" FAMILY_NO_TASK "']}"},
    {"GET", "/mj/task/{id}/image-seed", ROUTE_ASK, "SEED",
     .rules = FIELD_RULES(common_rules, family_hook_rules), .summary = "Ask for an image's seed"},
    {0},
};
#undef BODY

static bool check_body(const struct family_request *request, struct err *err)
{
    if (!family_check(request, err))
        return false;
    return strcmp(request->route->action, "DESCRIBE") != 0 ||
           field_is_given(request->body, "base64") || field_is_given(request->body, "link") ||
           err_set(err, ERR_INVALID, "base64: is required");
}

// What a button does, by the beginning of its customId (T Models/Enums.cs and TaskService.cs).
static const struct {
    const char *prefix, *action;
} buttons[] = {
    {"MJ::JOB::upsample", "UPSCALE"},
    {"MJ::JOB::variation", "VARIATION"},
    {"MJ::JOB::low_variation", "VARIATION"},
    {"MJ::JOB::high_variation", "VARIATION"},
    {"MJ::JOB::reroll", "REROLL"},
    {"MJ::JOB::pan", "PAN"},
    {"MJ::JOB::animate", "VIDEO"},
    {"MJ::CustomZoom", "ZOOM"},
    {"MJ::Outpaint", "OUTPAINT"},
    {"MJ::Inpaint", "INPAINT"},
    {"MJ::Job::PicReader", "PIC_READER"},
};

static const char *action_of_button(const char *custom_id)
{
    for (size_t i = 0; i < sizeof buttons / sizeof buttons[0]; i++)
        if (strncmp(custom_id, buttons[i].prefix, strlen(buttons[i].prefix)) == 0)
            return buttons[i].action;
    return "ACTION";
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const char *action = request->route->action, *parent = NULL;
    const char *state = field_str_or_empty(request->body, "state");
    const json_t *body = request->body;

    if (!check_body(request, err) || !family_read_hook(body, task, err))
        return false;

    mem_set_str(&task->provider, "midjourney");
    mem_set_str(&task->action, action);
    mem_set_str(&task->mode, request->mode);
    task->cost = 1;
    if (*state != '\0')
        mem_set_str(&task->state, state);
    if (strcmp(action, "ACTION") == 0 || strcmp(action, "MODAL") == 0) {
        parent = field_str_or_empty(body, "taskId");
        // Where a button was pressed before, the answer to pressing it again is the first press'
        // task.
        *once = strcmp(action, "MODAL") == 0 ? "modal" : field_str_or_empty(body, "customId");
        if (strcmp(action, "ACTION") == 0)
            mem_set_str(&task->action, action_of_button(*once));
        else
            task->cost = 0; // it goes on with its parent's job, which has the slot
    } else if (strcmp(action, "SEED") == 0) {
        parent = request->path_id;
        *once = "seed";
    }
    if (request->route->kind == ROUTE_ASK) {
        task->is_ask = true;
        task->cost = 0;
    }
    mem_set_str(&task->parent, parent);
    return true;
}

static const char *prompt_of(const json_t *request)
{
    const char *prompt = field_str_or_empty(request, "prompt");

    return *prompt != '\0' ? prompt : field_str_or_empty(request, "parentPrompt");
}

// The vendor's buttons, as they were given to the client with the parent.
static bool has_button(const struct task *parent, const char *custom_id)
{
    json_t *result = family_result(parent), *button;
    json_t *list = field_at(result, "extra.buttons");
    bool is_there = false;
    size_t i;

    json_array_foreach(list, i, button) is_there =
        is_there || strcmp(field_str_or_empty(button, "customId"), custom_id) == 0;
    json_decref(result);
    return is_there;
}

static bool adopt_checked(struct task *task, const struct task *parent, json_t *request,
                          struct err *err)
{
    const char *custom_id = field_str_or_empty(request, "customId");
    json_t *parent_request;
    char *text;

    if (strcmp(parent->family, "midjourney") != 0)
        return err_set(err, ERR_INVALID, "taskId: is not a Midjourney task");
    if (strcmp(task->action, "MODAL") == 0) {
        if (task_is_terminal(parent->phase))
            return err_set(err, ERR_INVALID, "taskId: the task has ended");
        if (parent->substate == NULL) // the parent may still come to that: clients don't look in
                                      // between
            mem_set_str(&task->await, parent->id);
    } else if (parent->phase != TASK_SUCCEEDED) {
        return err_set(err, ERR_INVALID, "taskId: the task has not succeeded");
    } else if (strcmp(task->action, "SEED") != 0 && !has_button(parent, custom_id)) {
        return err_set(err, ERR_INVALID, "customId: is not a button of the task");
    }
    if (task->await == NULL) {
        if (parent->upstream_id == NULL || parent->account == NULL)
            return err_set(err, ERR_INVALID, "taskId: the vendor never had the task");
        mem_set_str(&task->account, parent->account);
        mem_set_str(&task->upstream_parent, parent->upstream_id);
    }
    if (task->mode == NULL)
        mem_set_str(&task->mode, parent->mode);

    // The prompt that the task shows is its parent's.
    parent_request = json_read(parent->request);
    json_object_set_new(request, "parentPrompt", json_string(prompt_of(parent_request)));
    json_decref(parent_request);
    text = json_write_text(request);
    free(task->request);
    task->request = text;
    return true;
}

static bool adopt(struct task *task, const struct task *parent, struct err *err)
{
    json_t *request;
    bool ok;

    if (parent == NULL)
        return err_set(err, ERR_NOT_FOUND, "taskId: no such task");
    request = json_read(task->request);
    ok = adopt_checked(task, parent, request, err);

    json_decref(request);
    return ok;
}

// Answers.

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    buf_str(json, is_repeated ? "{\"code\":21,\"description\":\"Task already exists\",\"result\":\""
                  : waiting > 0
                      ? "{\"code\":22,\"description\":\"In queue\",\"result\":\""
                      : "{\"code\":1,\"description\":\"Submitted successfully\",\"result\":\"");
    buf_str(json, task->id);
    buf_str(json, "\",\"properties\":{");
    if (waiting > 0) {
        buf_str(json, "\"numberOfQueues\":");
        buf_int(json, waiting);
    }
    buf_str(json, "}}");
}

static void add_json(struct buf *json, const json_t *value, const char *otherwise)
{
    char *text = value == NULL ? NULL : json_write_text(value);

    buf_str(json, text == NULL ? otherwise : text);
    free(text);
}

static int answer(const struct task *task, struct buf *json)
{
    json_t *result;

    if (task->phase != TASK_SUCCEEDED) {
        buf_str(json, "{\"code\":4,\"description\":");
        buf_json_str(json, task->error_message == NULL ? "failed" : task->error_message);
        buf_str(json, "}");
        return 200;
    }
    result = family_result(task);
    buf_str(json, "{\"code\":1,\"description\":\"Success\",\"result\":");
    add_json(json, field_at(result, "extra.answer"), "\"\"");
    buf_str(json, "}");
    json_decref(result);
    return 200;
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "NOT_START",      [TASK_SUBMITTING] = "NOT_START",
        [TASK_IN_DOUBT] = "NOT_START",    [TASK_SUBMITTED] = "SUBMITTED",
        [TASK_RENDERING] = "IN_PROGRESS", [TASK_ARCHIVING] = "IN_PROGRESS",
        [TASK_SUCCEEDED] = "SUCCESS",     [TASK_FAILED] = "FAILURE",
        [TASK_CANCELLED] = "CANCEL",
    };

    return is_modal ? "MODAL" : words[phase];
}

// Adds the links of one kind: the first as `one`, and all of them as `all` where there are more.
static void add_links(struct buf *json, const json_t *artifacts, const char *kind, const char *one,
                      const char *all)
{
    const char *first = "";
    json_t *artifact;
    size_t i, count = 0;

    json_array_foreach((json_t *)artifacts, i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), kind) == 0 && count++ == 0)
            first = field_str_or_empty(artifact, "url");
    }
    if (count > 0 || strcmp(kind, "image") == 0) {
        buf_fmt(json, ",\"%s\":", one);
        buf_json_str(json, first);
    }
    if (count < 2)
        return;
    buf_fmt(json, ",\"%s\":[", all);
    count = 0;
    json_array_foreach((json_t *)artifacts, i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), kind) != 0)
            continue;
        buf_str(json, count++ == 0 ? "{\"url\":" : ",{\"url\":");
        buf_json_str(json, field_str_or_empty(artifact, "url"));
        buf_char(json, '}');
    }
    buf_char(json, ']');
}

static void render(const struct task *task, struct buf *json)
{
    json_t *request = json_read(task->request);
    json_t *result = family_result(task);
    json_t *final_prompt = field_at(result, "extra.finalPrompt");
    const char *prompt_en = field_str_or_empty(result, "extra.promptEn");

    buf_fmt(json, "{\"id\":\"%s\",\"action\":\"%s\",\"status\":\"%s\",\"prompt\":", task->id,
            task->action, word(task->phase, task->substate != NULL));
    buf_json_str(json, prompt_of(request));
    buf_str(json, ",\"promptEn\":");
    buf_json_str(json, *prompt_en == '\0' ? prompt_of(request) : prompt_en);
    buf_str(json, ",\"description\":");
    buf_json_str(json, "");
    buf_str(json, ",\"state\":");
    buf_json_str(json, task->state);
    buf_fmt(json, ",\"submitTime\":%lld,\"startTime\":%lld,\"finishTime\":%lld",
            (long long)task->created_ms, (long long)task->started_ms, (long long)task->finished_ms);
    buf_fmt(json, ",\"progress\":\"%d%%\"", task_is_terminal(task->phase) ? 100 : task->progress);
    add_links(json, json_object_get(result, "artifacts"), "image", "imageUrl", "imageUrls");
    add_links(json, json_object_get(result, "artifacts"), "video", "videoUrl", "videoUrls");
    buf_str(json, ",\"failReason\":");
    buf_json_str(json, task->phase == TASK_CANCELLED && task->error_message == NULL
                           ? "cancelled"
                           : task->error_message);
    buf_str(json, ",\"buttons\":");
    add_json(json, field_at(result, "extra.buttons"), "[]");
    buf_str(json, ",\"properties\":{");
    if (final_prompt != NULL) {
        buf_str(json, "\"finalPrompt\":");
        add_json(json, final_prompt, "\"\"");
    }
    buf_str(json, "}}");
    json_decref(result);
    json_decref(request);
}

static void render_list(struct task *const *tasks, const char *const *ids, size_t count,
                        struct buf *json)
{
    (void)ids;
    family_add_to_list(json, "[", "]", tasks, count, render);
}

static int refuse(const struct err *err, struct buf *json)
{
    int status = err_http_status(err->code), code;

    switch (err->code) {
    case ERR_NOT_FOUND:
    case ERR_PATH:
    case ERR_MODEL:
        code = 3;
        break;
    case ERR_QUEUE_FULL:
        code = 23;
        status = 200;
        break;
    case ERR_REFUSED:
        code = 24;
        status = 200;
        break;
    case ERR_INVALID:
    case ERR_METHOD:
    case ERR_TOO_LARGE:
    case ERR_IDEMPOTENCY:
    case ERR_CONFLICT:
        code = 4;
        break;
    default:
        code = 9;
        break;
    }
    buf_fmt(json, "{\"code\":%d,\"description\":", code);
    buf_json_str(json, err->message);
    buf_char(json, '}');
    return status;
}

const struct family family_midjourney = {
    .name = "midjourney",
    .modes = modes,
    .routes = routes,
    .accept = accept,
    .adopt = adopt,
    .accepted = accepted,
    .answer = answer,
    .render = render,
    .list_ids = family_list_ids,
    .render_list = render_list,
    .render_callback = render,
    .word = word,
    .refuse = refuse,
    .title = "Midjourney",
    .accepted_schema =
        "{'type':'object','required':['code','description'],'properties':{'code':{'type':"
        "'integer','description':'1 accepted, 22 accepted and others wait before it, 21 done "
        "already (result is its task), 23 the queue is full, 24 refused.'},'description':{"
        "'type':'string'},'result':{'description':'The id of the task, or the answer to a "
        "question.'},'properties':{'type':'object'}}}",
    .shown_schema =
        "{'type':'object','required':['id','action','status','prompt','submitTime','progress'],"
        "'properties':{'id':{'type':'string'},'action':{'type':'string'},'status':{'enum':["
        "'NOT_START','SUBMITTED','IN_PROGRESS','MODAL','SUCCESS','FAILURE','CANCEL']},"
        "'prompt':{'type':'string'},'promptEn':{'type':'string'},'description':{'type':'string'},"
        "'state':{'type':'string'},'submitTime':{'type':'integer','description':'Unix "
        "milliseconds.'},'startTime':{'type':'integer'},'finishTime':{'type':'integer'},"
        "'progress':{'type':'string'},'imageUrl':{'type':'string'},'failReason':{'type':'string'},"
        "'buttons':{'type':'array','items':{'type':'object'}},'properties':{'type':'object'}}}",
    .listed_schema = "{'type':'array','items':{'$ref':'#/components/schemas/midjourney_shown'}}",
    .refused_schema =
        "{'type':'object','required':['code','description'],'properties':{'code':{"
        "'type':'integer','description':'3 unknown, 4 a bad field, 9 anything "
        "else.'},'description':{'type':'string'}}}",
};
