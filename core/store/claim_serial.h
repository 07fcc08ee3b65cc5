// The number of a claim: another one each time, but the same where the answer to the last one was
// lost. Then Redis gives again what that gave, as long as its lease lasts.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct claim_serial {
    int64_t number;
    int64_t begun_ms; // of our monotonic clock: what it gives was claimed no earlier
    bool is_lost;     // set by whoever gets the answer, or none
};

// Before each claim.
void claim_serial_next(struct claim_serial *serial, int64_t lease_ms);
