// Masked requests.
#include "scheduler/mask.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"

#define MASK "***"

enum {
    LONGEST_BASE64 = 256, // a longer text without a space is a file
    SHOWN_BASE64 = 24,
    LONGEST_NAME = 64,
};

// The name in small letters, with nothing else in it: "X-Api-Key" is "xapikey".
static void plain_name(char plain[LONGEST_NAME], const char *name, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len && count + 1 < LONGEST_NAME; i++) {
        char c = name[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            plain[count++] = c;
    }
    plain[count] = '\0';
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool has_any(const char *text, const char *const *words)
{
    while (*words != NULL && strstr(text, *words) == NULL)
        words++;
    return *words != NULL;
}

static bool is_secret_name(const char *name, size_t len)
{
    static const char *const words[] = {"secret",    "token",     "authorization", "password",
                                        "passwd",    "signature", "credential",    "cookie",
                                        "accesskey", "apikey",    "privatekey",    NULL};
    char plain[LONGEST_NAME];

    plain_name(plain, name, len);
    return has_any(plain, words) || ends_with(plain, "key") || strcmp(plain, "auth") == 0 ||
           strcmp(plain, "sig") == 0 || strcmp(plain, "pwd") == 0 || strcmp(plain, "bearer") == 0;
}

static bool is_hook_name(const char *name)
{
    static const char *const words[] = {"hook", "callback", NULL};
    char plain[LONGEST_NAME];

    plain_name(plain, name, strlen(name));
    return has_any(plain, words);
}

// Adds "name=value&…", masked.
static void add_query(struct buf *shown, const char *query, size_t len, bool is_hook)
{
    const char *end = query + len;

    while (query < end) {
        size_t part = strcspn(query, "&;#"), name;

        part = part > (size_t)(end - query) ? (size_t)(end - query) : part;
        name = strcspn(query, "=");
        if (name < part && (is_hook || is_secret_name(query, name)))
            buf_fmt(shown, "%.*s=" MASK, (int)name, query);
        else if (is_hook && part > 0)
            buf_str(shown, MASK); // a word alone may be the secret
        else
            buf_add(shown, query, part);
        query += part;
        if (query < end)
            buf_char(shown, *query++);
    }
}

// A URL in a text without spaces; false: it isn't one.
static bool mask_url(const char *text, bool is_hook, struct buf *shown)
{
    const char *host = strstr(text, "://"), *user, *query;
    size_t authority;

    if (host == NULL || host == text || strcspn(text, " \t\r\n\"<>") < strlen(text) ||
        strcspn(text, ":/?#") != (size_t)(host - text))
        return false;
    host += 3;
    buf_add(shown, text, (size_t)(host - text));
    authority = strcspn(host, "/?#");
    user = memrchr(host, '@', authority);
    if (user != NULL) {
        buf_str(shown, MASK);
        authority -= (size_t)(user - host);
        host = user;
    }
    query = host + authority + strcspn(host + authority, "?#");
    buf_add(shown, host, (size_t)(query - host));
    if (*query != '\0') {
        buf_char(shown, *query);
        add_query(shown, query + 1, strlen(query + 1), is_hook);
    }
    return true;
}

static bool is_base64(const char *text, size_t len)
{
    return strspn(text,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n") == len;
}

static bool shorten_file(const char *text, size_t len, struct buf *shown)
{
    const char *comma = strncasecmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;
    size_t head = comma == NULL ? 0 : (size_t)(comma - text) + 1;

    if (len - head <= LONGEST_BASE64 || (comma == NULL && !is_base64(text, len)))
        return false;
    buf_fmt(shown, "%.*s… (%zu characters)", (int)(head < 100 ? head + SHOWN_BASE64 : 100), text,
            len);
    return true;
}

static void mask_text(json_t *text, bool is_hook)
{
    const char *value = json_string_value(text);
    struct buf shown = {0};

    if (strncasecmp(value, "bearer ", 7) == 0)
        json_string_set(text, "Bearer " MASK);
    else if (shorten_file(value, json_string_length(text), &shown) ||
             mask_url(value, is_hook, &shown))
        json_string_set(text, shown.data);
    buf_clear(&shown);
}

static void mask_value(json_t *value, bool is_secret, bool is_hook)
{
    const char *name;
    json_t *item;
    size_t i;

    if (json_is_string(value) && json_string_length(value) > 0) {
        if (is_secret)
            json_string_set(value, MASK);
        else
            mask_text(value, is_hook);
    }
    json_object_foreach(value, name, item) mask_value(
        item, is_secret || is_secret_name(name, strlen(name)), is_hook || is_hook_name(name));
    json_array_foreach(value, i, item) mask_value(item, is_secret, is_hook);
}

void mask_request(json_t *request)
{
    mask_value(request, false, false);
}
