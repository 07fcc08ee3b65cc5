// Accounts as the claim needs them: which lanes each serves.
#pragma once

#include <stddef.h>

struct config;
struct queue_account;

// Made once from the configuration; the lanes' names are owned by it.
struct accounts {
    struct queue_account *list;
    size_t count;
};

void accounts_init(struct accounts *accounts, const struct config *config);
void accounts_clear(struct accounts *accounts);
