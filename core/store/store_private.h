// What store.c (calls and batches) and store_connection.c (a Redis fit to be used, and its clock)
// share. store_connection.c calls nothing in store.c.
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
    char constants[2][80]; // what every script gets, without the time: for a first call, and for
                           // one that is sent again
    unsigned unloaded;     // scripts that Redis hasn't loaded yet
    bool is_loading; // the scripts are being loaded: once, however many calls found them missing
    bool is_up;
    char problem[240];
    int64_t offset_ms; // the scripts' clock less our monotonic one
    bool has_offset;   // offset_ms is what the scripts said
    bool is_asking;    // we are asking them for it; while is_in_question nothing else is sent
    bool is_in_question;
    int64_t asked_ms; // of our monotonic clock
    struct store_call *waiting[SCRIPT_COUNT + 1], **waiting_end[SCRIPT_COUNT + 1];
    struct store_call *requeued[SCRIPT_COUNT + 1]; // the call that was requeued last, while it
                                                   // waits
    struct store_call *late;                       // calls past their deadline, which are being
                                                   // told so
    struct batch *batches;
    struct args command;                  // being put together: its memory is kept
    unsigned under_way[SCRIPT_COUNT + 1]; // batches of each script
    uint64_t serial;
    unsigned pending; // calls alive
    unsigned owed;    // calls without a deadline
    struct loop_turn *turn;
    struct loop_timer *deadlines, *probe, *clock;
};

// What every script gets before its items, STORE_HEAD_WORDS words. `expected_ms` 0: whatever time
// it is.
enum { STORE_HEAD_WORDS = 6 };
void store_add_script(const struct store *store, enum script script, bool is_again,
                      int64_t expected_ms, struct args *command);
// A redis_state_fn: makes sure that the server is fit, loads the scripts, asks for the clock; then
// is_up is true, and on_up is called.
void store_on_state(void *ctx, bool is_up);
// Where an error says that another server has the keys by now, the connection is left: the address
// may lead to that one.
void store_leave_other(struct store *store, const char *error);
// Redis has lost the scripts: loads them again.
void store_load_scripts(struct store *store);
// `word` is clock.lua's item. No call is sent while is_in_question; afterwards the turn is asked
// for.
void store_ask_clock(struct store *store, const char *word);
