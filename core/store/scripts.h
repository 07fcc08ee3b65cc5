// The Lua scripts, one per kind of transition, as they are sent to Redis.
#pragma once

#define SCRIPTS(X)                                                                                 \
    X(submit)                                                                                      \
    X(list)                                                                                        \
    X(claim)                                                                                       \
    X(due)                                                                                         \
    X(looks)                                                                                       \
    X(change)                                                                                      \
    X(cancel)                                                                                      \
    X(hold)                                                                                        \
    X(post)                                                                                        \
    X(posted)                                                                                      \
    X(redeliver)                                                                                   \
    X(sweep)

enum script {
#define X(name) SCRIPT_##name,
    SCRIPTS(X)
#undef X
        SCRIPT_COUNT
};

const char *script_name(enum script script);
// The text with lib.lua put in its place; the caller frees it.
char *script_text(enum script script);
