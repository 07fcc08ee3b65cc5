// Answers of Google's image models.
//
// Sources: googleapis/python-genai (GenerateContentResponse, FinishReason, BlockedReason), Google's
// guide to images, QuantumNous/new-api (what relays send).
#include "providers/gemini_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "providers/adapter.h"
#include "providers/gemini_body.h"
#include "providers/google.h"
#include "providers/outcome.h"
#include "providers/refusal.h"

enum { MAX_SHOWN = 65536 }; // bytes of texts and signatures that are kept of an answer

const char *const gemini_inline_keys[] = {"data", "bytesBase64Encoded", NULL};

struct reading {
    const json_t *body; // the whole answer
    struct outcome *outcome;
    json_t *parts;          // what is shown
    size_t shown;           // bytes of it
    struct buf text;        // of the model's, which says why there is no image
    const char *finish;     // why it has ended; of the candidate with an image where there is one
    const char *finish_why; // the vendor's words for it
};

// Adds the files of a string, which is one or has some.
static void add_files(struct reading *reading, const json_t *string, int files)
{
    int count = adapter_inline_number(reading->body, gemini_inline_keys, string);
    char place[32];

    for (int i = 0; i < files; i++) {
        snprintf(place, sizeof place, "inline:%d", count + i);
        outcome_add_source(reading->outcome, "image", place);
    }
}

// What is shown of a part: kept as long as there is room.
static void show(struct reading *reading, json_t *shown, const json_t *part, const char *name)
{
    const char *text = field_str_or_empty(part, name);

    if (*text == '\0' || reading->shown + strlen(text) > MAX_SHOWN)
        return;
    reading->shown += strlen(text);
    json_object_set(shown, name, json_object_get(part, name));
}

// The source that was just added, for which the part may have a signature, without which the model
// doesn't go on.
static void show_image(struct reading *reading, const json_t *part)
{
    json_t *shown = json_object();

    show(reading, shown, part, "thoughtSignature");
    json_array_append_new(reading->parts, shown);
}

static void show_text(struct reading *reading, const json_t *part)
{
    json_t *shown = json_object();

    show(reading, shown, part, "text");
    if (json_object_size(shown) > 0) {
        show(reading, shown, part, "thoughtSignature");
        json_array_append(reading->parts, shown);
    }
    json_decref(shown);
}

// Links in texts.

static size_t link_length(const char *text)
{
    return strcspn(text, " \t\r\n\"'<>()[]{}|\\^`");
}

static bool is_picture(const char *link, size_t len)
{
    static const char *const ends[] = {".png", ".jpg", ".jpeg", ".webp", ".gif"};
    size_t path = strcspn(link, "?#");

    if (path > len)
        path = len;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (path > strlen(ends[i]) &&
            strncasecmp(link + path - strlen(ends[i]), ends[i], strlen(ends[i])) == 0)
            return true;
    return false;
}

