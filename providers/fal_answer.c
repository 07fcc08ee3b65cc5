// What fal's models answer. Models name their files as they like; these are the names that video
// and image models have.
//
// Source: the endpoints' types of fal-ai/fal-js.
#include "providers/fal_answer.h"

#include <stdlib.h>
#include <string.h>

#include "core/json/field.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/fal_image.h"
#include "providers/image_call.h"
#include "providers/outcome.h"

// What is kept beside the files: a record isn't the place for more.
enum { MAX_MEMBER = 4096, MAX_FIELDS = 16384, MAX_PLACE = 32 };

// What may be missing comes last: all before it has its place among the artifacts.
static const struct name {
    const char *name, *kind;
} names[] = {
    {"video", "video"}, {"videos", "video"}, {"video_url", "video"},
    {"image", "image"}, {"images", "image"}, {"thumbnail_url", "cover"},
};
enum { NAMES = sizeof names / sizeof names[0] };

struct reading {
    const json_t *body;
    const json_t *flags; // whether each of `images` is blocked; NULL: nobody says
    json_t *files;       // of the extra
    struct outcome *outcome;
    bool wants_all; // also those of a list's files that aren't there have a place
    bool has_file;
};

static bool is_named(const char *member)
{
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, member) == 0)
            return true;
    return false;
}

// Whether a link or a file is somewhere in the value.
static bool has_link(const json_t *value)
{
    const char *text = json_string_value(value), *name;
    json_t *item;
    size_t i;

    if (text != NULL)
        return strncmp(text, "data:", 5) == 0 || strstr(text, "://") != NULL;
    json_object_foreach((json_t *)value, name, item)
    {
        if (has_link(item))
            return true;
    }
    json_array_foreach((json_t *)value, i, item)
    {
        if (has_link(item))
            return true;
    }
    return false;
}

// The members that are shown as they are.
static json_t *plain_of(const json_t *object, bool (*is_ours)(const char *member))
{
    json_t *plain = json_object(), *value;
    size_t left = MAX_FIELDS;
    const char *name;

    json_object_foreach((json_t *)object, name, value)
    {
        size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + strlen(name);

        if (is_ours(name) || has_link(value) || len > MAX_MEMBER || len > left)
            continue;
        left -= len;
        json_object_set(plain, name, value);
    }
    return plain;
}

static bool is_url(const char *member)
{
    return strcmp(member, "url") == 0;
}

// Adds a file by its link, or by its place in the answer; false: there is none.
static bool add_source(struct reading *r, const struct name *name, const json_t *url)
{
    const char *link = json_is_string(url) ? json_string_value(url) : "";
    char place[MAX_PLACE];

    if (strncmp(link, "http://", 7) != 0 && strncmp(link, "https://", 8) != 0) {
        if (!image_call_place(r->body, url, place, sizeof place))
            return false;
        link = place;
    }
    if (strcmp(name->kind, "cover") == 0)
        outcome_add_part(r->outcome, name->kind, link, NULL, true);
    else
        outcome_add_source(r->outcome, name->kind, link);
    return true;
}

// `number`: which of a list; -1: there is no list.
static void add_file(struct reading *r, const struct name *name, const json_t *file, int number)
{
    const json_t *url = json_is_string(file) ? file : json_object_get(file, "url");
    bool is_image = strcmp(name->name, "images") == 0 && number >= 0;
    bool is_blocked = is_image && json_is_true(json_array_get(r->flags, (size_t)number));

    if (is_blocked)
        outcome_add_missing(r->outcome, name->kind, "content_filter",
                            "the vendor doesn't show it for its content");
    else if (add_source(r, name, url))
        r->has_file = true;
    else if (is_image && r->wants_all)
        outcome_add_missing(r->outcome, name->kind, "vendor_failed", "the vendor gave no link");
    else
        return;
    json_array_append_new(r->files,
                          json_pack("{s:s,s:o}", "at", name->name, "more", plain_of(file, is_url)));
}

static void add_files(struct reading *r)
{
    json_t *file;
    size_t k;

    for (size_t i = 0; i < NAMES; i++) {
        const json_t *found = json_object_get(r->body, names[i].name);

        if (!json_is_array(found))
            add_file(r, &names[i], found, -1);
        json_array_foreach((json_t *)found, k, file) add_file(r, &names[i], file, (int)k);
    }
}

// A model whose checker finds something in an image gives a black one in its place, and says so:
// unless it isn't to check.
static const json_t *flags_of(const struct task *task, const json_t *body)
{
    struct err err;
    json_t *asked = task->request == NULL ? NULL : adapter_request_of(task, &err);
    bool checks = !json_is_false(json_object_get(asked, "enable_safety_checker"));

    json_decref(asked);
    return checks ? json_object_get(body, "has_nsfw_concepts") : NULL;
}

// The first that is missing says why.
static void fail(struct outcome *outcome)
{
    bool is_told = outcome->source_count > 0;

    outcome->kind = OUTCOME_FAILED;
    outcome->code = is_told ? outcome->sources[0].error : "vendor_failed";
    outcome_set_reason(outcome, is_told ? outcome->sources[0].why : "the answer has no file");
}

void fal_answer_read(const struct task *task, const json_t *body, struct outcome *outcome)
{
    bool is_image = fal_image_is(task);
    struct reading r = {.body = body,
                        .flags = is_image ? flags_of(task, body) : NULL,
                        .files = json_array(),
                        .outcome = outcome,
                        .wants_all = is_image};

    outcome->kind = OUTCOME_SUCCEEDED;
    add_files(&r);
    if (is_image && !r.has_file) {
        fail(outcome);
    } else if (is_image) {
        outcome_set_extra(outcome, "files", json_incref(r.files));
        outcome_set_extra(outcome, "fields", plain_of(body, is_named));
    }
    json_decref(r.files);
}
