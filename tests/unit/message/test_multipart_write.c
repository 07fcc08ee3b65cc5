// Forms that we write: read again, they are what they were written from.
#include "core/message/multipart_write.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/message/http_message.h"
#include "core/message/multipart.h"

static void end(struct multipart_write *form, struct buf *type)
{
    multipart_write_end(form);
    multipart_write_type(form, type);
}

static void check_text(struct multipart_text text, const char *expected, size_t len)
{
    assert_int_equal(text.len, len);
    assert_memory_equal(text.data, expected, len);
}

static void test_parts(void **state)
{
    static const char file[] = "\x89PNG\r\n\x1a\n\0\0\r\n--\r\n";
    struct http_request request = {0};
    struct buf type = {0};
    struct multipart_write write;
    struct multipart form;
    struct err err;

    (void)state;
    multipart_write_begin(&write, &request);
    multipart_write_text(&write, "prompt", "two\r\nlines, \xe4\xbd\xa0");
    multipart_write_text(&write, "empty", "");
    multipart_write_json(&write, "image_request", "{\"prompt\":\"x\"}");
    multipart_write_file(&write, "image", "image.png", "image/png", file, sizeof file - 1);
    multipart_write_file(&write, "nothing", "nothing.png", "image/png", "", 0);
    end(&write, &type);

    assert_true(multipart_is_form(type.data));
    assert_true(multipart_parse(type.data, request.body.data, request.body.len, &form, &err));
    assert_int_equal(form.count, 5);
    assert_true(multipart_text_is(form.parts[0].name, "prompt"));
    assert_true(multipart_text_is(form.parts[0].data, "two\r\nlines, \xe4\xbd\xa0"));
    assert_null(form.parts[0].filename.data);
    assert_null(form.parts[0].content_type.data);
    assert_int_equal(form.parts[1].data.len, 0);
    assert_true(multipart_text_is(form.parts[2].content_type, "application/json"));
    assert_true(multipart_text_is(form.parts[2].data, "{\"prompt\":\"x\"}"));
    assert_null(form.parts[2].filename.data);
    assert_true(multipart_text_is(form.parts[3].name, "image"));
    assert_true(multipart_text_is(form.parts[3].filename, "image.png"));
    assert_true(multipart_text_is(form.parts[3].content_type, "image/png"));
    check_text(form.parts[3].data, file, sizeof file - 1);
    assert_true(multipart_text_is(form.parts[4].filename, "nothing.png"));
    assert_int_equal(form.parts[4].data.len, 0);
    http_request_clear(&request);
    buf_clear(&type);
}

// Whatever a name is, a form that isn't called wrong is one that we read.
static void test_what_is_wrong(void **state)
{
    static const struct {
        const char *name;
        size_t times, parts;
        bool is_wrong;
    } cases[] = {
        {"a", 127, 1, false}, {"a", 128, 1, false}, {"a", 129, 1, true},   {"\"", 42, 1, false},
        {"\"", 43, 1, true},  {"", 1, 1, true},     {"\x7f", 3, 1, false}, {"\t", 1, 1, false},
        {"\\", 3, 1, false},  {"a", 1, 64, false},  {"a", 1, 65, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request = {0};
        struct buf type = {0}, name = {0};
        struct multipart_write write;
        struct multipart form;
        struct err err;

        for (size_t n = 0; n < cases[i].times; n++)
            buf_str(&name, cases[i].name);
        multipart_write_begin(&write, &request);
        for (size_t n = 0; n < cases[i].parts; n++)
            multipart_write_text(&write, buf_text(&name), "1");
        end(&write, &type);
        assert_int_equal(write.is_wrong, cases[i].is_wrong);
        assert_int_equal(
            multipart_parse(type.data, request.body.data, request.body.len, &form, &err),
            !cases[i].is_wrong);
        http_request_clear(&request);
        buf_clear(&type);
        buf_clear(&name);
    }
}

// A name can't end its line, nor begin a header or a part.
static void test_names(void **state)
{
    struct http_request request = {0};
    struct buf type = {0};
    struct multipart_write write;
    struct multipart form;
    struct err err;

    (void)state;
    multipart_write_begin(&write, &request);
    multipart_write_text(&write, "a\"; filename=\"b", "1");
    multipart_write_text(&write, "a\r\nContent-Type: image/png\r\n\r\n", "2");
    multipart_write_file(&write, "c", "d\".png", "image/png", "3", 1);
    end(&write, &type);

    assert_true(multipart_parse(type.data, request.body.data, request.body.len, &form, &err));
    assert_int_equal(form.count, 3);
    assert_true(multipart_text_is(form.parts[0].name, "a%22; filename=%22b"));
    assert_null(form.parts[0].filename.data);
    assert_true(
        multipart_text_is(form.parts[1].name, "a%0D%0AContent-Type: image/png%0D%0A%0D%0A"));
    assert_null(form.parts[1].content_type.data);
    assert_true(multipart_text_is(form.parts[1].data, "2"));
    assert_true(multipart_text_is(form.parts[2].filename, "d%22.png"));
    http_request_clear(&request);
    buf_clear(&type);
}

// No two forms have the same boundary, and what is in the buffer stays.
static void test_boundaries(void **state)
{
    struct http_request request = {0};
    struct multipart_write one, other;

    (void)state;
    buf_str(&request.body, "before");
    multipart_write_begin(&one, &request);
    multipart_write_begin(&other, &request);
    assert_int_equal(strlen(one.boundary), MULTIPART_WRITE_BOUNDARY_CHARS);
    assert_string_not_equal(one.boundary, other.boundary);
    multipart_write_end(&one);
    assert_memory_equal(request.body.data, "before--", 8);
    http_request_clear(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_boundaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
