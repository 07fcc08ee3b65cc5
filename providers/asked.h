// How long the media are to be that a request asks for, by the names that vendors have for it. Jobs
// that ask for more take longer.
#pragma once

#include <jansson.h>

// Whole seconds, up to an hour; 0 where the request says nothing of that.
int asked_seconds(const json_t *request);
