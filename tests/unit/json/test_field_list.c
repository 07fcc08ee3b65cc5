// A list in a body, in pages: whatever its items are, all of them come, and what isn't JSON is
// said.
#include "core/json/field_list.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/field.h"

// All items, page by page; NULL where a page isn't JSON.
static json_t *read_all(const char *text, size_t len, size_t max, struct buf *rest)
{
    json_t *all = json_array(), *page;
    struct field_list list;
    struct err err = {0};

    field_list_open(&list, text, len, "ids", rest);
    while ((page = field_list_next(&list, text, max, &err)) != NULL && json_array_size(page) > 0) {
        assert_true(json_array_size(page) <= max);
        json_array_extend(all, page);
        json_decref(page);
    }
    if (page == NULL) {
        assert_int_equal(err.code, ERR_INVALID);
        json_decref(all);
        return NULL;
    }
    json_decref(page);
    return all;
}

static void test_items(void **state)
{
    static const struct {
        const char *text, *items, *rest; // items NULL: it isn't JSON
    } cases[] = {
        {"{\"ids\":[\"a\",\"b\",\"c\"]}", "[\"a\",\"b\",\"c\"]", "{\"ids\":[]}"},
        {" { \"ids\" : [ \"a\" , \"b\" ] , \"x\":1 } ", "[\"a\",\"b\"]",
         " { \"ids\" : [] , \"x\":1 } "},
        {"{\"x\":[1,2],\"y\":{\"ids\":[3]},\"ids\":[4]}", "[4]",
         "{\"x\":[1,2],\"y\":{\"ids\":[3]},\"ids\":[]}"},
        {"{\"a\":\"\\\"ids\\\":[1]\",\"ids\":[2]}", "[2]",
         "{\"a\":\"\\\"ids\\\":[1]\",\"ids\":[]}"},
        {"{\"ids\":[null,1,{},\"\",[\"x\",\"y\"],{\"a\":\",\"},\"]\",\"\\\\\\\"],\"]}",
         "[null,1,{},\"\",[\"x\",\"y\"],{\"a\":\",\"},\"]\",\"\\\\\\\"],\"]", "{\"ids\":[]}"},
        {"{\"ids\":[]}", "[]", "{\"ids\":[]}"},
        {"{\"ids\":[ ]}", "[]", "{\"ids\":[]}"},
        {"{}", "[]", "{}"},
        {"{\"ids\":null}", "[]", "{\"ids\":null}"},
        {"{\"ids\":\"a\"}", "[]", "{\"ids\":\"a\"}"},
        {"{\"ids\":{\"0\":\"a\"}}", "[]", "{\"ids\":{\"0\":\"a\"}}"},
        {"{\"ids\":[1],\"ids\":[2]}", "[1]", "{\"ids\":[],\"ids\":[2]}"},
        {"[\"ids\",[1]]", "[]", "[\"ids\",[1]]"},
        {"{\"ids\":[1", "[]", "{\"ids\":[1"},
        {"{\"ids\":[1}", "[]", "{\"ids\":[1}"},
        {"{\"ids\":[\"", "[]", "{\"ids\":[\""},
        {"{\"ids", "[]", "{\"ids"},
        {"{\"ids\":", "[]", "{\"ids\":"},
        {"", "[]", ""},
        {"{\"ids\":[1]}x", "[1]", "{\"ids\":[]}x"},
        {"{\"ids\":[1,]}", NULL, NULL},
        {"{\"ids\":[,1]}", NULL, NULL},
        {"{\"ids\":[,]}", NULL, NULL},
        {"{\"ids\":[1,,2]}", NULL, NULL},
        {"{\"ids\":[1 2]}", NULL, NULL},
        {"{\"ids\":[a]}", NULL, NULL},
        {"{\"ids\":[{]]}", NULL, NULL},
        {"{\"ids\":[\"\\u0000\",\"a\",\"b\\u0000\",\"\\\\u0000\",{\"\\u0000\":1}]}",
         "[\"\\ufffd\",\"a\",\"b\\ufffd\",\"\\\\u0000\",{\"\\ufffd\":1}]", "{\"ids\":[]}"},
        {"{\"ids\":[\"\\u0000\\\"]}", "[]", "{\"ids\":[\"\\u0000\\\"]}"},
        {"{\"ids\":[\\u0000]}", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        // As long as it is, not a byte more: nothing behind it may be read.
        size_t len = strlen(cases[i].text);
        char *text = malloc(len == 0 ? 1 : len);

        memcpy(text, cases[i].text, len);
        for (size_t max = 1; max <= 10; max++) {
            struct buf rest = {0};
            json_t *is = read_all(text, len, max, &rest);
            json_t *should = cases[i].items == NULL ? NULL : json_loads(cases[i].items, 0, NULL);

            if ((is == NULL) != (should == NULL) || (is != NULL && !json_equal(is, should)) ||
                (should != NULL && strcmp(buf_text(&rest), cases[i].rest) != 0))
                fail_msg("%s in pages of %zu, the rest is %s", cases[i].text, max, buf_text(&rest));
            json_decref(is);
            json_decref(should);
            buf_clear(&rest);
        }
        free(text);
    }
}

// More than a body may have values.
static void test_many(void **state)
{
    enum { COUNT = 100000 };
    struct buf text = {0}, rest = {0};
    struct err err;
    json_t *all;

    (void)state;
    buf_str(&text, "{\"ids\":[");
    for (int i = 0; i < COUNT; i++)
        buf_fmt(&text, "%s\"task_%d\"", i == 0 ? "" : ",", i);
    buf_str(&text, "]}");
    assert_null(field_parse_body(text.data, text.len, &err));
    all = read_all(text.data, text.len, 100, &rest);
    assert_int_equal(json_array_size(all), COUNT);
    assert_string_equal(json_string_value(json_array_get(all, COUNT - 1)), "task_99999");
    assert_string_equal(rest.data, "{\"ids\":[]}");
    json_decref(all);
    buf_clear(&text);
    buf_clear(&rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests_name("field_list", tests, NULL, NULL);
}
