// A text that must not be seen.
#include "core/base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

void secret_clear(struct secret *secret)
{
    if (secret->text != NULL)
        OPENSSL_cleanse(secret->text, strlen(secret->text));
    free(secret->text);
    secret->text = NULL;
}

void secret_set(struct secret *secret, const char *text)
{
    char *copy = mem_str(text); // first: `text` may be our own

    secret_clear(secret);
    secret->text = copy;
}

const char *secret_reveal(const struct secret *secret)
{
    return secret->text == NULL ? "" : secret->text;
}

bool secret_equals(const struct secret *secret, const char *text)
{
    const char *own = secret_reveal(secret);
    size_t len = strlen(own);

    // The length is no secret: all keys of one make have the same length.
    return len > 0 && text != NULL && strlen(text) == len && CRYPTO_memcmp(own, text, len) == 0;
}
