// What store.c (calls and batches) and store_connection.c (a Redis fit to be used, and its clock)
// share. The second doesn't know the first.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/store/store.h"

struct batch;
struct loop_timer;
struct loop_turn;

enum { PLAIN = SCRIPT_COUNT }; // a command that is no script

struct store {
    struct loop *loop;
    const struct config *config;
    struct redis *redis;
    store_fn on_up;
    void *ctx;
    char by[9];
    char constants[2][80]; // as scripts get them: for the first time, and again; less the time
    char sha[SCRIPT_COUNT][41];
    unsigned unloaded; // scripts that aren't there yet
    bool is_loading;   // they are being loaded: once is enough, however many calls found none
    bool is_up;
    char problem[240];
    int64_t offset_ms; // the scripts' clock less our monotonic one
    bool has_offset;   // by their word
    bool is_asking;    // them for it; nothing else is sent while it is in question
    bool is_in_question;
    int64_t asked_ms; // of our monotonic clock
    struct store_call *waiting[SCRIPT_COUNT + 1], **waiting_end[SCRIPT_COUNT + 1];
    struct store_call *requeued[SCRIPT_COUNT + 1]; // the last one that was, while it waits
    struct store_call *late;                       // past their deadline, being told so
    struct batch *batches;
    unsigned under_way[SCRIPT_COUNT + 1]; // batches of each script
    uint64_t serial;
    unsigned pending; // calls alive
    unsigned owed;    // those without a deadline
    struct loop_turn *turn;
    struct loop_timer *deadlines, *probe, *clock;
};

// What every script gets beside its items. `expected_ms` 0: no matter what time it is.
void store_write_constants(const struct store *store, bool is_again, int64_t expected_ms, char *to,
                           size_t size);
// A redis_state_fn: makes sure that the server is fit, loads the scripts, asks for the clock; then
// is_up is true, and on_up is called.
void store_on_state(void *ctx, bool is_up);
// They aren't there any more.
void store_load_scripts(struct store *store);
// `word` is clock.lua's item. Nothing is sent while is_in_question; the turn is asked for after.
void store_ask_clock(struct store *store, const char *word);
