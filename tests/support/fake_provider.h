// Vendors that are understood at a glance: the whole registry of providers/provider.h.
//
// Each answers in words: "accepted up-1", "rendering 40", "succeeded image=https://…/a.gif", a line
// for each job where many were asked about, with its id before. What begins with no such word can't
// be read.
//   of a submit   accepted ID | modal_accepted ID | busy | elsewhere | refused | bad_key | doubt,
//   WHY of a look     waiting | rendering | modal, PERCENT | succeeded KIND=URL… | failed WHY |
//                 cancelled | missing
//   of a search   accepted ID | absent | next | missing
// A KIND that begins with "?" is optional; "text" needs no fetching.
//
// "many" looks at up to 10 jobs at once, cancels and searches in 3 steps. "one" can do none of
// that, but calls back, and takes no links: the request's `image` is fetched for it. Its files
// may lie inside its answers, as "inline:0"; asking for others takes a header. Both are busy for
// 2 s before the first look, and give links that live an hour.
#pragma once

// The result of a task whose vendor said "succeeded SOURCES", as the record has it. The caller
// frees.
char *fake_result(const char *sources);

enum {
    FAKE_POLL_FIRST_MS = 2000,
    FAKE_TYPICAL_MS = 60000,
    FAKE_MISSING_GRACE_MS = 30000,
    FAKE_LINK_LIFE_MS = 3600 * 1000,
};
