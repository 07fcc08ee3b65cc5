#include "providers/asked.h"

#include <stdlib.h>

#include "core/json/field.h"

enum { MOST = 3600 };

// Kling, Luma ("5s"), Runway, MiniMax, Jimeng, Seedance; OpenAI's video; Google; DashScope.
static const char *const places[] = {
    "duration", "seconds", "durationSeconds", "parameters.durationSeconds", "parameters.duration",
};

static double number_of(const json_t *value)
{
    return json_is_string(value)   ? strtod(json_string_value(value), NULL)
           : json_is_number(value) ? json_number_value(value)
                                   : 0;
}

int asked_seconds(const json_t *request)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        double seconds = number_of(field_at(request, places[i]));

        if (seconds >= 1 && seconds <= MOST)
            return (int)seconds;
    }
    return 0;
}
