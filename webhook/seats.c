// Seats.
#include "webhook/seats.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/deliveries.h"

enum {
    BURST = 32,     // slow deliveries at once, after a rest
    SOON_MS = 1000, // an answer within this time cost nobody anything
    HANGS_MS = 500, // after this time the seat of a quick receiver is counted with the slow ones
    FULL = 1000,    // what we say is in flight at a receiver that is to get no more
};

// Hands out turns, one per interval; after a rest, several at once.
struct pace {
    int64_t interval_us;
    int burst;
    int64_t next_us; // may lie ahead by `burst` intervals
};

// A key or a receiver, while it has something in flight or its pace isn't rested.
struct party {
    char *name;
    int quick, slow; // in flight
    struct pace pace;
    int64_t ended_ms; // since when nothing has been in flight
    bool is_hanging;
    struct party *next;
};

struct seat {
    struct seats *seats;
    struct party *key, *receiver;
    bool is_slow, was_quick;
    int64_t since_ms;
    struct seat *next, **at;
};

struct seats {
    int64_t timeout_ms;
    int quick, slow; // in flight
    struct pace pace;
    struct seat *first, **end; // the oldest first
    struct party *keys, *receivers;
    struct delivery_share *shares; // the memory of the last limits
    struct delivery_receiver *in_flight;
};

static int pace_turns(const struct pace *pace, int64_t now_ms)
{
    int64_t ahead_us = pace->next_us - now_ms * 1000, turns;

    if (ahead_us <= 0)
        return pace->burst;
    turns = pace->burst - (ahead_us + pace->interval_us - 1) / pace->interval_us;
    return turns < 0 ? 0 : (int)turns;
}

static void pace_take(struct pace *pace, int64_t now_ms)
{
    if (pace->next_us < now_ms * 1000)
        pace->next_us = now_ms * 1000;
    pace->next_us += pace->interval_us;
}

// Gives back what a delivery didn't use of its turn: it costs as much as it lasted.
static void pace_give_back(struct pace *pace, int64_t took_ms, int64_t timeout_ms)
{
    if (took_ms < SOON_MS)
        took_ms = 0;
    if (took_ms < timeout_ms)
        pace->next_us -= pace->interval_us * (timeout_ms - took_ms) / timeout_ms;
}

static struct party *party_find(struct party **list, const char *name)
{
    struct party *party = *list;

    while (party != NULL && strcmp(party->name, name) != 0)
        party = party->next;
    if (party != NULL)
        return party;
    party = mem_new(struct party);
    party->name = mem_str(name);
    party->next = *list;
    *list = party;
    return party;
}

// Drops the parties with nothing in flight whose pace is rested; returns how many stay.
static size_t sweep(struct party **at, int64_t now_ms)
{
    size_t count = 0;

    while (*at != NULL) {
        struct party *party = *at;

        if (party->quick + party->slow > 0 || party->pace.next_us > now_ms * 1000) {
            at = &party->next;
            count++;
            continue;
        }
        *at = party->next;
        free(party->name);
        free(party);
    }
    return count;
}

struct seats *seats_new(int64_t timeout_ms)
{
    struct seats *seats = mem_new(struct seats);

    seats->timeout_ms = timeout_ms;
    seats->end = &seats->first;
    seats->pace = (struct pace){.interval_us = timeout_ms * 1000 / SEATS_SLOW, .burst = BURST};
    return seats;
}

void seats_free(struct seats *seats)
{
    if (seats == NULL)
        return;
    sweep(&seats->keys, INT64_MAX / 1000);
    sweep(&seats->receivers, INT64_MAX / 1000);
    free(seats->shares);
    free(seats->in_flight);
    free(seats);
}

unsigned seats_taken(const struct seats *seats)
{
    return (unsigned)(seats->quick + seats->slow);
}

// Counts a seat where it belongs, once more or once less.
static void count_seat(struct seat *seat, int by)
{
    struct seats *seats = seat->seats;

    if (seat->is_slow) {
        seats->slow += by;
        seat->key->slow += by;
        seat->receiver->slow += by;
    } else {
        seats->quick += by;
        seat->key->quick += by;
        seat->receiver->quick += by;
    }
}

static void take_turns(struct seat *seat, int64_t now_ms)
{
    pace_take(&seat->seats->pace, now_ms);
    pace_take(&seat->key->pace, now_ms);
}

