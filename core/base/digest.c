// SHA-256, HMAC and base64. OpenSSL fails here only when it is out of memory, and then we abort.
#include "core/base/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/text.h"

struct digest {
    EVP_MD_CTX *evp;
};

struct hmac {
    EVP_MAC_CTX *evp;
};

static void must(bool is_done)
{
    if (!is_done)
        abort();
}

struct digest *digest_new(void)
{
    struct digest *digest = mem_new(struct digest);

    digest->evp = EVP_MD_CTX_new();
    must(digest->evp != NULL && EVP_DigestInit_ex(digest->evp, EVP_sha256(), NULL) == 1);
    return digest;
}

struct digest *digest_new_md5(void)
{
    struct digest *digest = mem_new(struct digest);

    digest->evp = EVP_MD_CTX_new();
    must(digest->evp != NULL && EVP_DigestInit_ex(digest->evp, EVP_md5(), NULL) == 1);
    return digest;
}

struct digest *digest_copy(const struct digest *digest)
{
    struct digest *copy = mem_new(struct digest);

    copy->evp = EVP_MD_CTX_new();
    must(copy->evp != NULL && EVP_MD_CTX_copy_ex(copy->evp, digest->evp) == 1);
    return copy;
}

void digest_add(struct digest *digest, const void *data, size_t len)
{
    must(EVP_DigestUpdate(digest->evp, data, len) == 1);
}

size_t digest_bytes(const struct digest *digest, unsigned char out[SHA256_BYTES])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    unsigned len = 0;

    must(copy != NULL && EVP_MD_CTX_copy_ex(copy, digest->evp) == 1 &&
         EVP_DigestFinal_ex(copy, out, &len) == 1);
    EVP_MD_CTX_free(copy);
    return len;
}

void digest_hex(const struct digest *digest, char out[SHA256_HEX_BYTES])
{
    unsigned char bytes[SHA256_BYTES];
    size_t len = digest_bytes(digest, bytes);

    hex_encode(bytes, len, out);
}

void digest_free(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->evp);
    free(digest);
}

void sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES])
{
    must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_BYTES])
{
    unsigned char bytes[SHA256_BYTES];

    sha256(data, len, bytes);
    hex_encode(bytes, sizeof bytes, out);
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                 unsigned char out[SHA256_BYTES])
{
    // For OpenSSL a NULL key means the key of the call before.
    must(HMAC(EVP_sha256(), key_len == 0 ? "" : key, (int)key_len, data, len, out, NULL) != NULL);
}

struct hmac *hmac_new(const void *key, size_t key_len)
{
    struct hmac *hmac = mem_new(struct hmac);
    EVP_MAC *kind = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)OSSL_DIGEST_NAME_SHA2_256,
                                         0),
        OSSL_PARAM_construct_end(),
    };

    must(kind != NULL);
    hmac->evp = EVP_MAC_CTX_new(kind);
    EVP_MAC_free(kind);
    must(hmac->evp != NULL);
    must(EVP_MAC_init(hmac->evp, key_len == 0 ? (const void *)"" : key, key_len, params) == 1);
    return hmac;
}

void hmac_begin(struct hmac *hmac)
{
    must(EVP_MAC_init(hmac->evp, NULL, 0, NULL) == 1); // the same key
}

void hmac_add(struct hmac *hmac, const void *data, size_t len)
{
    must(EVP_MAC_update(hmac->evp, data, len) == 1);
}

void hmac_end(struct hmac *hmac, unsigned char out[SHA256_BYTES])
{
    size_t len;

    must(EVP_MAC_final(hmac->evp, out, &len, SHA256_BYTES) == 1);
}

void hmac_free(struct hmac *hmac)
{
    if (hmac == NULL)
        return;
    EVP_MAC_CTX_free(hmac->evp);
    free(hmac);
}

void hex_encode(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

bool hex_decode(const char *text, void *out, size_t len)
{
    unsigned char *bytes = out;

    for (size_t i = 0; i < len; i++, text += 2) {
        int high = text_hex(text[0]), low = high < 0 ? -1 : text_hex(text[1]);

        if (low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return *text == '\0';
}

void base64_encode(const void *data, size_t len, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = data;

    buf_reserve(out, (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? (uint32_t)bytes[i + 2] : 0);

        buf_add(out,
                (char[]){digits[group >> 18], digits[group >> 12 & 63],
                         left > 1 ? digits[group >> 6 & 63] : '=',
                         left > 2 ? digits[group & 63] : '='},
                4);
    }
}

void base64url_encode(const void *data, size_t len, struct buf *out)
{
    size_t start = out->len;

    base64_encode(data, len, out);
    while (out->len > start && out->data[out->len - 1] == '=')
        out->data[--out->len] = '\0';
    for (size_t i = start; i < out->len; i++)
        if (out->data[i] == '+' || out->data[i] == '/')
            out->data[i] = out->data[i] == '+' ? '-' : '_';
}

bool ed25519_fits(const unsigned char key[ED25519_KEY_BYTES], const void *data, size_t len,
                  const unsigned char signature[ED25519_BYTES])
{
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, ED25519_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fits = public != NULL && context != NULL &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
                EVP_DigestVerify(context, signature, ED25519_BYTES, data, len) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    return fits;
}

bool rsa_sha256_sign(const char *pem, const void *data, size_t len, struct buf *out)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = 0, start = out->len;
    bool ok = key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA && context != NULL &&
              EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(context, NULL, &size, data, len) == 1;

    if (ok) {
        buf_reserve(out, size);
        ok = EVP_DigestSign(context, (unsigned char *)out->data + start, &size, data, len) == 1;
        if (ok)
            out->len = start + size;
        out->data[out->len] = '\0';
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return ok;
}

static int base64_value(char c, const char *last)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == last[0] ? 62 : c == last[1] ? 63 : -1;
}

// `last`: the last two digits of the alphabet.
static bool decode(const char *text, size_t len, const char *last, struct buf *out)
{
    size_t start = out->len;
    uint32_t bits = 0;
    unsigned count = 0; // bits that wait for the rest of their byte

    if (len % 4 == 0 && len > 0 && text[len - 1] == '=')
        len -= text[len - 2] == '=' ? 2 : 1;
    if (len % 4 == 1)
        return false;
    buf_reserve(out, len / 4 * 3 + 2);
    for (size_t i = 0; i < len; i++) {
        int value = base64_value(text[i], last);

        if (value < 0)
            goto bad;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_char(out, (char)(bits >> count & 0xff));
        }
    }
    // Two texts for the same bytes would be two names for one secret.
    if ((bits & ((1u << count) - 1)) == 0)
        return true;
bad:
    out->len = start;
    if (out->data != NULL)
        out->data[start] = '\0';
    return false;
}

bool base64_decode(const char *text, size_t len, struct buf *out)
{
    return decode(text, len, "+/", out);
}

bool base64url_decode(const char *text, size_t len, struct buf *out)
{
    return decode(text, len, "-_", out);
}
