// The Lua scripts, one per kind of transition, as they are sent to Redis.
#pragma once

// In the order in which one turn sends them: outcomes come to Redis before anything is claimed, so
// that a claim doesn't find a lease expired whose outcome is still waiting here to be stored.
#define SCRIPTS(X)                                                                                 \
    X(convert)                                                                                     \
    X(clock)                                                                                       \
    X(leave)                                                                                       \
    X(join)                                                                                        \
    X(submit)                                                                                      \
    X(read)                                                                                        \
    X(state)                                                                                       \
    X(list)                                                                                        \
    X(overview)                                                                                    \
    X(account)                                                                                     \
    X(mark)                                                                                        \
    X(change)                                                                                      \
    X(hint)                                                                                        \
    X(beat)                                                                                        \
    X(hold)                                                                                        \
    X(posted)                                                                                      \
    X(claim)                                                                                       \
    X(begin)                                                                                       \
    X(alike)                                                                                       \
    X(due)                                                                                         \
    X(looks)                                                                                       \
    X(cancel)                                                                                      \
    X(forget)                                                                                      \
    X(resolve)                                                                                     \
    X(post)                                                                                        \
    X(redeliver)                                                                                   \
    X(undelivered)                                                                                 \
    X(sweep)

enum script {
#define X(name) SCRIPT_##name,
    SCRIPTS(X)
#undef X
        SCRIPT_COUNT
};

const char *script_name(enum script script);
// The text with what it needs of lua/lib put in its place; the caller frees it.
char *script_text(enum script script);

// The name by which Redis has the text, made once in a process.
const char *script_hash(enum script script);
