// Finds a part of a form by its name, for tests.
#pragma once

#include <stddef.h>

#include "core/message/multipart.h"

// The first part of that name, NULL where there is none.
static inline const struct multipart_part *find_part(const struct multipart *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (multipart_text_is(form->parts[i].name, name))
            return &form->parts[i];
    return NULL;
}
