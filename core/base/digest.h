// SHA-256, HMAC, signatures and base64, over OpenSSL.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct digest;
struct hmac;

enum { SHA256_BYTES = 32, SHA256_HEX_BYTES = 2 * SHA256_BYTES + 1 };

// SHA-256 of what comes in pieces.
struct digest *digest_new(void);
struct digest *digest_new_md5(void); // for ETags of S3, not for security; half as long
struct digest *digest_copy(const struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t len);
// The digest of what was added so far, in hexadecimal, terminated; more may be added.
void digest_hex(const struct digest *digest, char out[SHA256_HEX_BYTES]);
// The same digest as bytes; returns how many.
size_t digest_bytes(const struct digest *digest, unsigned char out[SHA256_BYTES]);
void digest_free(struct digest *digest);

void sha256(const void *data, size_t len, unsigned char out[SHA256_BYTES]);
void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_BYTES]);
void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                 unsigned char out[SHA256_BYTES]);
// HMAC with SHA-256 of many messages by one key, which is taken in once; the bytes are copied.
struct hmac *hmac_new(const void *key, size_t key_len);
void hmac_begin(struct hmac *hmac); // the next message; what was added before is forgotten
void hmac_add(struct hmac *hmac, const void *data, size_t len);
void hmac_end(struct hmac *hmac, unsigned char out[SHA256_BYTES]);
void hmac_free(struct hmac *hmac);                        // the key is wiped
void hex_encode(const void *data, size_t len, char *out); // 2 * len + 1 bytes, lower case
// False where the text isn't 2 * len digits, of either case.
bool hex_decode(const char *text, void *out, size_t len) __attribute__((warn_unused_result));

// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017), by a private key in PEM; added to `out`. False, and
// nothing added, where the key can't be read.
bool rsa_sha256_sign(const char *pem, const void *data, size_t len, struct buf *out)
    __attribute__((warn_unused_result));

// Whether the signature is that of the data by an Ed25519 key (RFC 8032).
enum { ED25519_KEY_BYTES = 32, ED25519_BYTES = 64 };
bool ed25519_fits(const unsigned char key[ED25519_KEY_BYTES], const void *data, size_t len,
                  const unsigned char signature[ED25519_BYTES]);

// The URL alphabet without padding (RFC 4648 5), as JSON Web Tokens want it.
void base64url_encode(const void *data, size_t len, struct buf *out);
// As base64_decode, of the URL alphabet alone.
bool base64url_decode(const char *text, size_t len, struct buf *out)
    __attribute__((warn_unused_result));
void base64_encode(const void *data, size_t len, struct buf *out);
// Adds to `out`. False, and nothing added, for other characters than base64's (no line breaks, not
// the URL alphabet), a wrong length or stray bits at the end. Padding may be missing.
bool base64_decode(const char *text, size_t len, struct buf *out)
    __attribute__((warn_unused_result));
