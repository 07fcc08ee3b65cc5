// Webhooks that are signed with Ed25519.
#include "tests/sim/signer.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/http/http_server.h"
#include "core/message/http_message.h"
#include "tests/sim/words.h"

enum { KEY_BYTES = 32, SIGNATURE_BYTES = 64, STALE_S = 360, NOBODYS_KEY = 1000000 };

static int key_number; // of the key that is published

// The nth key: all simulators have the same ones.
static EVP_PKEY *key_of(int number)
{
    unsigned char seed[SHA256_BYTES];
    char text[64];
    EVP_PKEY *key;

    snprintf(text, sizeof text, "a key for nothing but tests, %d", number);
    sha256(text, strlen(text), seed);
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    if (key == NULL)
        abort();
    return key;
}

static void sign_text(int number, const char *text, char hex[2 * SIGNATURE_BYTES + 1])
{
    unsigned char signature[SIGNATURE_BYTES];
    size_t len = sizeof signature;
    EVP_PKEY *key = key_of(number);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &len, (const unsigned char *)text, strlen(text)) != 1)
        abort();
    hex_encode(signature, len, hex);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

static void add_header(struct http_request *request, const char *prefix, const char *name,
                       const char *value)
{
    char full[64];

    snprintf(full, sizeof full, "%s-%s", prefix, name);
    http_add_header(request, full, value);
}

void signer_sign(const struct signer *signer, const char *id, const char *prompt,
                 struct http_request *request)
{
    int64_t now_s = clock_wall_ms() / 1000;
    char hash[SHA256_HEX_BYTES], signature[2 * SIGNATURE_BYTES + 1], timestamp[24], text[256];
    static const char user[] = "github|7890";

    if (words_has(prompt, "unsigned"))
        return;
    if (words_has(prompt, "stale"))
        now_s -= STALE_S;
    snprintf(timestamp, sizeof timestamp, "%lld", (long long)now_s);
    sha256_hex(request->body.data, request->body.len, hash);
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s", id, user, timestamp, hash);
    sign_text(words_has(prompt, "forged") ? NOBODYS_KEY : key_number, text, signature);
    add_header(request, signer->prefix, signer->id, id);
    add_header(request, signer->prefix, "User-Id", user);
    add_header(request, signer->prefix, "Timestamp", timestamp);
    add_header(request, signer->prefix, "Signature", signature);
}

void signer_show_keys(struct http_exchange *exchange)
{
    unsigned char public[KEY_BYTES];
    size_t len = sizeof public;
    EVP_PKEY *key = key_of(key_number);
    struct buf json = {0};

    if (EVP_PKEY_get_raw_public_key(key, public, &len) != 1)
        abort();
    buf_str(&json, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"x\":\"");
    base64url_encode(public, len, &json);
    buf_fmt(&json, "\",\"kid\":\"%d\"}]}", key_number);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
    EVP_PKEY_free(key);
}

void signer_replace_key(struct http_exchange *exchange)
{
    key_number++;
    http_exchange_answer_json(exchange, 200, "{}");
}
