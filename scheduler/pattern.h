// Patterns of paths: "/v1/tasks/{id}/deliveries/{n}/redeliver". Pure.
#pragma once

#include <stdbool.h>

enum { PATTERN_NAMES = 2, PATTERN_NAME_SIZE = 160 };

// What a path has at the names of its pattern, in their order; "" where there is no such name.
struct pattern_names {
    char at[PATTERN_NAMES][PATTERN_NAME_SIZE];
};

// Whether the pattern matches the path, which is decoded. "{id}" stands for one segment that isn't
// empty, "{id}:word" for one that ends so, "{name...}" at the end for one or more, none of them
// empty, and "*" at the end for any rest. Spaces at the end of a segment don't count: clients have
// them there by mistake. A name that is longer than any of ours is cut off: it stays unknown.
bool pattern_matches(const char *pattern, const char *path, struct pattern_names *names);
// Whether the name that begins here, with its brace, stands for several segments.
bool pattern_takes_rest(const char *name);
