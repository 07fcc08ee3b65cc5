// Signatures on webhooks.
#include "webhook/sign.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/digest.h"
#include "core/base/mem.h"

enum { KEY_BYTES_MIN = 24, KEY_BYTES_MAX = 64 };

bool sign_keys_parse(struct sign_keys *keys, const char *const *texts, size_t count,
                     struct err *err)
{
    static const char prefix[] = "whsec_";

    *keys = (struct sign_keys){.keys = mem_array(struct buf, count), .count = count};
    for (size_t i = 0; i < count; i++) {
        const char *text = texts[i];
        struct buf *key = &keys->keys[i];
        const char *wrong = NULL;

        // All at once: a buffer that grows leaves copies of the key behind.
        buf_reserve(key, strlen(text));
        if (strncmp(text, prefix, sizeof prefix - 1) != 0)
            wrong = "does not begin with whsec_";
        else if (!base64_decode(text + sizeof prefix - 1, strlen(text + sizeof prefix - 1), key))
            wrong = "is not base64 after whsec_";
        else if (key->len < KEY_BYTES_MIN || key->len > KEY_BYTES_MAX)
            wrong = "is not of 24 to 64 bytes";
        if (wrong != NULL) {
            sign_keys_clear(keys);
            return err_set(err, ERR_CONFIG, "signing secret %zu %s", i + 1, wrong);
        }
    }
    return true;
}

void sign_keys_clear(struct sign_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].data != NULL)
            OPENSSL_cleanse(keys->keys[i].data, keys->keys[i].cap);
        buf_clear(&keys->keys[i]);
    }
    free(keys->keys);
    *keys = (struct sign_keys){0};
}

void sign_message(const struct sign_keys *keys, const char *id, int64_t timestamp_s,
                  const void *body, size_t len, struct buf *signature)
{
    struct buf message = {0};

    assert(strchr(id, '.') == NULL); // with a dot in the id two messages could have one signature
    buf_reserve(&message, strlen(id) + 24 + len);
    buf_str(&message, id);
    buf_char(&message, '.');
    buf_int(&message, timestamp_s);
    buf_char(&message, '.');
    buf_add(&message, body, len);
    for (size_t i = 0; i < keys->count; i++) {
        unsigned char mac[SHA256_BYTES];

        hmac_sha256(keys->keys[i].data, keys->keys[i].len, message.data, message.len, mac);
        buf_str(signature, i == 0 ? "v1," : " v1,");
        base64_encode(mac, sizeof mac, signature);
    }
    buf_clear(&message);
}
