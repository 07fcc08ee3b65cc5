// A text that must not be seen.
#include "core/base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/digest.h"
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
    unsigned char left[SHA256_BYTES], right[SHA256_BYTES];

    if (*own == '\0' || text == NULL)
        return false;
    // Digests have one length, so the lengths of the texts don't show either.
    sha256(own, strlen(own), left);
    sha256(text, strlen(text), right);
    return CRYPTO_memcmp(left, right, sizeof left) == 0;
}
