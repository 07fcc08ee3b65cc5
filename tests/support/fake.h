// What a module asked of its fakes, one line per call in the order they came, and the calls that
// still wait for an answer.
//
// A fake adds a call for each question; the test reads the lines, and answers when it likes, in any
// order. The answer to a cancelled call is silent, as it is with the real thing; the answer to a
// call that was forgotten without a cancel reaches freed memory, and ASan says so. That is what
// fake_late is for.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct fake_call;

// Ends a call where nobody cares about the answer's details: as if Redis were away, or no answer
// came.
typedef void (*fake_lose_fn)(struct fake_call *call, const struct err *err);

// The first member of every fake's call.
struct fake_call {
    char *line;
    fake_lose_fn lose;
    void (*clear)(struct fake_call *call); // frees what the call owns, at the end; NULL: nothing
    bool is_answered, is_cancelled;
    bool is_store_s; // nobody cancels it: it goes with the store
    bool is_told;    // fake_expect was given its line
    struct fake_call *next;
};

// For fakes. `call` is on the heap, ours from now on; it stays until fake_end, cancelled or not.
void fake_add(struct fake_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Adds a line that nobody answers.
void fake_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
// True once: the call may be answered now. False where it was cancelled or answered before.
bool fake_takes(struct fake_call *call);
void fake_cancel(struct fake_call *call);
// The store goes, with what only it cancels.
void fake_cancel_store_s(void);

// Checks that the next line that wasn't expected yet is this one; or that there is none.
void fake_expect(const char *line);
void fake_expect_nothing(void);
// Forgets the lines so far.
void fake_skip(void);
// The oldest waiting call whose line begins with `begins`. The test fails where there is none.
struct fake_call *fake_waiting(const char *begins);
size_t fake_count_waiting(const char *begins);
// How many lines have come that begin with `begins`, expected or not.
size_t fake_count(const char *begins);
// Lets every answer come that is still owed, cancelled or not: all of them as failures.
void fake_late(void);
// Frees all calls. Fails the test where a call still waits whose answer somebody would hear.
void fake_end(void);
