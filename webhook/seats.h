// Seats: how many deliveries are in flight, whose they are, and how many more may be. Pure: the
// time is given.
//
// Receivers that answer soon share many seats; a key takes at most half of those that are free, so
// that whoever hangs leaves some. Receivers that may hang have a few seats of their own, which are
// given out one after the other, to one key at half the pace: so they never hang all at once, and
// the next seat is never far off. A receiver that answers before its time is over gives back what
// it didn't need. Where a receiver hangs that used to answer soon, its seats are counted among
// those, and it gets no more until it answers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delivery_limits;
struct seat;
struct seats;

enum { SEATS_QUICK = 512, SEATS_SLOW = 128, SEATS_ALL = 1024, SEATS_AT_ONCE = 100 };

// `timeout_ms`: how long a delivery may hang.
struct seats *seats_new(int64_t timeout_ms);
void seats_free(struct seats *seats); // after all seats were given back
unsigned seats_taken(const struct seats *seats);
// What may be claimed now, at most SEATS_AT_ONCE of a kind. Borrowed until the next call.
void seats_limits(struct seats *seats, int64_t now_ms, struct delivery_limits *limits);
// How long until there is another seat for a receiver that may hang.
int64_t seats_pace_ms(const struct seats *seats);

struct seat *seats_take(struct seats *seats, const char *key, const char *receiver, bool is_slow,
                        int64_t now_ms);
void seat_give_back(struct seat **seat, int64_t now_ms);
