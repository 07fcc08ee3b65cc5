// The answers of the simulated OpenAI.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/http/http_server.h"
#include "tests/sim/calls.h"
#include "tests/sim/jobs.h"
#include "tests/sim/media.h"
#include "tests/sim/openai.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { SOUND_BYTES = 24000, NAME_SIZE = 64 };

static const char error_at_200[] =
    "{\"error\":{\"message\":\"The upstream has failed.\",\"type\":\"upstream_error\","
    "\"param\":null,\"code\":\"upstream_error\"}}";

static const char usage[] =
    "{\"total_tokens\":4200,\"input_tokens\":40,\"output_tokens\":4160,"
    "\"input_tokens_details\":{\"text_tokens\":40,\"image_tokens\":0}}";

// Images.

// A word that was asked for, unless it was left to the vendor.
static const char *word_of(const json_t *body, const char *name, const char *usual)
{
    const char *word = rules_text(body, name);

    return *word == '\0' || strcmp(word, "auto") == 0 ? usual : word;
}

static void make_picture(const struct job *job, int number, struct buf *file)
{
    bool is_jpeg = strcmp(rules_text(job->request, "output_format"), "jpeg") == 0;
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "%s-%d.%s", job->id, number, is_jpeg ? "jpg" : "png");
    if (is_jpeg)
        media_add(file, MEDIA_JPEG, name);
    else
        png_add(file, job->number * 16 + (uint64_t)number);
}

static void add_base64(const struct job *job, int number, struct buf *json)
{
    struct buf file = {0};

    make_picture(job, number, &file);
    base64_encode(file.data, file.len, json);
    buf_clear(&file);
}

static bool wants_link(const struct job *job)
{
    return openai_links(rules_text(job->request, "model")) &&
           strcmp(rules_text(job->request, "response_format"), "b64_json") != 0;
}

static void add_image(const struct sim *sim, const struct job *job, int number, struct buf *json)
{
    char part[16];

    snprintf(part, sizeof part, "%d", number);
    if (wants_link(job)) {
        buf_str(json, "{\"url\":\"");
        jobs_add_link(sim->jobs, job, part, "png", json);
    } else {
        buf_str(json, "{\"b64_json\":\"");
        add_base64(job, number, json);
    }
    buf_char(json, '"');
    if (openai_links(rules_text(job->request, "model"))) {
        buf_str(json, ",\"revised_prompt\":\"");
        buf_fmt(json, "A simulated image, number %d.\"", number);
    }
    buf_char(json, '}');
}

static void add_form(const struct job *job, struct buf *json)
{
    buf_fmt(json,
            "\"background\":\"%s\",\"output_format\":\"%s\",\"quality\":\"%s\",\"size\":\"%s\"",
            word_of(job->request, "background", "opaque"),
            word_of(job->request, "output_format", "png"), word_of(job->request, "quality", "high"),
            word_of(job->request, "size", "1024x1024"));
}

static int count_of(const struct job *job)
{
    const json_t *n = json_object_get(job->request, "n");

    return n == NULL ? 1 : (int)json_integer_value(n);
}

static void add_answer(const struct sim *sim, const struct job *job, struct buf *json)
{
    bool has_none = words_has(job->prompt, "none");
    int first = words_has(job->prompt, "part") ? 1 : 0;

    buf_fmt(json, "{\"created\":%lld,\"data\":[", (long long)(job->began_ms / 1000));
    if (first == 1)
        buf_str(json, "{\"error\":{\"code\":\"moderation_blocked\",\"message\":\"blocked\"}}");
    for (int i = first; i < count_of(job) && !has_none; i++) {
        if (i > 0)
            buf_char(json, ',');
        add_image(sim, job, i, json);
    }
    buf_char(json, ']');
    if (!openai_links(rules_text(job->request, "model"))) {
        buf_char(json, ',');
        add_form(job, json);
        buf_fmt(json, ",\"usage\":%s", usage);
    }
    buf_char(json, '}');
}

