// Patterns of paths.
#include "scheduler/pattern.h"

#include <assert.h>
#include <string.h>

static void names_keep(struct pattern_names *names, size_t index, const char *text, size_t len)
{
    size_t kept = len < PATTERN_NAME_SIZE ? len : PATTERN_NAME_SIZE - 1;

    assert(index < PATTERN_NAMES);
    memcpy(names->at[index], text, kept);
    names->at[index][kept] = '\0';
}

// Those at the end of a segment that has more.
static const char *skip_spaces(const char *path, const char *begin)
{
    return path > begin && path[-1] != '/' ? path + strspn(path, " ") : path;
}

bool pattern_takes_rest(const char *name)
{
    size_t len = strcspn(name, "}");

    return len > 3 && strncmp(name + len - 3, "...", 3) == 0;
}

// How long a name is, which begins here; none is empty, nor is a segment of a rest.
static size_t name_len(const char *path, bool takes_rest)
{
    size_t len = takes_rest ? strlen(path) : strcspn(path, "/");

    if (takes_rest && len > 0 &&
        (*path == '/' || path[len - 1] == '/' || strstr(path, "//") != NULL))
        return 0;
    return len;
}

bool pattern_matches(const char *pattern, const char *path, struct pattern_names *names)
{
    const char *begin = path;
    size_t count = 0;

    for (size_t i = 0; i < PATTERN_NAMES; i++)
        *names->at[i] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t len = name_len(path, pattern_takes_rest(pattern)), end;

            pattern += strcspn(pattern, "}") + 1;
            end = strcspn(pattern, "/");
            if (len <= end || strncmp(path + len - end, pattern, end) != 0)
                return false;
            names_keep(names, count++, path, len - end);
            pattern += end;
            path += len;
        } else if (*pattern == '*') {
            return true;
        } else {
            if (*pattern == '/')
                path = skip_spaces(path, begin);
            if (*pattern++ != *path++)
                return false;
        }
    }
    return *skip_spaces(path, begin) == '\0';
}
