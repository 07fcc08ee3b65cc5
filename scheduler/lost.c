// The nearest path, by what clients get wrong: a base URL that has a part of the path already, or
// lacks it, a slash too many, a wrong letter, the method.
#include "scheduler/lost.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "providers/family.h"
#include "scheduler/pattern.h"
#include "scheduler/routes.h"

enum {
    MAX_SEGMENTS = 12,   // the most that a path near one of ours can have
    MAX_TYPO_CHARS = 48, // the longest segment that may have a typo
    MAX_SHOWN = 80,      // how much of the path the answer shows
    MAX_DROPS = 2,       // superfluous segments that are forgiven
    MAX_ADDS = 1,        // missing segments that are forgiven: "v1"
    MAX_TYPOS = 1,       // misspelt segments that are forgiven
    COST_SLASHES = 1,
    COST_METHOD = 1,
    COST_SEGMENT = 2,
    COST_TYPO = 2, // and one for each letter
    FAR = 1000,
};

struct segment {
    const char *text;
    size_t len;
};

struct segments {
    struct segment at[MAX_SEGMENTS];
    size_t count;
    bool has_empty; // there were empty segments, which were left out
};

// How many mistakes of each kind may still be mended on the way from one path to the other.
struct budget {
    int drops, adds, typos;
};

// False: the path has too many segments.
static bool split_path(const char *path, struct segments *segments)
{
    *segments = (struct segments){0};
    while (*path == '/') {
        size_t len = strcspn(++path, "/");

        if (len == 0) {
            segments->has_empty = true;
        } else if (segments->count == MAX_SEGMENTS) {
            return false;
        } else {
            segments->at[segments->count++] = (struct segment){path, len};
        }
        path += len;
    }
    return true;
}

static bool is_same(struct segment a, struct segment b)
{
    return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

static bool is_v1(struct segment segment)
{
    return is_same(segment, (struct segment){"v1", 2});
}

static int less_of(int a, int b)
{
    return a < b ? a : b;
}

// How many letters must be put in, taken out or changed to make one of the other, whatever their
// case (Levenshtein).
static int letters_between(struct segment a, struct segment b)
{
    int row[MAX_TYPO_CHARS + 1];

    for (size_t k = 0; k <= b.len; k++)
        row[k] = (int)k;
    for (size_t i = 0; i < a.len; i++) {
        int before = row[0];

        row[0] = (int)i + 1;
        for (size_t k = 0; k < b.len; k++) {
            bool differs = tolower((unsigned char)a.text[i]) != tolower((unsigned char)b.text[k]);
            int changed = before + differs;

            before = row[k + 1];
            row[k + 1] = less_of(changed, less_of(before, row[k]) + 1);
        }
    }
    return row[b.len];
}

// What it costs to take one segment for the other; FAR: they are different words.
static int typo_cost(struct segment a, struct segment b)
{
    size_t longer = a.len > b.len ? a.len : b.len, shorter = a.len + b.len - longer;
    int most = longer >= 5 ? 2 : longer >= 3 ? 1 : 0, letters;

    if (longer > MAX_TYPO_CHARS || longer - shorter > 2)
        return FAR;
    letters = letters_between(a, b);
    return letters <= most ? COST_TYPO + letters : FAR;
}

// Whether a segment may have come from a base URL: "/v1", or one that is there already.
static bool is_too_many(const struct segments *path, size_t i)
{
    bool is = is_v1(path->at[i]);

    for (size_t k = 0; k < i && !is; k++)
        is = is_same(path->at[k], path->at[i]);
    return is;
}

// The least that it costs to make the rest of the pattern of the rest of the path.
static int path_cost(const struct segments *path, size_t i, const struct segments *pattern,
                     size_t j, struct budget left)
{
    bool has_path = i < path->count, has_pattern = j < pattern->count;
    bool is_name = has_pattern && *pattern->at[j].text == '{';
    bool is_rest = is_name && pattern_takes_rest(pattern->at[j].text);
    bool is_equal = has_path && has_pattern && is_same(path->at[i], pattern->at[j]);
    struct budget rest = left;
    int best = FAR;

    if (!has_path && !has_pattern)
        return 0;
    if (has_path && (is_name || is_equal))
        best = path_cost(path, i + 1, pattern, j + 1, left);
    if (has_path && is_rest)
        best = less_of(best, path_cost(path, i + 1, pattern, j, left));
    if (has_path && left.drops > 0 && is_too_many(path, i)) {
        rest.drops = left.drops - 1;
        best = less_of(best, COST_SEGMENT + path_cost(path, i + 1, pattern, j, rest));
        rest = left;
    }
    if (has_pattern && left.adds > 0 && is_v1(pattern->at[j])) {
        rest.adds = left.adds - 1;
        best = less_of(best, COST_SEGMENT + path_cost(path, i, pattern, j + 1, rest));
        rest = left;
    }
    if (has_path && has_pattern && left.typos > 0 && !is_name && !is_equal) {
        int typo = typo_cost(path->at[i], pattern->at[j]);

        rest.typos = left.typos - 1;
        if (typo < FAR)
            best = less_of(best, typo + path_cost(path, i + 1, pattern, j + 1, rest));
    }
    return best;
}

static int count_names(const char *pattern)
{
    int count = 0;

    for (; *pattern != '\0'; pattern++)
        count += *pattern == '{';
    return count;
}

// Nobody types the path of a place that we give out, or of a file; and the page is no part of the
// API.
static bool is_guessable(const struct served *served)
{
    return served->admit == NULL && strchr(served->pattern, '*') == NULL &&
           strcmp(served->pattern, "/") != 0 && strncmp(served->pattern, "/page/", 6) != 0;
}

// The path of ours that is nearest; of two that cost the same, the one with fewer names in it.
// NULL: none is near.
static const struct served *find_nearest(const struct routes *routes, enum http_method method,
                                         const char *path, bool has_private)
{
    static const struct budget whole = {MAX_DROPS, MAX_ADDS, MAX_TYPOS};
    const struct served *nearest = NULL, *served;
    struct segments ours, theirs;
    int best = FAR;

    if (!split_path(path, &theirs))
        return NULL;
    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++) {
        int it;

        if (!is_guessable(served) || (served->is_private && !has_private) ||
            !split_path(served->pattern, &ours))
            continue;
        it = path_cost(&theirs, 0, &ours, 0, whole) + (theirs.has_empty ? COST_SLASHES : 0) +
             (served->method == method ? 0 : COST_METHOD);
        if (it < best || (it == best && nearest != NULL &&
                          count_names(served->pattern) < count_names(nearest->pattern))) {
            best = it;
            nearest = served;
        }
    }
    return best < FAR ? nearest : NULL;
}

