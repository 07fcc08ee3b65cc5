// The number of a claim.
#include "core/store/claim_serial.h"

#include "core/base/clock.h"

void claim_serial_next(struct claim_serial *serial, int64_t lease_ms)
{
    int64_t now_ms = clock_mono_ms();

    if (serial->is_lost && now_ms - serial->begun_ms < lease_ms)
        return;
    serial->number++;
    serial->begun_ms = now_ms;
}
