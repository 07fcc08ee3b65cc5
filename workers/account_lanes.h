// Accounts as the claim needs them: which lanes each serves.
#pragma once

#include <stddef.h>

struct config;
struct queue_account;

// Made once from the configuration; owns the lanes' names.
struct account_lanes {
    struct queue_account *list;
    size_t count;
};

void account_lanes_init(struct account_lanes *accounts, const struct config *config);
void account_lanes_clear(struct account_lanes *accounts);
