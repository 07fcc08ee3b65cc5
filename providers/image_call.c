// Calls for images in OpenAI's form.
//
// Source: openai/openai-openapi (CreateImageRequest, CreateImageEditRequest, ImagesResponse).
#include "providers/image_call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/refusal.h"
#include "providers/unified.h"

const char *const image_call_inline_keys[] = {"b64_json", NULL};

static const struct {
    const char *action, *path;
} paths[] = {
    {"generate", "/v1/images/generations"},
    {"edit", "/v1/images/edits"},
    {"variation", "/v1/images/variations"},
};

bool image_call_is_call(const struct task *task, const struct account *account)
{
    (void)task, (void)account;
    return true;
}

// Looking.

bool image_call_build_look(const struct task *task, const struct account *account,
                           struct http_request *request, struct err *err)
{
    (void)task; // a single model isn't to be had at another Spool, whatever the key
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/v1/models");
}

bool image_call_read_look(const struct task *task, const struct account *account,
                          const struct http_response *response, struct outcome *outcome,
                          struct err *err)
{
    (void)task, (void)account, (void)response, (void)err;
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    return true;
}

bool image_call_check_count(const json_t *body, const char *name, int min, int max, struct err *err)
{
    int count = (int)field_count(body, "images");

    if (count < min)
        return err_set(err, ERR_INVALID, "images: %.60s edits one", name);
    if (count > 0 && max == 0)
        return err_set(err, ERR_INVALID, "images: %.60s takes none", name);
    return count <= max || err_set(err, ERR_INVALID, "images: %.60s takes at most %d", name, max);
}

// Submits.

static json_t *url_of(const json_t *image)
{
    struct buf url = {0};
    json_t *text;

    unified_add_image_url(json_string_value(image), &url);
    text = json_string(buf_text(&url));
    buf_clear(&url);
    return text;
}

json_t *image_call_urls(const json_t *asked)
{
    json_t *urls = json_array(), *image;
    size_t i;

    json_array_foreach(json_object_get(asked, "images"), i, image)
        json_array_append_new(urls, url_of(image));
    return urls;
}

// Puts the references where the action has them: an edit's are objects, a generation's are those
// of models that OpenAI hasn't got.
static void place_images(const char *action, json_t *body)
{
    json_t *urls = image_call_urls(body), *url, *objects = json_array();
    json_t *mask = json_object_get(body, "mask");
    size_t i;

    json_object_del(body, "images");
    json_array_foreach(urls, i, url)
        json_array_append_new(objects, json_pack("{s:O}", "image_url", url));
    if (strcmp(action, "variation") == 0)
        json_object_set(body, "image", json_array_get(urls, 0));
    else if (strcmp(action, "edit") == 0)
        json_object_set(body, "images", objects);
    else if (json_array_size(urls) > 0)
        json_object_set(body, "image_input", urls);
    if (mask != NULL)
        json_object_set_new(body, "mask", json_pack("{s:o}", "image_url", url_of(mask)));
    json_decref(urls);
    json_decref(objects);
}

// Whoever is asked isn't asked for a stream: the client's own is made of the whole answer.
json_t *image_call_body(const struct task *task, const struct account *account, const char *action,
                        json_t *asked)
{
    const char *model = provider_model(account, task->model);

    json_object_del(asked, "stream");
    json_object_del(asked, "partial_images");
    json_object_set_new(asked, "model", json_string(model == NULL ? task->model : model));
    place_images(action, asked);
    return asked;
}

const char *image_call_path(const char *action)
{
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (strcmp(paths[i].action, action) == 0)
            return paths[i].path;
    return NULL;
}

void image_call_prepare(const struct account *account, struct http_request *request)
{
    request->timeout_ms = IMAGE_CALL_MS;
    adapter_add_bearer(account, request);
}

bool image_call_post(const struct account *account, const char *action, json_t *body,
                     struct http_request *request, struct err *err)
{
    const char *path = image_call_path(action);

    image_call_prepare(account, request);
    if (path != NULL)
        return http_post_json(request, account->base_url, body, err, path);
    json_decref(body);
    return err_set(err, ERR_INTERNAL, "there is no action %s", action);
}

// Answers.

bool image_call_place(const json_t *body, const json_t *text, char *place, size_t size)
{
    const char *link = json_is_string(text) ? json_string_value(text) : "";

    if (strncmp(link, "data:", 5) != 0 || adapter_inline_count(link) == 0)
        return false;
    snprintf(place, size, "inline:%d", adapter_inline_number(body, image_call_inline_keys, text));
    return true;
}

