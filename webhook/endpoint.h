// Receivers, by host and port: how many deliveries each has in flight, and when those come again
// that it has no room for. A receiver that doesn't answer gets less room, one that does gets all
// of it back. Pure: the time is given.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct endpoint;
struct endpoints;

struct endpoints *endpoints_new(void);
void endpoints_free(struct endpoints *endpoints);
// The receiver that a URL names, NULL where it isn't a URL. It stays while something is in flight
// or waits there.
struct endpoint *endpoints_find(struct endpoints *endpoints, const char *url, int64_t now_ms);
// Forgets receivers that had nothing to do for a while.
void endpoints_sweep(struct endpoints *endpoints, int64_t now_ms);

const char *endpoint_name(const struct endpoint *endpoint); // "host:port"
bool endpoint_has_room(const struct endpoint *endpoint);
void endpoint_enter(struct endpoint *endpoint); // one more is in flight
// One less. `is_silent`: no answer came in time.
void endpoint_leave(struct endpoint *endpoint, int64_t took_ms, bool is_silent, int64_t now_ms);

// Where there is no room: will there be some soon? Then the delivery waits in memory, counted by
// endpoint_wait and endpoint_unwait.
bool endpoint_is_worth_waiting(const struct endpoint *endpoint);
void endpoint_wait(struct endpoint *endpoint);
void endpoint_unwait(struct endpoint *endpoint);
// Else it is handed back for so long. Each call reserves a turn: with the number of those that were
// handed back the delay grows, so that they come no faster than the receiver takes them.
int64_t endpoint_hand_back_ms(struct endpoint *endpoint, int64_t now_ms);
