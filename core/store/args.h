// The arguments of one item of a script, or of one command: put together here, sent by store.h.
//
// They are kept as they go over the wire, bulk strings of RESP
// (https://redis.io/docs/latest/develop/reference/protocol-spec/): "$4\r\nHSET\r\n", one behind
// the other.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct args {
    struct buf bytes;
    unsigned count;
};

void args_str(struct args *args, const char *text); // NULL is ""
void args_mem(struct args *args, const void *data, size_t len);
void args_int(struct args *args, int64_t number);
// An argument that is written into args->bytes itself, from args_begin, which returns where it
// begins, to args_end.
size_t args_begin(struct args *args);
void args_end(struct args *args, size_t begun);
// A field and its value, left out where the value is NULL.
void args_field(struct args *args, const char *name, const char *value);
// How many arguments a command has: what comes before them on the wire, "*3\r\n".
void args_head(struct buf *command, unsigned count);