// Adds the file of one of the answer's images. False: it has none.
static bool add_image(const json_t *body, const json_t *image, struct outcome *outcome)
{
    const json_t *url = json_object_get(image, "url"), *file = json_object_get(image, "b64_json");
    const char *link = field_str_or_empty(image, "url");
    bool is_link = strncasecmp(link, "http://", 7) == 0 || strncasecmp(link, "https://", 8) == 0;
    char place[32];

    if (is_link) {
        outcome_add_source(outcome, "image", link);
        return true;
    }
    if (!image_call_place(body, url, place, sizeof place)) {
        if (!json_is_string(file))
            return false;
        snprintf(place, sizeof place, "inline:%d",
                 adapter_inline_number(body, image_call_inline_keys, file));
    }
    outcome_add_source(outcome, "image", place);
    return true;
}

// What is shown beside an image's file.
static json_t *more_of(const json_t *image)
{
    static const char *const names[] = {"revised_prompt", "mime_type", "size"};
    json_t *more = json_object();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (*field_str_or_empty(image, names[i]) != '\0')
            json_object_set(more, names[i], json_object_get(image, names[i]));
    return more;
}

static void add_known(const json_t *body, struct outcome *outcome)
{
    static const char *const names[] = {"background", "output_format", "quality", "size"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (*field_str_or_empty(body, names[i]) != '\0')
            outcome_set_extra(outcome, names[i], json_incref(json_object_get(body, names[i])));
    if (json_is_object(json_object_get(body, "usage")))
        outcome_set_extra(outcome, "usage", json_incref(json_object_get(body, "usage")));
}

// Names an image that the answer says wasn't made. False: it says no such thing.
static bool add_missing(const json_t *image, const struct image_call_words *words,
                        struct outcome *outcome)
{
    const json_t *error = json_object_get(image, "error");
    const char *code = field_str_or_empty(error, "code"), *why = refusal_words(image);
    const char *ours = words->failure == NULL ? NULL : words->failure(code);

    if (words->failure == NULL || error == NULL)
        return false;
    outcome_add_missing(outcome, "image", ours == NULL ? "vendor_failed" : ours,
                        *why == '\0' ? "the vendor gave no reason" : why);
    return true;
}

static void read_images(const json_t *body, const struct image_call_words *words,
                        struct outcome *outcome)
{
    json_t *image, *data = json_array();
    bool has_more = false, has_image = false;
    size_t i;

    json_array_foreach(json_object_get(body, "data"), i, image)
    {
        json_t *more = more_of(image);
        bool is_there = add_image(body, image, outcome);

        if (is_there || add_missing(image, words, outcome)) {
            has_more |= json_object_size(more) > 0;
            json_array_append(data, more);
        }
        has_image |= is_there;
        json_decref(more);
    }
    if (has_more)
        outcome_set_extra(outcome, "data", json_incref(data));
    json_decref(data);
    if (!has_image)
        return;
    outcome->kind = OUTCOME_SUCCEEDED;
    add_known(body, outcome);
}

// None of the images was made: the first says why.
static bool read_missing(struct outcome *outcome)
{
    if (outcome->source_count == 0)
        return false;
    outcome->kind = OUTCOME_FAILED;
    outcome->code = outcome->sources[0].error;
    outcome_set_reason(outcome, outcome->sources[0].why);
    return true;
}

// An answer with a good status and nothing in it: whatever was made, it doesn't come.
static void read_nothing(const struct http_response *response, const json_t *body,
                         struct outcome *outcome)
{
    struct err err;

    if (refusal_read(response, body, outcome, &err))
        return;
    outcome->kind = OUTCOME_FAILED;
    outcome->code = "vendor_failed";
    if (*refusal_words(body) == '\0')
        outcome_set_reason(outcome, "the answer has no image");
}

bool image_call_read(const struct http_response *response, const json_t *body,
                     const struct image_call_words *words, struct outcome *outcome, struct err *err)
{
    static const char *const codes[] = {"error.code", "code", NULL};
    bool is_fine = response->status >= 200 && response->status <= 299;

    if (is_fine)
        read_images(body, words, outcome);
    if (outcome->kind == OUTCOME_SUCCEEDED || read_missing(outcome) ||
        words->refuse(response, field_first_str(body, codes), outcome))
        return true;
    if (!is_fine)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    if (json_object_get(body, "data") == NULL && !refusal_is_named(body))
        return err_set(err, ERR_UPSTREAM, "neither data nor an error");
    read_nothing(response, body, outcome);
    return true;
}
