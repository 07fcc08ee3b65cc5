// The files that links of a client's request lead to: got before a submit whose vendor takes files
// only. A client chose the links, so we only go to addresses that clients' links may lead to (the
// configuration's clients_reach).
//
// A dialect that streams its inputs (providers/provider.h) gets no more of them into memory than
// their first bytes. A file of ours stays where it is in the storage; one from elsewhere is copied
// to data_dir/answers for as long as the submit takes.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct body_file;
struct err;
struct inputs;
struct job;

enum inputs_end {
    INPUTS_THERE,           // the task's `inputs` has all files
    INPUTS_NEVER,           // one can't be had
    INPUTS_LATER,           // the same, but later its link may lead to it
    INPUTS_WITHOUT_STORAGE, // the storage is at fault, and no link
};

// `err` is NULL where all are there.
typedef void (*inputs_fn)(void *ctx, enum inputs_end end, const struct err *err);

// Images, at most 20 MB each, or 50 MB where they are streamed. Calls back once, never before it
// returns, never after inputs_drop.
struct inputs *inputs_start(struct job *job, inputs_fn fn, void *ctx);
// Where the files are that are streamed, by their numbers among the task's inputs. Borrowed until
// inputs_drop.
const struct body_file *inputs_files(const struct inputs *inputs);
// Copies of files are deleted.
void inputs_drop(struct inputs **inputs);
