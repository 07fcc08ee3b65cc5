// Following the tasks of each account.
//
// An account is a source: it claims what is due there when its timer says so, when it is woken,
// after a claim that was full, and when a look is over after one. Each claim gives looks. A vendor
// that hangs holds as many requests as an account may have, and no more; and where changes are
// found faster than they can be stored, nothing is claimed meanwhile. A vendor that says so is left
// alone for a while.
//
// A source is no state machine: its timer, its claim and its looks go on beside one another. A look
// is one.
#include "workers/follow.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/queue.h"
#include "core/store/store.h"
#include "providers/provider.h"
#include "workers/bench.h"
#include "workers/look.h"

// So many requests of one account at once: a vendor that hangs holds up nobody but itself.
enum { MAX_REQUESTS = 16, MAX_SLACK_MS = 250 };
// What was found out is stored before more is found: else the same changes are found again and
// again, and storing falls ever further behind.
enum { MAX_UNSTORED = 300, UNSTORED_WAIT_MS = 5 };
// A vendor's word is obeyed for so long: looks find deadlines, too.
enum { MAX_REST_MS = 300000 };

struct follow {
    struct bench *bench; // borrowed, outlives us
    struct source *sources;
    size_t count;
};

// One account.
struct source {
    struct follow *follow;
    const struct account *account;
    struct loop_timer *timer;
    struct store_call *claim;
    size_t claimed;     // how many tasks `call` claims, at most
    struct look *looks; // under way
    unsigned requests;
    int64_t timer_at_ms;    // of Redis' clock, while the timer runs
    int64_t rests_until_ms; // of our monotonic clock: the vendor wants no look before
    bool is_more;           // more was due than one claim takes
};

static void source_claim(struct source *source);

static void source_on_looked(void *ctx)
{
    struct source *source = ctx;

    source->requests--;
    if (source->is_more)
        source_claim(source);
}

static void source_look(struct source *source, struct task **tasks, size_t count)
{
    source->requests++;
    look_start(&source->looks, source->follow->bench, source->account, tasks, count,
               source_on_looked, source);
}

// Where each task takes a request of its own, no more tasks are claimed than there may be requests.
static int source_claim_max(const struct source *source)
{
    int max = provider_poll_max(source->account);

    return max == 1 ? MAX_REQUESTS - (int)source->requests : max;
}

static void source_on_timer(void *ctx)
{
    struct source *source = ctx;

    source->timer = NULL;
    source_claim(source);
}

static void source_expect(struct source *source, int64_t ms)
{
    int64_t at_ms = store_now_ms(source->follow->bench->store) + ms;

    if (source->timer != NULL && source->timer_at_ms <= at_ms)
        return;
    loop_cancel(&source->timer);
    source->timer_at_ms = at_ms;
    source->timer = loop_after(source->follow->bench->loop, ms, source_on_timer, source);
}

static void source_on_claimed(void *ctx, struct task **tasks, size_t count, int64_t next_ms,
                              const struct err *err)
{
    struct source *source = ctx;

    source->claim = NULL;
    source->is_more = count == source->claimed;
    if (provider_poll_max(source->account) > 1 && count > 0) {
        source_look(source, tasks, count);
    } else {
        for (size_t i = 0; i < count; i++)
            source_look(source, &tasks[i], 1);
    }
    if (err != NULL)
        return; // the heartbeat tries again
    if (source->is_more && source->requests < MAX_REQUESTS)
        source_claim(source);
    else if (next_ms >= 0 && !source->is_more)
        source_expect(source, next_ms);
}

static void source_claim(struct source *source)
{
    const struct account *account = source->account;
    struct queue_look look = {
        .account = account->name,
        .first_ms = source->account->provider->poll_first_ms,
        .longest_ms = source->account->provider->poll_max_ms,
        .max = source_claim_max(source),
        .per_second = source->account->dialect->polls_per_second,
    };

    if (source->claim != NULL || source->follow->bench->is_draining ||
        !store_is_up(source->follow->bench->store))
        return; // the heartbeat asks again
    if (source->rests_until_ms > clock_mono_ms()) {
        source_expect(source, source->rests_until_ms - clock_mono_ms());
        return;
    }
    if (store_pending(source->follow->bench->store) > MAX_UNSTORED) {
        source_expect(source, UNSTORED_WAIT_MS);
        return;
    }
    if (source->requests >= MAX_REQUESTS) {
        source->is_more = true; // the next answer makes room
        return;
    }
    if (account->poll_interval_ms > 0)
        look.first_ms = look.longest_ms = account->poll_interval_ms;
    // Looks that would be due in a moment come along: that saves requests, and no look is late.
    look.slack_ms = look.first_ms / 8 < MAX_SLACK_MS ? look.first_ms / 8 : MAX_SLACK_MS;
    source->claimed = (size_t)look.max;
    source->claim =
        queue_claim_looks(source->follow->bench->store, &look, source_on_claimed, source);
}

void follow_expect(struct follow *follow, const struct account *account, int64_t ms)
{
    if (account->poll_interval_ms > 0 && ms > account->poll_interval_ms)
        ms = account->poll_interval_ms;
    for (size_t i = 0; i < follow->count; i++)
        if (follow->sources[i].account == account)
            source_expect(&follow->sources[i], ms);
}

void follow_put_off(struct follow *follow, const struct account *account, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + (ms < MAX_REST_MS ? ms : MAX_REST_MS);

    for (size_t i = 0; i < follow->count; i++)
        if (follow->sources[i].account == account && follow->sources[i].rests_until_ms < until_ms)
            follow->sources[i].rests_until_ms = until_ms;
}

void follow_wake(struct follow *follow)
{
    for (size_t i = 0; i < follow->count; i++)
        source_claim(&follow->sources[i]);
}

bool follow_is_idle(const struct follow *follow)
{
    for (size_t i = 0; i < follow->count; i++) {
        const struct source *source = &follow->sources[i];

        if (source->timer != NULL || source->claim != NULL || source->requests > 0)
            return false;
    }
    return true;
}

struct follow *follow_start(struct bench *bench)
{
    struct follow *follow = mem_new(struct follow);
    const struct config *config = bench->config;

    follow->bench = bench;
    follow->count = config->account_count;
    follow->sources = mem_array(struct source, follow->count);
    for (size_t i = 0; i < follow->count; i++) {
        follow->sources[i].follow = follow;
        follow->sources[i].account = &config->accounts[i];
    }
    return follow;
}

void follow_drop(struct follow **follow)
{
    if (*follow == NULL)
        return;
    for (size_t i = 0; i < (*follow)->count; i++) {
        struct source *source = &(*follow)->sources[i];

        loop_cancel(&source->timer);
        store_cancel(&source->claim);
        look_drop_all(&source->looks);
    }
    free((*follow)->sources);
    free(*follow);
    *follow = NULL;
}
