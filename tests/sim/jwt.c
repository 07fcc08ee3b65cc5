// JSON Web Tokens.
#include "tests/sim/jwt.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/digest.h"
#include "core/base/mem.h"

// Decodes base64 of the URL alphabet, without padding.
static bool decode(const char *text, size_t len, struct buf *out)
{
    char *plain = mem_strn(text, len);
    bool is_fine = strpbrk(plain, "+/=") == NULL;

    for (char *c = plain; *c != '\0'; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    is_fine = is_fine && base64_decode(plain, len, out);
    free(plain);
    return is_fine;
}

static json_t *decode_object(const char *text, size_t len)
{
    struct buf plain = {0};
    json_t *json = decode(text, len, &plain)
                       ? json_loadb(buf_text(&plain), plain.len, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;

    buf_clear(&plain);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

bool jwt_read(const char *token, struct jwt *jwt)
{
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');

    *jwt = (struct jwt){.text = token};
    if (second == NULL)
        return false;
    jwt->text_len = (size_t)(second - token);
    jwt->header = decode_object(token, (size_t)(first - token));
    jwt->claims = decode_object(first + 1, (size_t)(second - first - 1));
    return decode(second + 1, strlen(second + 1), &jwt->signature) && jwt->header != NULL &&
           jwt->claims != NULL;
}

void jwt_clear(struct jwt *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    buf_clear(&jwt->signature);
    *jwt = (struct jwt){0};
}
