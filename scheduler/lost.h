// Requests that nobody serves: what their client is told. Pure.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"
#include "core/message/http_message.h"

enum { LOST_ALLOW_SIZE = 40 };

struct family;
struct routes;

// Says which path of ours is nearest to this one, or, where this path has other methods (`offered`,
// of routes_find), which methods. `family` gets the family in whose words to say it: the one whose
// prefix the path has, else the one that serves the nearest path; NULL: in our own. `has_private`:
// what is for operators alone is served here, too.
void lost_explain(const struct routes *routes, enum http_method method, const char *path,
                  bool has_private, unsigned offered, struct err *err,
                  const struct family **family);
// The same methods as the header Allow has them: "GET, HEAD".
void lost_allow(unsigned offered, char allow[LOST_ALLOW_SIZE]);
