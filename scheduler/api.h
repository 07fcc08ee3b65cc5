// The api role: the front door. It knows the paths and the keys, and who serves what.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct api;
struct loop;
struct role_start;

// The role listens when this returns, at `listen` or, for operators, at `admin_listen`; on a copy
// of start->listen_fd where that isn't 0. NULL where the address can't be had.
struct api *api_start(struct loop *loop, const struct role_start *start, bool is_for_operators,
                      struct err *err) WARN_UNUSED;
int api_listen_fd(struct api *api); // for the api that replaces this one
int api_port(const struct api *api);
// Begins to stop: accepts nothing new. True when every request is answered.
bool api_drain(struct api *api);
void api_drop(struct api **api);
