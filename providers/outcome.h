// What a vendor's answer means.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum outcome_kind {
    OUTCOME_NONE,
    // of a submit
    OUTCOME_ACCEPTED,          // upstream_id is set
    OUTCOME_REFUSED_RETRY,     // nothing was accepted; the same request may be sent later
    OUTCOME_REFUSED_ELSEWHERE, // nothing was accepted; this account can't, another may
    OUTCOME_REFUSED_FINAL,     // nothing was accepted, nor ever will be; `reason` is set
    OUTCOME_BAD_KEY,           // nothing was accepted: the account's key is wrong
    OUTCOME_DOUBT,             // the submit may have been accepted
    // of a look
    OUTCOME_RUNNING,
    OUTCOME_SUCCEEDED,
    OUTCOME_FAILED,    // reason
    OUTCOME_CANCELLED, // by the vendor, or at the vendor by us
    // of a search, and of a look
    OUTCOME_NEXT,    // the next request may tell
    OUTCOME_ALIKE,   // one of the jobs that `marks` names may be the task's: they look like it
    OUTCOME_MISSING, // the vendor doesn't know the task, or not what came of it (reason); one such
                     // answer proves nothing
};

struct outcome_source {
    char *kind; // "image", "video", "audio", "cover"; "text": nothing to fetch
    char *url;  // for a text, the text itself; "inline:<n>": the file is in the answer to a poll or
                // a call (provider.h)
    const char *content_type; // static; NULL: the file's first bytes tell
    char *of; // the vendor's name of the one of several results that it belongs to; NULL: the
              // whole task
    bool is_optional; // should its link be dead, the result is complete without it
    char *variant;    // the vendor's name of another rendition of the result, which there may be or
                      // not: where its link is refused, there is none. NULL: the vendor says that
                      // there is such a file
    const char *error; // the vendor says that this one can't be had, and so there is no url: the
                       // code that clients see, static; NULL: it can
    char *why;         // the vendor's words for that
};

// Owns its strings: outcome_clear. `= {0}` is ready for use.
struct outcome {
    enum outcome_kind kind;
    char *upstream_id;
    char *reason;
    const char *code; // the error's code as clients see it, static; NULL: vendor_failed
    int progress;     // 0 to 100, -1 where the vendor doesn't say
    bool has_started; // the job renders, it isn't only queued at the vendor
    bool is_modal;    // the job waits for the client's confirmation
    int64_t retry_after_ms;
    struct outcome_source *sources; // what to archive
    size_t source_count;
    char **marks; // the vendor's names of what was made, by which a follow-up finds the task
    size_t mark_count;
    // What a look's second request is about (provider.h: build_next). A success that took one has
    // it, too: links that are dead by then are renewed by that request alone. NULL: none.
    char *next;
    json_t *extra; // what the family shows beside the files: buttons, texts. NULL: nothing
};

struct outcome_word {
    const char *word;
    enum outcome_kind kind;
};

void outcome_clear(struct outcome *outcome);
// False for a word that isn't in the table; a stranger's word proves nothing about the task.
bool outcome_from_word(struct outcome *outcome, const struct outcome_word *words, size_t count,
                       const char *word, struct err *err) WARN_UNUSED;
// The same, where a word may be in capitals or not.
bool outcome_from_word_of_any_case(struct outcome *outcome, const struct outcome_word *words,
                                   size_t count, const char *word, struct err *err) WARN_UNUSED;
#define OUTCOME_WORDS(table) (table), sizeof(table) / sizeof((table)[0])

void outcome_set_reason(struct outcome *outcome, const char *reason); // cut at 200 bytes
// Sources and marks beyond 64 of each are left out: no job has so many, but an answer might.
void outcome_add_source(struct outcome *outcome, const char *kind, const char *url);
// A file that can't be told from others by its first bytes, as sound without a head.
void outcome_add_typed(struct outcome *outcome, const char *kind, const char *url,
                       const char *content_type);
void outcome_add_part(struct outcome *outcome, const char *kind, const char *url, const char *of,
                      bool is_optional);
void outcome_add_variant(struct outcome *outcome, const char *variant, const char *kind,
                         const char *url); // of the whole task; optional
// One of several results that the vendor couldn't give: named beside the others.
void outcome_add_missing(struct outcome *outcome, const char *kind, const char *error,
                         const char *why);
void outcome_add_mark(struct outcome *outcome, const char *mark);
void outcome_set_extra(struct outcome *outcome, const char *name, json_t *value); // takes value

// The result as the record keeps it, first with the vendor's links, then with ours:
//   {"sources":[{"kind","url","content_type","of","optional","variant","error":{"code","message"}}],
//   "next", "extra":{…}}
//   {"artifacts":[{"kind","key","content_type","bytes","sha256","of","variant"} |
//   {"kind":"text","text"}], "extra":{…}}
char *outcome_result(const struct outcome *outcome);