static bool begins_link(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

// Adds pictures that a text links to: as Markdown's images, by their names, or as all that it says.
static bool add_links(const char *text, struct reading *reading)
{
    const char *all = text + strspn(text, " \t\r\n"), *at = text;
    bool has = false;

    while ((at = strcasestr(at, "http")) != NULL) {
        size_t len = link_length(at), before = (size_t)(at - text);
        bool is_image = before >= 2 && strncmp(at - 2, "](", 2) == 0;
        bool is_all = at == all && at[len + strspn(at + len, " \t\r\n")] == '\0';

        if (begins_link(at) && (is_image || is_all || is_picture(at, len))) {
            char *link = mem_strn(at, len);

            outcome_add_source(reading->outcome, "image", link);
            free(link);
            has = true;
        }
        at += len > 0 ? len : 1;
    }
    return has;
}

// Parts.

static bool is_thought(const json_t *part)
{
    return json_is_true(json_object_get(part, "thought"));
}

static const json_t *data_of(const json_t *part)
{
    const json_t *data = field_at(part, "inlineData.data");

    return data != NULL ? data : field_at(part, "inline_data.data");
}

static const char *type_of(const json_t *part)
{
    static const char *const places[] = {"inlineData.mimeType", "inlineData.mime_type",
                                         "inline_data.mimeType", "inline_data.mime_type", NULL};

    return field_first_str(part, places);
}

static bool add_data(const json_t *part, struct reading *reading)
{
    const json_t *data = data_of(part);
    const char *type = type_of(part);

    if (!json_is_string(data) || (*type != '\0' && strncmp(type, "image/", 6) != 0))
        return false;
    add_files(reading, data, 1);
    return true;
}

static bool add_text(const json_t *part, struct reading *reading)
{
    int count = adapter_inline_count(field_str_or_empty(part, "text"));

    add_files(reading, json_object_get(part, "text"), count);
    return count > 0;
}

static bool add_link(const json_t *part, struct reading *reading)
{
    return add_links(field_str_or_empty(part, "text"), reading);
}

// How a part may have an image: the first way in which any part has one is the answer's.
static const struct way {
    bool (*add)(const json_t *part, struct reading *reading);
    bool is_relays;
} ways[] = {{add_data, false}, {add_text, false}, {add_link, true}};

static void read_part(const json_t *part, const struct way *way, struct reading *reading)
{
    const char *text = field_str_or_empty(part, "text");
    size_t before = reading->outcome->source_count;

    if (is_thought(part))
        return; // a draft, or what the model thinks
    if (way->add(part, reading)) {
        for (size_t i = before; i < reading->outcome->source_count; i++)
            show_image(reading, part);
        return;
    }
    show_text(reading, part);
    if (reading->text.len > 0 && *text != '\0')
        buf_char(&reading->text, ' ');
    buf_str(&reading->text, text);
}

static void read_candidate(const json_t *candidate, const struct way *way, struct reading *reading)
{
    size_t before = reading->outcome->source_count, i;
    json_t *part;

    json_array_foreach(field_at(candidate, "content.parts"), i, part) read_part(part, way, reading);
    if (*reading->finish == '\0' || reading->outcome->source_count > before) {
        reading->finish = field_str_or_empty(candidate, "finishReason");
        reading->finish_why = field_str_or_empty(candidate, "finishMessage");
    }
}

static void read_prediction(const json_t *prediction, struct reading *reading)
{
    const json_t *data = json_object_get(prediction, "bytesBase64Encoded");

    if (json_is_string(data)) {
        add_files(reading, data, 1);
    } else if (*reading->finish == '\0') {
        reading->finish_why = field_str_or_empty(prediction, "raiFilteredReason");
        reading->finish = *reading->finish_why == '\0' ? "" : "SAFETY";
    }
}

// Reads the whole answer for images of one way.
static void read_answer(const struct way *way, struct reading *reading)
{
    json_t *item;
    size_t i;

    json_array_clear(reading->parts);
    buf_reset(&reading->text);
    reading->shown = 0;
    reading->finish = reading->finish_why = "";
    json_array_foreach(json_object_get(reading->body, "candidates"), i, item)
        read_candidate(item, way, reading);
    json_array_foreach(json_object_get(reading->body, "predictions"), i, item)
        read_prediction(item, reading);
}

// Why there is nothing.

static bool is_filter(const char *reason)
{
    static const char *const reasons[] = {
        "SAFETY",       "PROHIBITED_CONTENT",       "BLOCKLIST",        "SPII", "RECITATION",
        "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i], reason) == 0)
            return true;
    return false;
}

// "IMAGE_SAFETY: what the vendor says beside it".
static void set_reason(struct outcome *outcome, const char *word, const char *words)
{
    struct buf reason = {0};

    buf_fmt(&reason, "%s%s", word, *word != '\0' && *words != '\0' ? ": " : "");
    buf_str(&reason, words);
    outcome_set_reason(outcome, buf_text(&reason));
    buf_clear(&reason);
}

static void fail(struct reading *reading)
{
    const char *blocked = field_str_or_empty(reading->body, "promptFeedback.blockReason");
    struct outcome *outcome = reading->outcome;

    if (*blocked != '\0' && strcmp(blocked, "BLOCKED_REASON_UNSPECIFIED") != 0) {
        // Nothing was made, nor will be.
        outcome->kind = OUTCOME_REFUSED_FINAL;
        outcome->code = "content_filter";
        set_reason(outcome, blocked,
                   field_str_or_empty(reading->body, "promptFeedback.blockReasonMessage"));
        return;
    }
    outcome->kind = OUTCOME_FAILED;
    outcome->code = is_filter(reading->finish) ? "content_filter" : "vendor_failed";
    if (is_filter(reading->finish))
        set_reason(outcome, reading->finish, reading->finish_why);
    else if (reading->text.len > 0)
        outcome_set_reason(outcome, reading->text.data);
    else if (*reading->finish_why != '\0')
        set_reason(outcome, reading->finish, reading->finish_why);
    else
        set_reason(outcome, "the answer has no image", reading->finish);
}

static void succeed(struct reading *reading)
{
    json_t *extra = json_pack("{s:O}", "parts", reading->parts);
    json_t *usage = json_object_get(reading->body, "usageMetadata");

    reading->outcome->kind = OUTCOME_SUCCEEDED;
    if (*reading->finish != '\0')
        json_object_set_new(extra, "finishReason", json_string(reading->finish));
    if (json_is_object(usage))
        json_object_set(extra, "usageMetadata", usage);
    outcome_set_extra(reading->outcome, "gemini", extra);
}

// Whether the answer is one of such a call, whatever came of it. Of Imagen nothing at all is one,
// too: all was filtered.
static bool is_answer(const json_t *body, bool is_imagens)
{
    return json_is_array(json_object_get(body, "candidates")) ||
           json_is_array(json_object_get(body, "predictions")) ||
           json_is_object(json_object_get(body, "promptFeedback")) ||
           (is_imagens && json_is_object(body) && json_object_size(body) == 0);
}

// Another Spool says in Google's form what has become of its task: its own word for that, in
// error.type, says more than the status that goes with it.
static bool read_relayed(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    json_t *error = json_copy(json_object_get(body, "error")), *said;
    const char *type = field_str_or_empty(error, "type");
    bool is_over = strcmp(type, "vendor_failed") == 0 || strcmp(type, "archive_failed") == 0;
    bool ok = is_over;

    if (is_over) {
        outcome->kind = OUTCOME_FAILED;
        outcome->code = "vendor_failed";
    } else if (*type != '\0') {
        json_object_del(error, "status");
        said = json_pack("{s:O}", "error", error);
        ok = refusal_read(response, said, outcome, err);
        json_decref(said);
    }
    json_decref(error);
    return ok || err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

static bool read_body(bool is_relay, bool is_imagens, const struct http_response *response,
                      const json_t *body, struct outcome *outcome, struct err *err)
{
    struct reading reading = {
        .body = body, .outcome = outcome, .parts = json_array(), .finish = "", .finish_why = ""};
    bool ok = true;

    if (response->status < 200 || response->status > 299) {
        ok = (is_relay && read_relayed(response, body, outcome, err)) ||
             google_read_refusal(response, body, outcome, err);
    } else if (!is_answer(body, is_imagens)) {
        ok = err_set(err, ERR_UPSTREAM, "the answer has neither candidates nor predictions");
    } else {
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
            if (outcome->source_count == 0 && (is_relay || !ways[i].is_relays))
                read_answer(&ways[i], &reading);
        if (outcome->source_count > 0)
            succeed(&reading);
        else
            fail(&reading);
    }
    buf_clear(&reading.text);
    json_decref(reading.parts);
    return ok;
}

static bool read_google(const struct task *task, const struct account *account,
                        const struct http_response *response, const json_t *body,
                        struct outcome *outcome, struct err *err)
{
    return read_body(false, gemini_is_imagen(task, account), response, body, outcome, err);
}

static bool read_relay(const struct task *task, const struct account *account,
                       const struct http_response *response, const json_t *body,
                       struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    return read_body(true, false, response, body, outcome, err);
}

bool gemini_read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_google, outcome, err);
}

bool gemini_read_relay(const struct task *task, const struct account *account,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err)
{
    return adapter_read_submit(task, account, response, read_relay, outcome, err);
}
