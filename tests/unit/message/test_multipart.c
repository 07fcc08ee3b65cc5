// Forms as clients send them, and what a stranger could send instead.
#include "core/message/multipart.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/find_part.h"
#include "tests/support/stream_form.h"

#define TYPE "multipart/form-data; boundary=abc"
#define FIELD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define NAME_128                                                                                   \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// Parses a copy that ends where the memory ends, so that ASan sees a look too far; and the same in
// pieces, where it is small.
static bool parse(const char *content_type, const char *body, size_t len, struct multipart *form,
                  char **copy, struct err *err)
{
    static const size_t steps[] = {1, 50, 100000};
    bool ok;

    *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(*copy);
    memcpy(*copy, body, len);
    ok = multipart_parse(content_type, *copy, len, form, err);
    for (size_t i = len < 5000 ? 0 : 2; i < sizeof steps / sizeof steps[0]; i++)
        if (!stream_agrees(content_type, body, len, steps[i], ok ? form : NULL))
            fail_msg("another form in pieces of %zu: %s", steps[i],
                     ok ? "it is one" : err->message);
    return ok;
}

// As Node's own fetch makes it.
static const char undici[] =
    "------formdata-undici-012345678901\r\n"
    "Content-Disposition: form-data; name=\"model\"\r\n\r\n"
    "sora-2\r\n"
    "------formdata-undici-012345678901\r\n"
    "Content-Disposition: form-data; name=\"input_reference\"; filename=\"a %22b%22.png\"\r\n"
    "Content-Type: image/png\r\n\r\n"
    "\x89PNG\r\n\x1a\n\0\0\r\n------formdata-undici\r\n-\r\n"
    "------formdata-undici-012345678901--\r\n";
static const char undici_type[] = "multipart/form-data; boundary=----formdata-undici-012345678901";

static void test_undici(void **state)
{
    static const char image[] = "\x89PNG\r\n\x1a\n\0\0\r\n------formdata-undici\r\n-";
    const struct multipart_part *file;
    struct multipart form;
    struct err err;
    char *body;
    (void)state;

    assert_true(parse(undici_type, undici, sizeof undici - 1, &form, &body, &err));
    assert_int_equal(form.count, 2);
    assert_true(multipart_text_is(form.parts[0].name, "model"));
    assert_true(multipart_text_is(form.parts[0].data, "sora-2"));
    assert_null(form.parts[0].filename.data);
    assert_null(form.parts[0].content_type.data);
    assert_null(find_part(&form, "input"));
    assert_null(find_part(&form, "input_reference2"));
    file = find_part(&form, "input_reference");
    assert_ptr_equal(file, &form.parts[1]);
    assert_true(multipart_text_is(file->filename, "a %22b%22.png"));
    assert_true(multipart_text_is(file->content_type, "image/png"));
    assert_int_equal(file->data.len, sizeof image - 1);
    assert_memory_equal(file->data.data, image, sizeof image - 1);
    free(body);
}

// Nothing but the CRLF behind the last boundary may be missing.
static void test_every_prefix(void **state)
{
    const size_t whole = sizeof undici - 1;
    struct multipart form;
    struct err err;
    char *body;
    (void)state;

    for (size_t len = 0; len <= whole; len++) {
        bool is_complete = len == whole || len == whole - 2;

        if (parse(undici_type, undici, len, &form, &body, &err) != is_complete)
            fail_msg("%zu bytes of %zu", len, whole);
        if (!is_complete)
            assert_int_equal(err.code, ERR_INVALID);
        free(body);
    }
}

// One byte changed anywhere: whatever it says, it stays inside.
static void test_every_byte(void **state)
{
    static const char strange[] = {'\0', '\n', '\r', '"', '\\', '-', ';', ':', ' ', '\xff'};
    char changed[sizeof undici - 1];
    struct multipart form;
    struct err err;
    char *body;
    (void)state;

    for (size_t at = 0; at < sizeof changed; at++) {
        for (size_t i = 0; i < sizeof strange; i++) {
            memcpy(changed, undici, sizeof changed);
            changed[at] = strange[i];
            if (parse(undici_type, changed, sizeof changed, &form, &body, &err)) {
                for (size_t part = 0; part < form.count; part++) {
                    const struct multipart_text *data = &form.parts[part].data;

                    assert_true(data->data >= body &&
                                data->data + data->len <= body + sizeof changed);
                }
            }
            free(body);
        }
    }
}

