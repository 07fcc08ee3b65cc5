// The two clocks. Tests link a virtual one.
#pragma once

#include <stdint.h>

int64_t clock_mono_ms(void); // never jumps; for deadlines and leases
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void);   // Unix milliseconds; for what people read
int64_t clock_thread_us(void); // time that this thread has had a processor
