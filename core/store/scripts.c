// The Lua scripts, as the assembler put them here (lua.S).
#include "core/store/scripts.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/store/lua_library.h"
#include "core/store/record.h"

extern const char lua_lib[];
#define X(name) extern const char lua_##name[];
SCRIPTS(X)
#undef X

static const struct {
    const char *name, *text;
} scripts[] = {
#define X(name) [SCRIPT_##name] = {#name, lua_##name},
    SCRIPTS(X)
#undef X
};

const char *script_name(enum script script)
{
    return scripts[script].name;
}

// Puts a text in the place of a line of a script.
static void put(struct buf *text, const char *line, const char *in_its_place)
{
    const char *at = strstr(text->data, line);
    struct buf whole = {0};

    if (at == NULL)
        return;
    buf_add(&whole, text->data, (size_t)(at - text->data));
    buf_str(&whole, in_its_place);
    buf_str(&whole, at + strlen(line));
    buf_clear(text);
    *text = whole;
}

static struct lua_library *library; // for as long as the process lives

static void make_library(void)
{
    library = lua_library_new(lua_lib);
}

char *script_text(enum script script)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct buf text = {0}, fields = {0}, letters = {0}, needed = {0}, spelled = {0};

    pthread_once(&once, make_library);
    buf_str(&text, scripts[script].text);
    lua_library_write(library, text.data, &needed);
    record_write_look_fields(&fields);
    put(&text, "--#fields\n", fields.data);
    record_write_letters(&letters);
    put(&text, "--#letters\n", letters.data);
    put(&text, "--#lib\n", buf_text(&needed));
    record_spell(text.data, &spelled);
    buf_clear(&needed);
    buf_clear(&fields);
    buf_clear(&letters);
    buf_clear(&text);
    return buf_take(&spelled);
}

enum { HASH_SIZE = 41 };
static char hashes[SCRIPT_COUNT][HASH_SIZE];

static void make_hashes(void)
{
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        char *text = script_text((enum script)i);
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;

        EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL);
        if (2 * len < HASH_SIZE)
            hex_encode(digest, len, hashes[i]);
        free(text);
    }
}

const char *script_hash(enum script script)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_hashes);
    return hashes[script];
}
