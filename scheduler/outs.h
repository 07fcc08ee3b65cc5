// Accounts that workers took out because of a bad key: asked for at most once a second, and only
// while somebody submits.
#pragma once

#include <stdbool.h>

struct account;
struct outs;
struct store;

struct outs *outs_start(struct store *store);
void outs_drop(struct outs **outs);
void outs_look(struct outs *outs);
bool outs_has(const struct outs *outs, const struct account *account);
