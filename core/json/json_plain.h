// JSON in our own tables: with ' for ", so that it can be read there. A text has no ' in it.
#pragma once

#include <jansson.h>

// NULL where it isn't JSON, which is a mistake of the table's; json_decref.
json_t *json_plain_read(const char *text);
