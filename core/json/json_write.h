// Writes jansson's values as compact JSON: what json_dumps makes of JSON_COMPACT | JSON_ENCODE_ANY,
// byte for byte, several times faster. jansson's own writer notes each object and array in a table,
// lest one is within itself; here that mustn't be.
#pragma once

#include <jansson.h>

struct buf;

void json_write(const json_t *value, struct buf *out);
// The text is the caller's. NULL where `value` is NULL.
char *json_write_text(const json_t *value);
