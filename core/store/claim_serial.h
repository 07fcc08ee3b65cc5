// The number of a claim: a new one for each claim, but the same again where the answer to the last
// claim was lost. Redis then gives again what that claim gave, as long as its lease lasts.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct claim_serial {
    int64_t number;
    int64_t begun_ms; // by our monotonic clock: nothing that the claim gives was claimed earlier
    bool is_lost;     // set by whoever waits for the answer: whether none came
};

// To be called before each claim.
void claim_serial_next(struct claim_serial *serial, int64_t lease_ms);