static void test_content_types(void **state)
{
    static const struct {
        const char *content_type;
        const char *why; // NULL: it is right
    } cases[] = {
        {"multipart/form-data; boundary=abc", NULL},
        {"multipart/form-data;boundary=abc", NULL},
        {"Multipart/Form-Data ; Boundary=abc", NULL},
        {"multipart/form-data; boundary=\"abc\"", NULL},
        {"multipart/form-data; charset=utf-8; boundary=abc", NULL},
        {"multipart/form-data; charset=\"a;boundary=x\"; boundary=abc", NULL},
        {"multipart/form-data; boundary=abc;", NULL},
        {"multipart/form-data;; boundary=abc ; x=y", NULL},
        {NULL, "must be multipart/form-data"},
        {"", "must be multipart/form-data"},
        {"multipart/form-dat", "must be multipart/form-data"},
        {"multipart/form-database; boundary=abc", "must be multipart/form-data"},
        {"multipart/mixed; boundary=abc", "must be multipart/form-data"},
        {"application/json", "must be multipart/form-data"},
        {"multipart/form-data", "boundary is missing"},
        {"multipart/form-data; charset=utf-8", "boundary is missing"},
        {"multipart/form-data; boundary", "malformed parameters"},
        {"multipart/form-data; boundary=", "malformed parameters"},
        {"multipart/form-data; boundary =abc", "malformed parameters"},
        {"multipart/form-data; boundary= abc", "malformed parameters"},
        {"multipart/form-data; boundary=abc def", "malformed parameters"},
        {"multipart/form-data; boundary=\"abc", "malformed parameters"},
        {"multipart/form-data; boundary=\"abc\\\"", "malformed parameters"},
        {"multipart/form-data; boundary=\"abc\"d", "malformed parameters"},
        {"multipart/form-data; boundary=a\"bc", "malformed parameters"},
        {"multipart/form-data boundary=abc", "malformed parameters"},
        {"multipart/form-data, boundary=abc", "must be multipart/form-data"},
        {"multipart/form-data; boundary=\"\"", "boundary is empty"},
        {"multipart/form-data; boundary=abc; boundary=abc", "more than one boundary"},
        {"multipart/form-data; boundary=\"\"; boundary=abc", "more than one boundary"},
        {"multipart/form-data; boundary=a*c", "a character it must not have"},
        {"multipart/form-data; boundary=\"a c\"", "a character it must not have"},
        {"multipart/form-data; boundary=\"a\\c\"", "a character it must not have"},
        {"multipart/form-data; boundary=a\xc3\xa9", "a character it must not have"},
        {"multipart/form-data; boundary=a\x01", "a character it must not have"},
        {"multipart/form-data; boundary="
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         "doesn't begin with the boundary"}, // 70 bytes are allowed
        {"multipart/form-data; boundary="
         "01234567890123456789012345678901234567890123456789012345678901234567890",
         "longer than 70 bytes"},
    };
    static const char body[] = "--abc\r\n" FIELD("a") "1\r\n--abc--\r\n";
    struct multipart form;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *type = cases[i].content_type, *why = cases[i].why;
        struct err err = {0};
        bool is_fine = multipart_parse(type, body, sizeof body - 1, &form, &err);

        if (is_fine != (why == NULL) || (!is_fine && strstr(err.message, why) == NULL))
            fail_msg("%s: %s", type == NULL ? "none" : type, err.message);
        if (!is_fine && err.code != ERR_INVALID)
            fail_msg("%s: code %d", type == NULL ? "none" : type, (int)err.code);
    }
}

static void test_is_form(void **state)
{
    (void)state;

    assert_true(multipart_is_form("multipart/form-data; boundary=abc"));
    assert_true(multipart_is_form("MULTIPART/FORM-DATA"));
    assert_false(multipart_is_form("multipart/form-data-x"));
    assert_false(multipart_is_form("application/json"));
    assert_false(multipart_is_form(NULL));
}

