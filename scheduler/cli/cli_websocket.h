// A WebSocket to a Spool, as a client has it (RFC 6455); blocks, but never longer than it is told
// to.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct cli_http;
struct cli_websocket;

// NULL where nobody is there, or it is refused.
struct cli_websocket *cli_websocket_open(struct cli_http *http, const char *path,
                                         struct err *err) WARN_UNUSED;
void cli_websocket_close(struct cli_websocket **websocket);
// False: the connection is gone.
bool cli_websocket_send(struct cli_websocket *websocket, const char *text, size_t len,
                        struct err *err) WARN_UNUSED;
// The next message, if one comes within `wait_ms`; else `message` is empty. False: the connection
// is gone, or nothing was heard for so long that it must be.
bool cli_websocket_next(struct cli_websocket *websocket, int64_t wait_ms, struct buf *message,
                        struct err *err) WARN_UNUSED;