// The length of a pattern's first segment, or of two where the first is "/v1": it tells one family
// from another.
static size_t prefix_len(const char *pattern)
{
    size_t first = 1 + strcspn(pattern + 1, "/");

    return strncmp(pattern, "/v1/", 4) == 0 ? 4 + strcspn(pattern + 4, "/") : first;
}

// What begins as a path of our own does is ours.
static const struct family *family_of(const struct routes *routes, const char *path)
{
    const struct served *served;

    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++) {
        size_t len = prefix_len(served->pattern);

        if (strncmp(path, served->pattern, len) == 0 && (path[len] == '/' || path[len] == '\0'))
            return served->family;
    }
    return NULL;
}

// The path as it was sent, or nearly: with escapes, and cut off.
static void show_path(const char *path, char shown[MAX_SHOWN + 8])
{
    size_t len = 0;

    for (; *path != '\0' && len < MAX_SHOWN; path++) {
        unsigned char c = (unsigned char)*path;
        bool is_plain = c > ' ' && c < 0x7f && strchr("\"%<>\\^`{|}", c) == NULL;

        len += (size_t)snprintf(shown + len, 4, is_plain ? "%c" : "%%%02X", c);
    }
    snprintf(shown + len, 4, "%s", *path == '\0' ? "" : "...");
}

// "GET", or "POST and PUT".
static void list_methods(unsigned offered, const char *between, char *text, size_t size)
{
    size_t len = 0;

    *text = '\0';
    for (enum http_method method = HTTP_GET_; method <= HTTP_OPTIONS_; method++)
        if ((offered & 1u << method) != 0 && len < size)
            len += (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? between : "",
                                    http_method_name(method));
}

void lost_explain(const struct routes *routes, enum http_method method, const char *path,
                  bool has_private, unsigned offered, struct err *err, const struct family **family)
{
    const char *name = http_method_name(method);
    const struct served *nearest;
    char shown[MAX_SHOWN + 8], methods[40];

    show_path(path, shown);
    *family = family_of(routes, path);
    if (offered != 0) {
        list_methods(offered, " and ", methods, sizeof methods);
        err_set(err, ERR_METHOD, "there is no %s %s, only %s", name, shown, methods);
        return;
    }
    nearest = find_nearest(routes, method == HTTP_HEAD_ ? HTTP_GET_ : method, path, has_private);
    if (nearest == NULL) {
        err_set(err, ERR_PATH, "there is no %s %s", name, shown);
        return;
    }
    if (*family == NULL)
        *family = nearest->family;
    err_set(err, ERR_PATH, "there is no %s %s; did you mean %s %s?", name, shown,
            http_method_name(nearest->method), nearest->pattern);
}

void lost_allow(unsigned offered, char allow[LOST_ALLOW_SIZE])
{
    if ((offered & 1u << HTTP_GET_) != 0)
        offered |= 1u << HTTP_HEAD_;
    list_methods(offered, ", ", allow, LOST_ALLOW_SIZE);
}
