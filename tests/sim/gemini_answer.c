// The answers of Google's simulated image models.
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/http/http_server.h"
#include "tests/sim/calls.h"
#include "tests/sim/gemini.h"
#include "tests/sim/jobs.h"
#include "tests/sim/media.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { NAME_SIZE = 64, SEEDS = 16 };

static const char as_json[] = "application/json";

static const json_t *config_of(const struct job *job)
{
    return json_object_get(json_object_get(job->request, "body"), "generationConfig");
}

static const json_t *parameters_of(const struct job *job)
{
    return json_object_get(json_object_get(job->request, "body"), "parameters");
}

// As it was asked for, where it can be: at the Gemini API the vendor chooses.
static bool is_jpeg(const struct job *job)
{
    const json_t *options =
        json_object_get(json_object_get(config_of(job), "imageConfig"), "imageOutputOptions");

    if (options == NULL)
        options = json_object_get(parameters_of(job), "outputOptions");
    return words_has(job->prompt, "jpeg") ||
           strcmp(rules_text(options, "mimeType"), "image/jpeg") == 0;
}

static void make_picture(const struct job *job, int number, struct buf *picture)
{
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "%s-%d.jpg", job->id, number);
    if (is_jpeg(job))
        media_add(picture, MEDIA_JPEG, name);
    else
        png_add(picture, job->number * SEEDS + (uint64_t)number);
}

static void add_picture(const struct job *job, int number, struct buf *json)
{
    struct buf picture = {0};

    make_picture(job, number, &picture);
    base64_encode(picture.data, picture.len, json);
    buf_clear(&picture);
}

static const char *type_of(const struct job *job)
{
    return is_jpeg(job) ? "image/jpeg" : "image/png";
}

// A part's member; the image itself is number 0.
static void add_image(const struct job *job, int number, struct buf *json)
{
    buf_fmt(json, "\"inlineData\":{\"mimeType\":\"%s\",\"data\":\"", type_of(job));
    add_picture(job, number, json);
    buf_str(json, "\"}");
}

// Drafts: one says before the image that it is one, the other behind it.
static void add_drafts(const struct job *job, struct buf *json)
{
    buf_str(json, "{\"text\":\"A draft first.\",\"thought\":true},{\"thought\":true,");
    add_image(job, 1, json);
    buf_str(json, "},{");
    add_image(job, 2, json);
    buf_str(json, ",\"thought\":true},");
}

static bool wants_image(const struct job *job)
{
    const json_t *words = json_object_get(config_of(job), "responseModalities");
    json_t *word;
    size_t i;

    if (words_has(job->prompt, "text") || words_has(job->prompt, "none"))
        return false;
    json_array_foreach((json_t *)words, i, word)
    {
        if (strcmp(json_string_value(word), "IMAGE") == 0)
            return true;
    }
    return words == NULL;
}

static void add_parts(const struct job *job, struct buf *json)
{
    bool talks = words_has(job->prompt, "talk");

    if (words_has(job->prompt, "thoughts"))
        add_drafts(job, json);
    if (talks)
        buf_str(json, "{\"text\":\"Here it is:\"},");
    if (wants_image(job)) {
        buf_char(json, '{');
        add_image(job, 0, json);
        buf_str(json, ",\"thoughtSignature\":\"c2lnbmF0dXJl\"}");
    } else if (!words_has(job->prompt, "none")) {
        buf_str(json, "{\"text\":\"I can only describe it: a lighthouse.\"}");
    }
    if (talks)
        buf_str(json, ",{\"text\":\"Shall I change it?\"}");
}

static void add_rest(const struct job *job, bool has_output, struct buf *json)
{
    buf_str(json, ",\"usageMetadata\":{\"promptTokenCount\":12,");
    if (has_output)
        buf_str(json, "\"candidatesTokenCount\":1290,");
    buf_fmt(json, "\"totalTokenCount\":%d},\"modelVersion\":\"%s\",\"responseId\":\"%s\"}",
            has_output ? 1302 : 12, rules_text(job->request, "model"), job->id);
}

// What is answered in the place of an image; NULL: there is one.
static const char *instead_of(const struct job *job)
{
    static const struct {
        const char *word, *json;
    } answers[] = {
        {"block", "{\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"}"},
        {"moderation",
         "{\"candidates\":[{\"finishReason\":\"IMAGE_SAFETY\",\"finishMessage\":\"Unable to show "
         "the "
         "generated image.\",\"index\":0}]"},
        {"fail",
         "{\"candidates\":[{\"content\":{\"role\":\"model\"},\"finishReason\":\"IMAGE_OTHER\","
         "\"index\":0}]"},
        {"none", "{\"candidates\":[{\"content\":{},\"finishReason\":\"NO_IMAGE\",\"index\":0}]"},
    };

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (words_has(job->prompt, answers[i].word))
            return answers[i].json;
    return NULL;
}

static void add_content(const struct job *job, struct buf *json)
{
    const char *instead = instead_of(job);

    if (instead != NULL) {
        buf_str(json, instead);
    } else {
        buf_str(json, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[");
        add_parts(job, json);
        buf_str(json, "]},\"finishReason\":\"STOP\",\"index\":0}]");
    }
    add_rest(job, !words_has(job->prompt, "block"), json);
}

// Imagen's. What was filtered is missing, or has a reason in its place.
static void add_predictions(const struct job *job, struct buf *json)
{
    json_int_t count = json_integer_value(json_object_get(parameters_of(job), "sampleCount"));
    bool has_none = words_has(job->prompt, "none") || words_has(job->prompt, "block");

    if (has_none) {
        buf_str(json, "{}");
        return;
    }
    buf_str(json, "{\"predictions\":[");
    for (int i = 0; i < (count == 0 ? 1 : count); i++) {
        if (i > 0)
            buf_char(json, ',');
        if (words_has(job->prompt, "moderation") || (i == 0 && words_has(job->prompt, "part"))) {
            buf_str(json, "{\"raiFilteredReason\":\"Unable to show generated images.\"}");
            continue;
        }
        buf_fmt(json, "{\"mimeType\":\"%s\",\"bytesBase64Encoded\":\"", type_of(job));
        add_picture(job, i, json);
        buf_str(json, "\"}");
    }
    buf_str(json, "]}");
}

// One image of many megabytes: a file, and zeros behind it.
static void answer_big(struct http_exchange *exchange, const struct job *job, long megabytes)
{
    struct buf head = {0}, tail = {0}, picture = {0};

    make_picture(job, 0, &picture);
    while (picture.len % 3 != 0)
        buf_char(&picture, '\0');
    buf_fmt(&head,
            "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"inlineData\":{"
            "\"mimeType\":\"%s\",\"data\":\"",
            type_of(job));
    base64_encode(picture.data, picture.len, &head);
    buf_str(&tail, "\"}}]},\"finishReason\":\"STOP\",\"index\":0}]");
    add_rest(job, true, &tail);
    answer_filled(exchange, as_json, &head, 'A', (size_t)megabytes * 1024 * 1024 / 3 * 4, &tail);
    buf_clear(&head);
    buf_clear(&tail);
    buf_clear(&picture);
}

void gemini_answer(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    long megabytes = calls_number(job->prompt, "big");
    struct buf json = {0};

    if (megabytes > 0) {
        answer_big(exchange, job, megabytes);
        return;
    }
    if (job->route == gemini_predict)
        add_predictions(job, &json);
    else
        add_content(job, &json);
    calls_answer(sim, exchange, job, as_json, &json);
    buf_clear(&json);
}
