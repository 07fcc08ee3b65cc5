// Seats: how many deliveries are in flight, whose they are, and how many more may be. Pure: the
// time is given.
//
// Receivers that answer soon share many seats; a key takes at most half of those that are free, so
// that whoever hangs leaves some. Those that may hang have few of their own, which come one after
// the other, for a key at half the pace: so they never hang all at once, and a seat is never far.
// Who answers before its time is over gives back what it didn't need. Where somebody hangs who
// used to answer soon, what it has is counted there, and it gets no more until it answers.
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
void seats_free(struct seats *seats); // after its seats
unsigned seats_taken(const struct seats *seats);
// What may be claimed now, at most SEATS_AT_ONCE of a kind. Borrowed until the next call.
void seats_limits(struct seats *seats, int64_t now_ms, struct delivery_limits *limits);
// Until there is another seat for one that may hang.
int64_t seats_pace_ms(const struct seats *seats);

struct seat *seats_take(struct seats *seats, const char *key, const char *receiver, bool is_slow,
                        int64_t now_ms);
void seat_give_back(struct seat **seat, int64_t now_ms);
