// What a vendor's answer means.
#include "providers/outcome.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/json/json_write.h"

enum { MAX_REASON = 200, MAX_PARTS = 64 };

void outcome_clear(struct outcome *outcome)
{
    free(outcome->upstream_id);
    free(outcome->reason);
    for (size_t i = 0; i < outcome->source_count; i++) {
        free(outcome->sources[i].kind);
        free(outcome->sources[i].url);
        free(outcome->sources[i].of);
        free(outcome->sources[i].variant);
        free(outcome->sources[i].why);
    }
    free(outcome->sources);
    for (size_t i = 0; i < outcome->mark_count; i++)
        free(outcome->marks[i]);
    free(outcome->marks);
    free(outcome->next);
    json_decref(outcome->extra);
    *outcome = (struct outcome){0};
}

static bool find_word(struct outcome *outcome, const struct outcome_word *words, size_t count,
                      const char *word, int (*compare)(const char *, const char *), struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (compare(words[i].word, word) == 0) {
            outcome->kind = words[i].kind;
            return true;
        }
    }
    return err_set(err, ERR_UPSTREAM, "unknown status \"%.40s\"", word);
}

bool outcome_from_word(struct outcome *outcome, const struct outcome_word *words, size_t count,
                       const char *word, struct err *err)
{
    return find_word(outcome, words, count, word, strcmp, err);
}

bool outcome_from_word_of_any_case(struct outcome *outcome, const struct outcome_word *words,
                                   size_t count, const char *word, struct err *err)
{
    return find_word(outcome, words, count, word, strcasecmp, err);
}

// How much of the words is kept.
static size_t reason_len(const char *reason)
{
    size_t len = strlen(reason);

    if (len > MAX_REASON) {
        len = MAX_REASON;
        while (len > 0 && ((unsigned char)reason[len] & 0xc0) == 0x80)
            len--; // don't cut in the middle of a UTF-8 character
    }
    return len;
}

void outcome_set_reason(struct outcome *outcome, const char *reason)
{
    if (*reason == '\0')
        return; // an empty reason is as good as none
    free(outcome->reason);
    outcome->reason = mem_strn(reason, reason_len(reason));
}

// NULL: there are too many.
static struct outcome_source *add_source(struct outcome *outcome, const char *kind, const char *url)
{
    size_t size = (outcome->source_count + 1) * sizeof *outcome->sources;
    struct outcome_source *source;

    if (outcome->source_count == MAX_PARTS)
        return NULL;
    outcome->sources = mem_resize(outcome->sources, size);
    source = &outcome->sources[outcome->source_count++];
    *source = (struct outcome_source){.kind = mem_str(kind), .url = mem_str(url)};
    return source;
}

void outcome_add_part(struct outcome *outcome, const char *kind, const char *url, const char *of,
                      bool is_optional)
{
    struct outcome_source *source = add_source(outcome, kind, url);

    if (source == NULL)
        return;
    source->of = mem_str(of);
    source->is_optional = is_optional;
}

void outcome_add_variant(struct outcome *outcome, const char *variant, const char *kind,
                         const char *url)
{
    struct outcome_source *source = add_source(outcome, kind, url);

    if (source == NULL)
        return;
    source->variant = mem_str(variant);
    source->is_optional = true;
}

void outcome_add_source(struct outcome *outcome, const char *kind, const char *url)
{
    outcome_add_part(outcome, kind, url, NULL, false);
}

void outcome_add_typed(struct outcome *outcome, const char *kind, const char *url,
                       const char *content_type)
{
    size_t count = outcome->source_count;

    outcome_add_source(outcome, kind, url);
    if (outcome->source_count > count)
        outcome->sources[count].content_type = content_type;
}

void outcome_add_missing(struct outcome *outcome, const char *kind, const char *error,
                         const char *why)
{
    struct outcome_source *source = add_source(outcome, kind, "");

    if (source == NULL)
        return;
    source->error = error;
    source->why = mem_strn(why, reason_len(why));
}

void outcome_add_mark(struct outcome *outcome, const char *mark)
{
    if (outcome->mark_count == MAX_PARTS)
        return;
    outcome->marks = mem_resize(outcome->marks, (outcome->mark_count + 1) * sizeof *outcome->marks);
    outcome->marks[outcome->mark_count++] = mem_str(mark);
}

void outcome_set_extra(struct outcome *outcome, const char *name, json_t *value)
{
    if (outcome->extra == NULL)
        outcome->extra = json_object();
    json_object_set_new(outcome->extra, name, value);
}

char *outcome_result(const struct outcome *outcome)
{
    json_t *result = json_object(), *sources = json_array();
    char *text;

    for (size_t i = 0; i < outcome->source_count; i++) {
        const struct outcome_source *source = &outcome->sources[i];
        json_t *item = json_pack("{s:s,s:s}", "kind", source->kind, "url", source->url);

        if (source->content_type != NULL)
            json_object_set_new(item, "content_type", json_string(source->content_type));
        if (source->of != NULL)
            json_object_set_new(item, "of", json_string(source->of));
        if (source->is_optional)
            json_object_set_new(item, "optional", json_true());
        if (source->variant != NULL)
            json_object_set_new(item, "variant", json_string(source->variant));
        if (source->error != NULL)
            json_object_set_new(
                item, "error",
                json_pack("{s:s,s:s}", "code", source->error, "message", source->why));
        json_array_append_new(sources, item);
    }
    json_object_set_new(result, "sources", sources);
    if (outcome->next != NULL)
        json_object_set_new(result, "next", json_string(outcome->next));
    if (outcome->extra != NULL)
        json_object_set(result, "extra", outcome->extra);
    text = json_write_text(result);
    json_decref(result);
    return text;
}
