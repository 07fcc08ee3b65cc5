// Tokens of vendors.
#include "providers/token.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"

void token_clear(struct token *token)
{
    if (token->text != NULL)
        OPENSSL_cleanse(token->text, strlen(token->text));
    free(token->text);
    *token = (struct token){0};
}

static void begin(const char *header, const char *claims, struct buf *text)
{
    base64url_encode(header, strlen(header), text);
    buf_char(text, '.');
    base64url_encode(claims, strlen(claims), text);
}

void jwt_hs256(const char *key, const char *claims, struct buf *out)
{
    unsigned char mac[SHA256_BYTES];
    struct buf text = {0};

    begin("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, &text);
    hmac_sha256(key, strlen(key), text.data, text.len, mac);
    buf_char(&text, '.');
    base64url_encode(mac, sizeof mac, &text);
    buf_add(out, text.data, text.len);
    buf_clear(&text);
}

bool jwt_rs256(const char *pem, const char *claims, struct buf *out, struct err *err)
{
    struct buf text = {0}, signature = {0};
    bool ok;

    begin("{\"alg\":\"RS256\",\"typ\":\"JWT\"}", claims, &text);
    ok = rsa_sha256_sign(pem, text.data, text.len, &signature);
    if (ok) {
        buf_char(&text, '.');
        base64url_encode(signature.data, signature.len, &text);
        buf_add(out, text.data, text.len);
    } else {
        err_set(err, ERR_CONFIG, "service_account_file: its private_key can't be read");
    }
    buf_clear(&text);
    buf_clear(&signature);
    return ok;
}