// One part, whose data is then compared.
static void test_accepted(void **state)
{
    static const struct {
        const char *name, *body, *data;
    } cases[] = {
        {"without the last CRLF", "--abc\r\n" FIELD("a") "1\r\n--abc--", "1"},
        {"no data", "--abc\r\n" FIELD("a") "\r\n--abc--\r\n", ""},
        {"line ends in the data", "--abc\r\n" FIELD("a") "\r\n\r\n\n\r\r\n\r\n--abc--\r\n",
         "\r\n\r\n\n\r\r\n"},
        {"the boundary inside a line", "--abc\r\n" FIELD("a") "x--abc--\r\n\r\n--abc--\r\n",
         "x--abc--\r\n"},
        {"the boundary behind LF alone", "--abc\r\n" FIELD("a") "\n--abc--\r\n--abc--\r\n",
         "\n--abc--"},
        {"the boundary behind CR alone", "--abc\r\n" FIELD("a") "\r--abc\r\n--abc--\r\n",
         "\r--abc"},
        {"almost the boundary", "--abc\r\n" FIELD("a") "\r\n--ab\r\n-abc\r\n--Abc\r\n--abc--\r\n",
         "\r\n--ab\r\n-abc\r\n--Abc"},
        {"header names in other letters",
         "--abc\r\ncontent-DISPOSITION:FORM-DATA;NAME=\"a\" \r\n\r\n1\r\n--abc--\r\n", "1"},
        {"a name without quotes",
         "--abc\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--abc--\r\n", "1"},
        {"headers we don't know",
         "--abc\r\nX-Y:\r\nContent-Length: 1\r\n" FIELD("a") "1\r\n--abc--\r\n", "1"},
        {"a harmless transfer encoding",
         "--abc\r\nContent-Transfer-Encoding: binary\r\n" FIELD("a") "1\r\n--abc--\r\n", "1"},
        {"a filename with a semicolon and a backslash",
         "--abc\r\nContent-Disposition: form-data; filename=\"C:\\x;name=b\"; "
         "name=\"a\"\r\n\r\n1\r\n"
         "--abc--\r\n",
         "1"},
        {"escaped quotes, as older curls send them",
         "--abc\r\nContent-Disposition: form-data; filename=\"\\\";\\\\\"; name=\"a\"\r\n\r\n1\r\n"
         "--abc--\r\n",
         "1"},
    };
    struct multipart form;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        char *body;

        if (!parse(TYPE, cases[i].body, strlen(cases[i].body), &form, &body, &err))
            fail_msg("%s: %s", cases[i].name, err.message);
        if (form.count != 1 || !multipart_text_is(form.parts[0].name, "a") ||
            !multipart_text_is(form.parts[0].data, cases[i].data))
            fail_msg("%s: %zu parts", cases[i].name, form.count);
        free(body);
    }
}

#define REFUSED(name, body, why)                                                                   \
    {                                                                                              \
        name, body, sizeof(body) - 1, why                                                          \
    }
