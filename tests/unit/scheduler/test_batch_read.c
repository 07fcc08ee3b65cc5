// The body of a batch.
#include "scheduler/batch_read.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/check.h"

static void add_span(struct buf *seen, const struct json_span *span)
{
    buf_fmt(seen, "%.*s|", (int)span->len, span->len == 0 ? "" : span->at);
}

static void test_requests(void **state)
{
    static const struct {
        const char *text, *wanted; // path|body|key| each, "-" for what is no object
    } cases[] = {
        {"{\"requests\":[{\"path\":\"/a\",\"body\":{\"b\":[1]}}]}", "\"/a\"|{\"b\":[1]}||"},
        {" { \"requests\" : [ { \"body\" : {} , \"idempotency_key\" : \"k\" , \"path\" : \"/a\" } "
         "] } ",
         "\"/a\"|{}|\"k\"|"},
        {"{\"x\":[{}],\"requests\":[{},{\"path\":null,\"body\":1,\"method\":\"GET\"}],\"y\":2}",
         "||||1||"},
        {"{\"requests\":[1,null,[{\"path\":\"/a\"}],\"x\",{\"path\":2}]}", "----2|||"},
        {"{\"requests\":[{\"path\":\"/a\",\"body\":{nope}},{\"body\":{\"x\":]}]}",
         "\"/a\"|{nope}|||{\"x\":]||"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch_read read = {0};
        struct buf seen = {0};
        struct err err;

        assert_true(batch_read(&read, cases[i].text, strlen(cases[i].text), &err));
        for (size_t k = 0; k < read.count; k++) {
            if (!read.asks[k].is_object) {
                buf_char(&seen, '-');
                continue;
            }
            add_span(&seen, &read.asks[k].path);
            add_span(&seen, &read.asks[k].body);
            add_span(&seen, &read.asks[k].key);
        }
        assert_string_equal(buf_text(&seen), cases[i].wanted);
        buf_clear(&seen);
        batch_read_clear(&read);
    }
}

static void test_what_cannot_be_read(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "body: must be a JSON object"},
        {"[]", "body: must be a JSON object"},
        {"{}", "requests: is required"},
        {"{\"requests\":null}", "requests: is required"},
        {"{\"requests\":[]}", "requests: is required"},
        {"{\"requests\":{}}", "requests: must be an array"},
        {"{\"requests\":\"x\"}", "requests: must be an array"},
        {"{\"requests\":[{}],\"requests\":[{}]}", "requests: comes twice"},
        {"{\"requests\":[{}]", "body: not valid JSON"},
        {"{\"requests\":[{}]} x", "body: not valid JSON"},
        {"{\"requests\":[{}],}", "body: not valid JSON"},
        {"{\"requests\":[{},{\"path\":\"/a\",}]}", "requests.1: not valid JSON"},
        {"{\"requests\":[{},{\"path\":\"/a\" \"body\":{}}]}", "requests.1: not valid JSON"},
        {"{\"requests\":[{},{path:1}]}", "requests.1: not valid JSON"},
        {"{\"requests\":[{},]}", "requests.1: not valid JSON"},
        {"{\"requests\":[{},{}},{}]}", "body: not valid JSON"},
        {"{\"requests\":[{\"path\":\"/a\",\"path\":\"/b\"}]}", "requests.0.path: comes twice"},
        {"{\"requests\":[{},{\"body\":{},\"body\":{}}]}", "requests.1.body: comes twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch_read read = {0};
        struct err err;

        if (batch_read(&read, cases[i].text, strlen(cases[i].text), &err))
            fail_msg("%s", cases[i].text);
        assert_string_equal(err.message, cases[i].why);
        assert_int_equal(err.code, ERR_INVALID);
        batch_read_clear(&read);
    }
}

static void test_how_many(void **state)
{
    (void)state;
    for (size_t count = BATCH_MAX; count <= BATCH_MAX + 1; count++) {
        struct batch_read read = {0};
        struct buf text = {0};
        struct err err;
        bool ok;

        buf_str(&text, "{\"requests\":[{}");
        for (size_t i = 1; i < count; i++)
            buf_str(&text, ",{}");
        buf_str(&text, "]}");
        ok = batch_read(&read, text.data, text.len, &err);
        assert_int_equal(ok, count == BATCH_MAX);
        if (ok)
            assert_int_equal(read.count, count);
        else
            assert_string_equal(err.message, "requests: more than 1000");
        batch_read_clear(&read);
        buf_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_how_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
