// Paragraphs of the Lua library.
#include "core/store/lua_library.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum { PARTS_MAX = 256, NAMES_MAX = 256 };

struct part {
    const char *text;
    size_t len;
    bool is_always;        // it does something by itself
    bool names[NAMES_MAX]; // mentioned in it
};

struct name {
    const char *at;
    size_t len;
    const struct part *part; // that has it, the last one where there are several
};

struct lua_library {
    struct part parts[PARTS_MAX];
    struct name names[NAMES_MAX];
    size_t part_count, name_count;
};

static size_t word_len(const char *at)
{
    size_t len = 0;

    while (isalnum((unsigned char)at[len]) || at[len] == '_')
        len++;
    return len;
}

static bool is_word(const char *at, const char *word)
{
    return word_len(at) == strlen(word) && strncmp(at, word, strlen(word)) == 0;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " ");
}

static void add_name(struct lua_library *library, const struct part *part, const char *at)
{
    assert(library->name_count < NAMES_MAX);
    library->names[library->name_count++] =
        (struct name){.at = at, .len = word_len(at), .part = part};
}

// A statement that begins a line: notes the names that it declares.
static void read_statement(struct lua_library *library, struct part *part, const char *at)
{
    const char *after = skip_blanks(at + word_len(at));

    if (is_word(at, "local") && is_word(after, "function")) {
        add_name(library, part, skip_blanks(after + word_len(after)));
    } else if (is_word(at, "local")) {
        add_name(library, part, after);
        for (after += word_len(after); *after == ','; after += word_len(after)) {
            after = skip_blanks(after + 1);
            add_name(library, part, after);
        }
    } else if (*after == '=' && is_word(skip_blanks(after + 1), "function")) {
        add_name(library, part, at);
    } else if (!is_word(at, "end")) {
        part->is_always = true;
    }
}

// Calls back with each word of the text that may stand for a name of the library: not in a comment,
// and no field's name or string.
static void each_name(const struct lua_library *library, const char *text, size_t len,
                      void (*fn)(void *ctx, size_t name), void *ctx)
{
    const char *end = text + len;

    for (const char *at = text; at < end;) {
        size_t word = word_len(at);
        char before = at == text ? '\0' : at[-1];

        if (at[0] == '-' && at[1] == '-') {
            at += strcspn(at, "\n");
            continue;
        }
        for (size_t i = 0; word > 0 && i < library->name_count; i++)
            if (library->names[i].len == word && memcmp(library->names[i].at, at, word) == 0 &&
                (before == '\0' || strchr(".:'\"", before) == NULL))
                fn(ctx, i);
        at += word > 0 ? word : 1;
    }
}

static void note_mention(void *ctx, size_t name)
{
    bool *mentioned = ctx;

    mentioned[name] = true;
}

struct lua_library *lua_library_new(const char *text)
{
    struct lua_library *library = mem_new(struct lua_library);

    for (const char *at = text; *at != '\0';) {
        const char *empty = strstr(at, "\n\n");
        size_t len = empty == NULL ? strlen(at) : (size_t)(empty - at) + 1;
        struct part *part = &library->parts[library->part_count++];

        assert(library->part_count <= PARTS_MAX);
        part->text = at;
        part->len = len;
        for (const char *line = at; line < at + len; line += strcspn(line, "\n") + 1)
            if (word_len(line) > 0)
                read_statement(library, part, line);
        at += len + (empty == NULL ? 0 : 1);
    }
    for (size_t i = 0; i < library->part_count; i++) {
        struct part *part = &library->parts[i];

        each_name(library, part->text, part->len, note_mention, part->names);
    }
    return library;
}

void lua_library_free(struct lua_library *library)
{
    free(library);
}

static bool is_needed(const struct lua_library *library, const struct part *part,
                      const bool *needed)
{
    if (part->is_always)
        return true;
    for (size_t i = 0; i < library->name_count; i++)
        if (needed[i] && library->names[i].part == part)
            return true;
    return false;
}

void lua_library_write(const struct lua_library *library, const char *script, struct buf *out)
{
    bool needed[NAMES_MAX] = {false}, taken[PARTS_MAX] = {false}, has_more = true;

    each_name(library, script, strlen(script), note_mention, needed);
    while (has_more) {
        has_more = false;
        for (size_t i = 0; i < library->part_count; i++) {
            const struct part *part = &library->parts[i];

            if (taken[i] || !is_needed(library, part, needed))
                continue;
            taken[i] = has_more = true;
            for (size_t k = 0; k < library->name_count; k++)
                needed[k] = needed[k] || part->names[k];
        }
    }
    for (size_t i = 0; i < library->part_count; i++)
        if (taken[i])
            buf_add(out, library->parts[i].text, library->parts[i].len);
}