// Finds the receivers that were thought to be quick, and hang.
static void find_hanging(struct seats *seats, int64_t now_ms)
{
    for (struct party *receiver = seats->receivers; receiver != NULL; receiver = receiver->next)
        receiver->is_hanging = false;
    for (struct seat *seat = seats->first; seat != NULL; seat = seat->next) {
        int64_t age_ms = now_ms - seat->since_ms;

        if (age_ms < HANGS_MS)
            break; // the other seats are younger
        if (!seat->is_slow) {
            count_seat(seat, -1);
            seat->is_slow = true;
            count_seat(seat, 1);
            take_turns(seat, now_ms);
        }
        if (seat->was_quick && age_ms >= SOON_MS && now_ms - seat->receiver->ended_ms >= SOON_MS)
            seat->receiver->is_hanging = true;
    }
}

static int at_most(int count, int limit)
{
    return count < 0 ? 0 : count < limit ? count : limit;
}

void seats_limits(struct seats *seats, int64_t now_ms, struct delivery_limits *limits)
{
    size_t key_count = sweep(&seats->keys, now_ms), i = 0;
    size_t receiver_count = sweep(&seats->receivers, now_ms);
    int left, all_left, slow;

    find_hanging(seats, now_ms);
    all_left = SEATS_ALL - seats->quick - seats->slow;
    left = at_most(SEATS_QUICK - seats->quick, all_left);
    slow = at_most(pace_turns(&seats->pace, now_ms), all_left);
    free(seats->shares);
    free(seats->in_flight);
    seats->shares = mem_array(struct delivery_share, key_count);
    seats->in_flight = mem_array(struct delivery_receiver, receiver_count);
    for (const struct party *key = seats->keys; key != NULL; key = key->next)
        seats->shares[i++] =
            (struct delivery_share){.key = key->name,
                                    .quick = at_most((left - key->quick) / 2, SEATS_AT_ONCE),
                                    .slow = pace_turns(&key->pace, now_ms)};
    i = 0;
    for (const struct party *r = seats->receivers; r != NULL; r = r->next)
        seats->in_flight[i++] =
            (struct delivery_receiver){r->name, r->is_hanging ? FULL : r->quick + r->slow};
    *limits = (struct delivery_limits){
        .all = {.quick = at_most(left, SEATS_AT_ONCE), .slow = slow},
        .of_each = {.quick = at_most(left / 2, SEATS_AT_ONCE), .slow = BURST / 2},
        .keys = seats->shares,
        .key_count = key_count,
        .receivers = seats->in_flight,
        .receiver_count = receiver_count,
    };
}

int64_t seats_pace_ms(const struct seats *seats)
{
    int64_t ms = 2 * seats->pace.interval_us / 1000;

    return ms < 1 ? 1 : ms;
}

struct seat *seats_take(struct seats *seats, const char *key, const char *receiver, bool is_slow,
                        int64_t now_ms)
{
    struct seat *seat = mem_new(struct seat);

    seat->seats = seats;
    seat->key = party_find(&seats->keys, key);
    seat->receiver = party_find(&seats->receivers, receiver);
    seat->is_slow = is_slow;
    seat->was_quick = !is_slow;
    seat->since_ms = now_ms;
    seat->at = seats->end;
    *seats->end = seat;
    seats->end = &seat->next;
    seat->key->pace.interval_us = 2 * seats->pace.interval_us;
    seat->key->pace.burst = BURST / 2;
    count_seat(seat, 1);
    if (is_slow)
        take_turns(seat, now_ms);
    return seat;
}

void seat_give_back(struct seat **slot, int64_t now_ms)
{
    struct seat *seat = *slot;
    struct seats *seats;
    int64_t took_ms;

    if (seat == NULL)
        return;
    *slot = NULL;
    seats = seat->seats;
    took_ms = now_ms - seat->since_ms;
    count_seat(seat, -1);
    seat->receiver->ended_ms = now_ms;
    if (seat->is_slow) {
        pace_give_back(&seats->pace, took_ms, seats->timeout_ms);
        pace_give_back(&seat->key->pace, took_ms, seats->timeout_ms);
    }
    *seat->at = seat->next;
    if (seat->next != NULL)
        seat->next->at = seat->at;
    else
        seats->end = seat->at;
    free(seat);
}
