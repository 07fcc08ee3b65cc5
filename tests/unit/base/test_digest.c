// Published vectors for SHA-256, HMAC (RFC 4231), Ed25519 (RFC 8032) and base64 (RFC 4648);
// secrets.
#include "core/base/digest.h"
#include "tests/support/check.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/secret.h"

static void test_sha256(void **state)
{
    static const struct {
        const char *name, *text, *hex;
    } cases[] = {
        {"empty", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct digest *digest = digest_new();
        char whole[SHA256_HEX_BYTES], pieces[SHA256_HEX_BYTES];

        sha256_hex(cases[i].text, strlen(cases[i].text), whole);
        for (const char *c = cases[i].text; *c != '\0'; c++) {
            digest_add(digest, c, 1);
            digest_hex(digest, pieces); // looking doesn't end it
        }
        digest_hex(digest, pieces);
        digest_free(digest);
        if (strcmp(whole, cases[i].hex) != 0 || strcmp(pieces, cases[i].hex) != 0)
            fail_msg("%s: %s %s", cases[i].name, whole, pieces);
    }
    digest_free(NULL);
}

// By one key, in pieces, and after another message that wasn't ended.
static void check_hmac_of_many(const char *name, const char *key, const char *data,
                               const char *expected)
{
    struct hmac *hmac = hmac_new(key, strlen(key));

    for (int again = 0; again < 3; again++) {
        unsigned char bytes[SHA256_BYTES];
        char hex[SHA256_HEX_BYTES];
        size_t half = strlen(data) / 2;

        hmac_begin(hmac);
        hmac_add(hmac, "another", 7);
        hmac_begin(hmac);
        hmac_add(hmac, data, half);
        hmac_add(hmac, data + half, strlen(data) - half);
        hmac_end(hmac, bytes);
        hex_encode(bytes, sizeof bytes, hex);
        if (strcmp(hex, expected) != 0)
            fail_msg("%s, message %d by one key: %s", name, again + 1, hex);
    }
    hmac_free(hmac);
}

static void test_hmac(void **state)
{
    static const char long_key[] =
        "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa";
    static const char fifty[] =
        "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
        "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
        "\xdd\xdd\xdd\xdd\xdd\xdd";
    static const struct {
        const char *name, *key, *data, *hex;
    } cases[] = {
        {"RFC 4231 case 1",
         "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
         "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"RFC 4231 case 2", "Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"RFC 4231 case 3", long_key, fifty,
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"nothing", "", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[SHA256_BYTES];
        char hex[SHA256_HEX_BYTES];

        hmac_sha256(cases[i].key, strlen(cases[i].key), cases[i].data, strlen(cases[i].data),
                    bytes);
        hex_encode(bytes, sizeof bytes, hex);
        if (strcmp(hex, cases[i].hex) != 0)
            fail_msg("%s: %s", cases[i].name, hex);
        check_hmac_of_many(cases[i].name, cases[i].key, cases[i].data, cases[i].hex);
    }
}

static void test_base64(void **state)
{
    static const struct {
        const char *plain, *text;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf encoded = {0}, decoded = {0}, bare = {0};
        size_t bare_len = strcspn(cases[i].text, "=");

        base64_encode(cases[i].plain, strlen(cases[i].plain), &encoded);
        if (strcmp(buf_text(&encoded), cases[i].text) != 0)
            fail_msg("encode \"%s\": %s", cases[i].plain, buf_text(&encoded));
        if (!base64_decode(cases[i].text, strlen(cases[i].text), &decoded) ||
            strcmp(buf_text(&decoded), cases[i].plain) != 0)
            fail_msg("decode %s", cases[i].text);
        if (!base64_decode(cases[i].text, bare_len, &bare) ||
            strcmp(buf_text(&bare), cases[i].plain) != 0)
            fail_msg("decode %s without padding", cases[i].text);
        buf_clear(&encoded);
        buf_clear(&decoded);
        buf_clear(&bare);
    }
}

static void test_base64_refuses(void **state)
{
    static const char *const cases[] = {
        "Z",     "Zg=",  "Zg===", "Zm9v=",    "Zm9vY",      "=",
        "==",    "====", "Z=g=",  "Zh==",     "Zm9=",       "Zm9v\nYg==",
        "Zm 9v", "Zm-_", "Zm9v!", "Zg==Zg==", "\xc3\xa9zz", "Zm9\x80",
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out = {0};

        buf_str(&out, "kept");
        if (base64_decode(cases[i], strlen(cases[i]), &out) || strcmp(out.data, "kept") != 0)
            fail_msg("\"%s\"", cases[i]);
        buf_clear(&out);
    }
}

static void test_base64url(void **state)
{
    static const char *const wrong[] = {"+//+", "-__", "Zm9v=", "Z"};
    struct buf out = {0};
    (void)state;

    assert_true(base64url_decode("-__-Zg", 6, &out));
    assert_string_equal(out.data,
                        "\xfb\xff\xfe"
                        "f");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (base64url_decode(wrong[i], strlen(wrong[i]), &out) || out.len != 4)
            fail_msg("\"%s\"", wrong[i]);
    buf_clear(&out);
}

static void test_hex(void **state)
{
    static const char *const wrong[] = {"", "0", "00", "00f", "00fg", "0 ff", "00ff0", "00ff00"};
    unsigned char bytes[2];
    (void)state;

    assert_true(hex_decode("0aF1", bytes, 2));
    assert_memory_equal(bytes, "\x0a\xf1", 2);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (hex_decode(wrong[i], bytes, 2))
            fail_msg("\"%s\"", wrong[i]);
}

// RFC 8032, 7.1.
static void test_ed25519(void **state)
{
    static const struct {
        const char *key, *data, *signature;
        size_t len;
    } cases[] = {
        {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
         "1cf9b46bd25bf5f0595bbe24655141438e7a100b",
         0},
        {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "\x72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
         "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
         1},
        {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "\xaf\x82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
         "984dc6594a7c15e9716ed28dc027beceea1ec40a",
         2},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char key[ED25519_KEY_BYTES], signature[ED25519_BYTES];

        assert_true(hex_decode(cases[i].key, key, sizeof key));
        assert_true(hex_decode(cases[i].signature, signature, sizeof signature));
        if (!ed25519_fits(key, cases[i].data, cases[i].len, signature))
            fail_msg("case %zu", i);
        assert_false(ed25519_fits(key, "other", 5, signature));
        signature[63] ^= 1;
        assert_false(ed25519_fits(key, cases[i].data, cases[i].len, signature));
        signature[63] ^= 1;
        key[0] ^= 1;
        assert_false(ed25519_fits(key, cases[i].data, cases[i].len, signature));
    }
}

static void test_secret(void **state)
{
    struct secret secret = {0};
    (void)state;

    assert_string_equal(secret_reveal(&secret), "");
    assert_false(secret_equals(&secret, ""));
    assert_false(secret_equals(&secret, NULL));
    secret_set(&secret, "hunter2");
    assert_string_equal(secret_reveal(&secret), "hunter2");
    assert_true(secret_equals(&secret, "hunter2"));
    assert_false(secret_equals(&secret, "hunter"));
    assert_false(secret_equals(&secret, "hunter22"));
    assert_false(secret_equals(&secret, ""));
    secret_set(&secret, secret.text);
    assert_true(secret_equals(&secret, "hunter2"));
    secret_set(&secret, NULL);
    assert_null(secret.text);
    secret_clear(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),    cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_base64),    cmocka_unit_test(test_base64_refuses),
        cmocka_unit_test(test_base64url), cmocka_unit_test(test_hex),
        cmocka_unit_test(test_ed25519),   cmocka_unit_test(test_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
