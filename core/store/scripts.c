// The Lua scripts, as the assembler put them here (lua.S).
#include "core/store/scripts.h"

#include <string.h>

#include "core/base/buf.h"

extern const char lua_lib[], lua_lib_end[];
#define X(name) extern const char lua_##name[], lua_##name##_end[];
SCRIPTS(X)
#undef X

static const struct {
    const char *name, *text, *end;
} scripts[] = {
#define X(name) [SCRIPT_##name] = {#name, lua_##name, lua_##name##_end},
    SCRIPTS(X)
#undef X
};

const char *script_name(enum script script)
{
    return scripts[script].name;
}

char *script_text(enum script script)
{
    static const char place[] = "--#lib\n";
    const char *text = scripts[script].text;
    size_t len = (size_t)(scripts[script].end - text);
    const char *at = memmem(text, len, place, sizeof place - 1);
    size_t head = (size_t)(at - text);
    struct buf whole = {0};

    buf_add(&whole, text, head);
    // cppcheck-suppress comparePointers // the assembler put both into one section
    buf_add(&whole, lua_lib, (size_t)(lua_lib_end - lua_lib));
    buf_add(&whole, at + sizeof place - 1, len - head - (sizeof place - 1));
    return buf_take(&whole);
}