static const struct {
    const char *name, *body;
    size_t len;
    const char *why;
} refused[] = {
    REFUSED("nothing", "", "doesn't begin with the boundary"),
    REFUSED("half a boundary", "--ab", "doesn't begin with the boundary"),
    REFUSED("another boundary", "--abd\r\n" FIELD("a") "1\r\n--abd--\r\n",
            "doesn't begin with the boundary"),
    REFUSED("text before", "hello\r\n--abc\r\n" FIELD("a") "1\r\n--abc--\r\n",
            "doesn't begin with the boundary"),
    REFUSED("CRLF before", "\r\n--abc\r\n" FIELD("a") "1\r\n--abc--\r\n",
            "doesn't begin with the boundary"),
    REFUSED("text behind", "--abc\r\n" FIELD("a") "1\r\n--abc--\r\nx", "behind the last boundary"),
    REFUSED("CR behind", "--abc\r\n" FIELD("a") "1\r\n--abc--\r", "behind the last boundary"),
    REFUSED("LF behind", "--abc\r\n" FIELD("a") "1\r\n--abc--\n", "behind the last boundary"),
    REFUSED("a dash behind", "--abc\r\n" FIELD("a") "1\r\n--abc---\r\n",
            "behind the last boundary"),
    REFUSED("no last boundary", "--abc\r\n" FIELD("a") "1\r\n", "part 1: has no boundary behind"),
    REFUSED("a last boundary without dashes", "--abc\r\n" FIELD("a") "1\r\n--abc\r\n",
            "part 2: headers without an end"),
    REFUSED("a last boundary with one dash", "--abc\r\n" FIELD("a") "1\r\n--abc-",
            "ends without a last boundary"),
    REFUSED("the boundary and more, in the data",
            "--abc\r\n" FIELD("a") "1\r\n--abcd\r\n--abc--\r\n", "something behind a boundary"),
    REFUSED("a blank behind the boundary", "--abc\r\n" FIELD("a") "1\r\n--abc \r\n--abc--\r\n",
            "something behind a boundary"),
    REFUSED("LF behind the boundary", "--abc\n" FIELD("a") "1\r\n--abc--\r\n",
            "something behind a boundary"),
    REFUSED("LF everywhere", "--abc\nContent-Disposition: form-data; name=\"a\"\n\n1\n--abc--\n",
            "something behind a boundary"),
    REFUSED("LF in the headers",
            "--abc\r\nContent-Disposition: form-data; name=\"a\"\n\r\n1\r\n--abc--\r\n",
            "part 1: a header line ends with LF alone"),
    REFUSED("LF for the blank line",
            "--abc\r\nContent-Disposition: form-data; name=\"a\"\r\n\n1\r\n--abc--\r\n",
            "a header line ends with LF alone"),
    REFUSED("data that begins with the boundary",
            "--abc\r\n" FIELD("a") "--abc\r\n" FIELD("b") "2\r\n--abc--\r\n",
            "part 1: begins with a boundary"),
    REFUSED("no blank line", "--abc\r\nContent-Disposition: form-data; name=\"a\"\r\n--abc--\r\n",
            "a header without a name"),
    REFUSED("no headers", "--abc\r\n\r\n1\r\n--abc--\r\n", "Content-Disposition is missing"),
    REFUSED("no disposition", "--abc\r\nContent-Type: text/plain\r\n\r\n1\r\n--abc--\r\n",
            "Content-Disposition is missing"),
    REFUSED("another disposition",
            "--abc\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--abc--\r\n",
            "must be form-data"),
    REFUSED("an empty disposition", "--abc\r\nContent-Disposition:\r\n\r\n1\r\n--abc--\r\n",
            "must be form-data"),
    REFUSED("no name", "--abc\r\nContent-Disposition: form-data\r\n\r\n1\r\n--abc--\r\n",
            "name is missing or empty"),
    REFUSED("a filename only",
            "--abc\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n1\r\n--abc--\r\n",
            "name is missing or empty"),
    REFUSED("an empty name", "--abc\r\n" FIELD("") "1\r\n--abc--\r\n", "name is missing or empty"),
    REFUSED("a long name", "--abc\r\n" FIELD(NAME_128 "x") "1\r\n--abc--\r\n",
            "name is longer than 128 bytes"),
    REFUSED(
        "two names",
        "--abc\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n1\r\n--abc--\r\n",
        "more than one name"),
    REFUSED("two filenames",
            "--abc\r\nContent-Disposition: form-data; name=a; filename=b; filename=c\r\n\r\n1\r\n"
            "--abc--\r\n",
            "more than one filename"),
    REFUSED("a filename in the other syntax",
            "--abc\r\nContent-Disposition: form-data; name=a; filename*=utf-8''b\r\n\r\n1\r\n"
            "--abc--\r\n",
            "filename* isn't allowed"),
    REFUSED("an open quote",
            "--abc\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\"\r\n--abc--\r\n",
            "malformed parameters"),
    REFUSED("a quote that is escaped",
            "--abc\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\n1\r\n--abc--\r\n",
            "malformed parameters"),
    REFUSED("no semicolon",
            "--abc\r\nContent-Disposition: form-data name=\"a\"\r\n\r\n1\r\n--abc--\r\n",
            "malformed parameters"),
    REFUSED("two dispositions",
            "--abc\r\nContent-Disposition: form-data; name=\"a\"\r\n" FIELD("b") "1\r\n--abc--\r\n",
            "more than one Content-Disposition"),
    REFUSED("two content types",
            "--abc\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n" FIELD("a") "1\r\n--abc--\r\n",
            "more than one Content-Type"),
    REFUSED("a transfer encoding",
            "--abc\r\nContent-Transfer-Encoding: base64\r\n" FIELD("a") "MQ==\r\n--abc--\r\n",
            "Content-Transfer-Encoding isn't supported"),
    REFUSED("a folded header",
            "--abc\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n1\r\n--abc--\r\n",
            "name is missing or empty"),
    REFUSED("a folded header we don't know",
            "--abc\r\n"
            "X: y\r\n z\r\n" FIELD("a") "1\r\n--abc--\r\n",
            "a header without a name"),
    REFUSED("a header without a colon", "--abc\r\nhello\r\n" FIELD("a") "1\r\n--abc--\r\n",
            "a header without a name"),
    REFUSED("a header without a name", "--abc\r\n: x\r\n" FIELD("a") "1\r\n--abc--\r\n",
            "a header without a name"),
    REFUSED("a blank before the colon",
            "--abc\r\nContent-Disposition : form-data; name=\"a\"\r\n\r\n1\r\n--abc--\r\n",
            "a header without a name"),
    REFUSED("NUL in a name", "--abc\r\n" FIELD("a\0b") "1\r\n--abc--\r\n",
            "a control character in a header"),
    REFUSED("CR in a name", "--abc\r\n" FIELD("a\rb") "1\r\n--abc--\r\n",
            "a control character in a header"),
};