// One image of many megabytes: a PNG, and zeros behind it.
static void answer_big(struct http_exchange *exchange, const struct job *job, long megabytes)
{
    struct buf head = {0}, tail = {0}, file = {0};

    make_picture(job, 0, &file);
    while (file.len % 3 != 0)
        buf_char(&file, '\0');
    buf_str(&head, "{\"created\":1,\"data\":[{\"b64_json\":\"");
    base64_encode(file.data, file.len, &head);
    buf_str(&tail, "\"}],");
    add_form(job, &tail);
    buf_fmt(&tail, ",\"usage\":%s}", usage);
    answer_filled(exchange, "application/json", &head, 'A', (size_t)megabytes * 1024 * 1024 / 3 * 4,
                  &tail);
    buf_clear(&head);
    buf_clear(&tail);
    buf_clear(&file);
}

static void add_events(const struct job *job, const char *name, struct buf *events)
{
    for (int i = 0; i < count_of(job); i++) {
        buf_fmt(events,
                "event: %s.completed\ndata: {\"type\":\"%s.completed\",\"created_at\":%lld,", name,
                name, (long long)(job->began_ms / 1000));
        add_form(job, events);
        buf_fmt(events, ",\"usage\":%s,\"b64_json\":\"", usage);
        add_base64(job, i, events);
        buf_str(events, "\"}\n\n");
    }
}

void openai_answer_images(struct sim *sim, struct http_exchange *exchange, const struct job *job,
                          enum openai_kind kind)
{
    bool is_stream = json_is_true(json_object_get(job->request, "stream"));
    const char *type = is_stream ? "text/event-stream" : "application/json";
    long megabytes = calls_number(job->prompt, "big");
    struct buf body = {0};

    if (is_stream)
        add_events(job, kind == OPENAI_EDIT ? "image_edit" : "image_generation", &body);
    else
        add_answer(sim, job, &body);
    if (words_has(job->prompt, "error-200"))
        http_exchange_answer_json(exchange, 200, error_at_200);
    else if (megabytes > 0)
        answer_big(exchange, job, megabytes);
    else
        calls_answer(sim, exchange, job, type, &body);
    buf_clear(&body);
}

// Speech.

static const struct {
    const char *format, *type, *magic;
    size_t magic_len;
} sounds[] = {
    {"mp3", "audio/mpeg", "", 0},
    {"opus", "audio/opus", "OggS", 4},
    {"aac", "audio/aac", "\xff\xf1\x50\x80", 4},
    {"flac", "audio/flac", "fLaC", 4},
    // The length isn't known when the head is sent.
    {"wav", "audio/wav",
     "RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\xc0\x5d\0\0\x80\xbb\0\0\2\0\x10\0"
     "data\xff\xff\xff\xff",
     44},
    {"pcm", "audio/pcm", "", 0},
};

static size_t sound_of(const struct job *job)
{
    const char *format = rules_text(job->request, "response_format");
    size_t i = 0;

    while (*format != '\0' && strcmp(sounds[i].format, format) != 0)
        i++;
    return i;
}

static void make_sound(const struct job *job, struct buf *file)
{
    size_t row = sound_of(job);
    uint64_t noise = job->number;

    if (row == 0) {
        media_add(file, MEDIA_MP3, job->id);
        return;
    }
    buf_add(file, sounds[row].magic, sounds[row].magic_len);
    for (size_t i = 0; i < SOUND_BYTES; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        buf_char(file, (char)(noise >> 60));
    }
}

// The vendor doesn't know the length before the end.
static void send_live(struct http_exchange *exchange, const char *type, const struct buf *body)
{
    static const char last[] = "0\r\n\r\n";

    calls_begin_chunked(exchange, type, body->data, body->len);
    http_exchange_write(exchange, last, sizeof last - 1, NULL, NULL);
    http_exchange_end(exchange);
}

void openai_answer_speech(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    const char *type =
        words_has(job->prompt, "octets") ? "application/octet-stream" : sounds[sound_of(job)].type;
    struct buf body = {0};

    make_sound(job, &body);
    if (words_has(job->prompt, "no-sound"))
        http_exchange_answer(exchange, 200, type, "", 0);
    else if (words_has(job->prompt, "cut"))
        http_exchange_abort(exchange);
    else if (words_has(job->prompt, "error-200"))
        http_exchange_answer_json(exchange, 200, error_at_200);
    else if (calls_cut(exchange, job, type, &body))
        ;
    else if (calls_number(job->prompt, "after") > 0 || words_has(job->prompt, "never"))
        answer_later(sim, exchange, calls_delay_ms(sim, job), 200, type, body.data, body.len);
    else
        send_live(exchange, type, &body);
    buf_clear(&body);
}
