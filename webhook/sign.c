// Signatures on webhooks.
#include "webhook/sign.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/digest.h"
#include "core/base/mem.h"

enum { KEY_BYTES_MIN = 24, KEY_BYTES_MAX = 64 };

// Returns what is wrong with the text; NULL: nothing, and `hmac` is the key.
static const char *read_key(const char *text, struct hmac **hmac)
{
    static const char prefix[] = "whsec_";
    struct buf key = {0};
    const char *wrong = NULL;

    // All at once: a buffer that grows leaves copies of the key behind.
    buf_reserve(&key, strlen(text));
    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        wrong = "does not begin with whsec_";
    else if (!base64_decode(text + sizeof prefix - 1, strlen(text + sizeof prefix - 1), &key))
        wrong = "is not base64 after whsec_";
    else if (key.len < KEY_BYTES_MIN || key.len > KEY_BYTES_MAX)
        wrong = "is not of 24 to 64 bytes";
    else
        *hmac = hmac_new(key.data, key.len);
    if (key.data != NULL)
        OPENSSL_cleanse(key.data, key.cap);
    buf_clear(&key);
    return wrong;
}

bool sign_key_check(const char *text, size_t number, struct err *err)
{
    struct hmac *hmac = NULL;
    const char *wrong = read_key(text, &hmac);

    hmac_free(hmac);
    return wrong == NULL || err_set(err, ERR_CONFIG, "signing secret %zu %s", number, wrong);
}

bool sign_keys_parse(struct sign_keys *keys, const char *const *texts, size_t count,
                     struct err *err)
{
    *keys = (struct sign_keys){.keys = mem_array(struct hmac *, count)};
    for (size_t i = 0; i < count; i++) {
        const char *wrong = read_key(texts[i], &keys->keys[i]);

        if (wrong != NULL) {
            sign_keys_clear(keys);
            return err_set(err, ERR_CONFIG, "signing secret %zu %s", i + 1, wrong);
        }
        keys->count++;
    }
    return true;
}

void sign_keys_clear(struct sign_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        hmac_free(keys->keys[i]);
    free(keys->keys);
    *keys = (struct sign_keys){0};
}

void sign_message(const struct sign_keys *keys, const char *id, int64_t timestamp_s,
                  const void *body, size_t len, struct buf *signature)
{
    char head[128];
    int head_len = snprintf(head, sizeof head, "%s.%lld.", id, (long long)timestamp_s);

    assert(strchr(id, '.') == NULL); // with a dot in the id two messages could have one signature
    assert(head_len > 0 && (size_t)head_len < sizeof head);
    for (size_t i = 0; i < keys->count; i++) {
        unsigned char mac[SHA256_BYTES];

        hmac_begin(keys->keys[i]);
        hmac_add(keys->keys[i], head, (size_t)head_len);
        hmac_add(keys->keys[i], body, len);
        hmac_end(keys->keys[i], mac);
        buf_str(signature, i == 0 ? "v1," : " v1,");
        base64_encode(mac, sizeof mac, signature);
    }
}