static void test_refused(void **state)
{
    struct multipart form;
    (void)state;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct err err = {0};
        char *body;

        if (parse(TYPE, refused[i].body, refused[i].len, &form, &body, &err))
            fail_msg("%s: accepted", refused[i].name);
        if (err.code != ERR_INVALID || strstr(err.message, refused[i].why) == NULL)
            fail_msg("%s: %s", refused[i].name, err.message);
        free(body);
    }
}

static bool parse_buf(const struct buf *body, struct multipart *form, struct err *err)
{
    return multipart_parse(TYPE, body->data, body->len, form, err);
}

static void test_bounds(void **state)
{
    struct buf body = {0};
    struct multipart form;
    struct err err;
    (void)state;

    for (int i = 0; i < MULTIPART_PARTS_MAX; i++)
        buf_fmt(&body, "--abc\r\nContent-Disposition: form-data; name=\"p%d\"\r\n\r\n%d\r\n", i, i);
    buf_str(&body, "--abc--\r\n");
    assert_true(parse_buf(&body, &form, &err));
    assert_int_equal(form.count, MULTIPART_PARTS_MAX);
    assert_true(multipart_text_is(find_part(&form, "p63")->data, "63"));
    body.len -= strlen("--\r\n");
    buf_str(&body, "\r\n" FIELD("q") "\r\n--abc--\r\n");
    assert_false(parse_buf(&body, &form, &err));
    assert_string_equal(err.message, "body: more than 64 parts");

    // A part's headers of 4096 bytes, then of one more.
    for (size_t more = 0; more < 2; more++) {
        size_t filled = strlen(FIELD(NAME_128)) + strlen("X: \r\n");

        buf_reset(&body);
        buf_str(&body, "--abc\r\nX: ");
        for (; filled < MULTIPART_HEADER_BYTES_MAX + more; filled++)
            buf_char(&body, 'x');
        buf_str(&body, "\r\n" FIELD(NAME_128) "1\r\n--abc--");
        assert_int_equal(parse_buf(&body, &form, &err), more == 0);
    }
    assert_string_equal(err.message,
                        "body: part 1: headers without an end, or longer than 4096 bytes");
    buf_clear(&body);
}

// A megabyte of what begins like a boundary of 70 dashes but isn't one.
static void test_almost_boundaries(void **state)
{
    static const struct {
        const char *name, *repeated;
    } cases[] = {
        {"dashes", "-"},
        {"CR", "\r"},
        {"CRLF", "\r\n"},
        {"all but the last byte",
         "\r\n-----------------------------------------------------------------------"},
    };
    static const char dashes[] =
        "----------------------------------------------------------------------";
    struct buf type = {0}, body = {0};
    struct multipart form;
    struct err err;
    (void)state;

    buf_fmt(&type, "multipart/form-data; boundary=%s", dashes);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_reset(&body);
        buf_fmt(&body, "--%s\r\n%s", dashes, FIELD("a"));
        buf_char(&body, 'x');
        while (body.len < 1 << 20)
            buf_str(&body, cases[i].repeated);
        assert_false(multipart_parse(type.data, body.data, body.len, &form, &err));
        buf_fmt(&body, "\r\n--%s--", dashes);
        if (!multipart_parse(type.data, body.data, body.len, &form, &err) || form.count != 1)
            fail_msg("%s: %s", cases[i].name, err.message);
    }
    buf_clear(&type);
    buf_clear(&body);
}

static void test_empty_form(void **state)
{
    struct multipart form;
    struct err err;
    (void)state;

    assert_true(multipart_parse(TYPE, "--abc--\r\n", 9, &form, &err));
    assert_int_equal(form.count, 0);
    assert_null(find_part(&form, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undici),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_content_types),
        cmocka_unit_test(test_is_form),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_almost_boundaries),
        cmocka_unit_test(test_empty_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
