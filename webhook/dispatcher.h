// The dispatcher: claims deliveries that are due, sends them, stores what became of them.
//
// It sleeps till the next delivery is due and is woken when one comes; a heartbeat finds those
// whose wake-up was lost: each second while one is in flight, and rarely while none is. How many
// are in flight is bounded: in all, per key and per receiver.
#pragma once

#include <stdbool.h>

#include "webhook/delivery.h"

struct dispatcher;
struct loop;
struct store;

// `sender` is copied; nothing is sent while it has no keys. The others are borrowed and outlive the
// dispatcher.
struct dispatcher *dispatcher_start(struct loop *loop, struct store *store, const char *redis_url,
                                    const struct delivery_sender *sender);
// A delivery in flight is sent again by whoever claims it when its lease is over.
void dispatcher_drop(struct dispatcher **dispatcher);
// A delivery may be due.
void dispatcher_wake(struct dispatcher *dispatcher);
// No new claims. True when nothing is in flight any more.
bool dispatcher_drain(struct dispatcher *dispatcher);
// Whether nothing is on its way to a receiver, though Redis may not have answered everything yet.
bool dispatcher_is_quiet(const struct dispatcher *dispatcher);
// How many deliveries are being sent.
unsigned dispatcher_in_hand(const struct dispatcher *dispatcher);
