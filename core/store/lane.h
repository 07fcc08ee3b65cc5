// Lanes: the queues that tasks wait in.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { LANE_NAME_SIZE = 160 };

// The name of a task's lane: that of the account that it is bound to (`account` set), else that of
// the provider's model. Tasks that need no slot have lanes of their own. `size`: LANE_NAME_SIZE.
void lane_name(char *lane, size_t size, const char *provider, const char *model,
               const char *account, bool needs_slot);
