// Following: looks at the tasks that run at the vendors, at many in one request where the vendor
// answers for many.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct account;
struct bench;
struct follow;

struct follow *follow_start(struct bench *bench);
void follow_drop(struct follow **follow);
// A task of the account wants to be looked at in `ms`.
void follow_expect(struct follow *follow, const struct account *account, int64_t ms);
// The account's vendor wants no look for so long: what is due there waits.
void follow_put_off(struct follow *follow, const struct account *account, int64_t ms);
// Claims the looks that are due, of every account.
void follow_wake(struct follow *follow);
// Whether no look is under way, and none is known to come.
bool follow_is_idle(const struct follow *follow);
