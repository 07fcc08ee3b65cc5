// Vendors that are understood at a glance: the whole registry of providers/provider.h.
//
// Each answers in words: "accepted up-1", "rendering 40", "succeeded image=https://…/a.gif"; where
// many jobs were asked about, with a line for each, its id in front. An answer that begins with
// none of these words can't be read.
//
//   to a submit   accepted ID | modal_accepted ID
//                 busy | elsewhere | refused | bad_key | doubt, each with WHY
//   to a look     waiting | rendering | modal, each with PERCENT
//                 succeeded KIND=URL… | failed WHY | cancelled | missing
//                 next WORD: "one" asks again, about next/WORD
//   to a search   accepted ID | alike ID… | absent | next | missing
//
// A KIND that begins with "?" is optional; "VARIANT?KIND" is a variant, which there may be or not;
// "text" needs no fetching.
//
// "many" can be asked about up to 10 jobs at once, cancels, and is searched in 3 steps. "one" can
// do none of that, but calls back, and takes no links: the request's `image` is fetched for it. Its
// files may lie inside its answers, as "inline:0"; a request for its other files takes a header.
// Jobs of both are first looked at after 2 s, and their links live for an hour. The dialect "stops"
// is of "many", and cancels what runs, too. The dialect "calls" is of "many": it answers a submit
// with "succeeded KIND=URL…" and the files, as `"file":"BASE64"`. The dialect "forms" is of "one":
// such a call, too, as a form with the files behind the request's `image` and `mask`, streamed. The
// dialect "links" is of "many", and takes the request's `image` as a link alone.
#pragma once

struct dialect;
struct provider;

extern const struct provider fake_many, fake_one;
extern const struct dialect fake_many_dialect, fake_one_dialect, fake_stops_dialect,
    fake_calls_dialect, fake_forms_dialect, fake_links_dialect;
// For an account of either.
#define FAKE_MANY .provider = &fake_many, .dialect = &fake_many_dialect
#define FAKE_CALLS .provider = &fake_many, .dialect = &fake_calls_dialect
#define FAKE_FORMS .provider = &fake_one, .dialect = &fake_forms_dialect
#define FAKE_ONE .provider = &fake_one, .dialect = &fake_one_dialect

// The result of a task whose vendor said "succeeded SOURCES", as the record has it. The caller
// frees.
char *fake_result(const char *sources);

enum {
    FAKE_POLL_FIRST_MS = 2000,
    FAKE_TYPICAL_MS = 60000,
    FAKE_MISSING_GRACE_MS = 30000,
    FAKE_LINK_LIFE_MS = 3600 * 1000,
};
