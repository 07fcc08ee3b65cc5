// Whether a webhook comes from who has the secret.
#include "scheduler/cli/cli_signature.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/buf.h"
#include "core/base/digest.h"

#define PREFIX "whsec_"
enum { KEY_BYTES_MIN = 24, KEY_BYTES_MAX = 64, KEY_BYTES = 32 };

bool cli_signature_key(const char *secret, struct buf *key, struct err *err)
{
    size_t prefix_len = strlen(PREFIX);
    bool ok = strncmp(secret, PREFIX, prefix_len) == 0 &&
              base64_decode(secret + prefix_len, strlen(secret + prefix_len), key) &&
              key->len >= KEY_BYTES_MIN && key->len <= KEY_BYTES_MAX;

    return ok || err_set(err, ERR_CONFIG,
                         "--secret: must be whsec_ and the base64 of 24 to 64 bytes: \"spool hooks "
                         "secret\" makes one");
}

void cli_signature_make_secret(struct buf *secret)
{
    unsigned char bytes[KEY_BYTES];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        abort();
    buf_str(secret, PREFIX);
    base64_encode(bytes, sizeof bytes, secret);
}

static void expected(const struct buf *key, const struct cli_signed *message,
                     unsigned char mac[SHA256_BYTES])
{
    struct buf text = {0};

    buf_fmt(&text, "%s.%s.", message->id, message->timestamp);
    buf_add(&text, message->body, message->len);
    hmac_sha256(key->data, key->len, text.data, text.len, mac);
    buf_clear(&text);
}

bool cli_signature_fits(const struct buf *key, const struct cli_signed *message)
{
    unsigned char mac[SHA256_BYTES];
    bool fits = false;

    if (message->id == NULL || message->timestamp == NULL || message->signature == NULL)
        return false;
    expected(key, message, mac);
    for (const char *text = message->signature; *text != '\0';) {
        size_t len = strcspn(text, " ");
        struct buf given = {0};

        if (len > 3 && strncmp(text, "v1,", 3) == 0 && base64_decode(text + 3, len - 3, &given))
            fits = (given.len == sizeof mac && CRYPTO_memcmp(given.data, mac, sizeof mac) == 0) ||
                   fits;
        buf_clear(&given);
        text += len + (text[len] == ' ');
    }
    return fits;
}
