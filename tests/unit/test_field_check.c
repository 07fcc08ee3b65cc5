// Fields of a body against a table: each kind, and what it says of what is wrong.
#include "core/base/field_check.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

static const char *const colours[] = {"red", "green", NULL};

static const struct field_rule rules[] = {
    {.path = "text", .kind = FIELD_TEXT, .max = 5},
    {.path = "needed", .kind = FIELD_TEXT, .is_required = true},
    {.path = "word", .kind = FIELD_WORD, .words = colours},
    {.path = "link", .kind = FIELD_LINK},
    {.path = "media", .kind = FIELD_MEDIA},
    {.path = "bool", .kind = FIELD_BOOL},
    {.path = "switch", .kind = FIELD_SWITCH},
    {.path = "int", .kind = FIELD_INT, .min = 1, .max = 9},
    {.path = "count", .kind = FIELD_COUNT, .min = 3, .max = 10},
    {.path = "number", .kind = FIELD_NUMBER, .max = 1},
    {.path = "array", .kind = FIELD_ARRAY, .min = 1, .max = 2},
    {.path = "object", .kind = FIELD_OBJECT},
    {.path = "object.deep", .kind = FIELD_INT, .min = 5},
    {0},
};

static void test_rules(void **state)
{
    static const struct {
        const char *body, *error; // NULL: it is fine
    } cases[] = {
        {"", NULL},
        {"'text':'12345'", NULL},
        {"'text':'123456'", "text: is longer than 5 bytes"},
        {"'text':1", "text: must be a string"},
        {"'text':null", NULL},
        {"'text':''", NULL},
        {"'word':'red'", NULL},
        {"'word':''", NULL},
        {"'word':'blue'", "word: must be one of: red, green"},
        {"'word':1", "word: must be one of: red, green"},
        {"'link':'https://e.com/a'", NULL},
        {"'link':'ftp://e.com/a'", "link: must be an http or https URL"},
        {"'link':'aGVsbG8='", "link: must be an http or https URL"},
        {"'media':'https://e.com/a'", NULL},
        {"'media':'aGVsbG8='", NULL},
        {"'media':'data:image/png;base64,aGVsbG8='", NULL},
        {"'media':'data:image/png,aGVsbG8='", "media: must be an http or https URL, or base64"},
        {"'media':'data:,aGVsbG8='", "media: must be an http or https URL, or base64"},
        {"'media':'a b'", "media: must be an http or https URL, or base64"},
        {"'bool':true", NULL},
        {"'bool':'true'", "bool: must be true or false"},
        {"'switch':true", NULL},
        {"'switch':'on'", NULL},
        {"'switch':'maybe'", "switch: must be \"on\", \"off\", true or false"},
        {"'int':9", NULL},
        {"'int':10", "int: must be from 1 to 9"},
        {"'int':1.5", "int: must be an integer"},
        {"'int':'1'", "int: must be an integer"},
        {"'count':5", NULL},
        {"'count':'10'", NULL},
        {"'count':'11'", "count: must be from 3 to 10"},
        {"'count':'ten'", "count: must be an integer"},
        {"'count':'99999999999'", "count: must be an integer"},
        {"'number':0.5", NULL},
        {"'number':1.5", "number: must be from 0 to 1"},
        {"'number':'1'", "number: must be a number"},
        {"'array':[1]", NULL},
        {"'array':[]", "array: must have 1 to 2 items"},
        {"'array':{}", "array: must be an array"},
        {"'object':{'deep':5}", NULL},
        {"'object':{'deep':4}", "object.deep: must be at least 5"},
        {"'object':[]", "object: must be an object"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        struct err err = {0};
        json_t *body;
        bool ok;

        snprintf(text, sizeof text, "{'needed':'x'%s%s}", *cases[i].body == '\0' ? "" : ",",
                 cases[i].body);
        for (char *c = text; *c != '\0'; c++)
            *c = *c == '\'' ? '"' : *c;
        body = json_loads(text, 0, NULL);
        ok = field_check(body, rules, &err);
        json_decref(body);
        if (ok != (cases[i].error == NULL) || (!ok && strcmp(err.message, cases[i].error) != 0) ||
            (!ok && err.code != ERR_INVALID))
            fail_msg("%s: %s", cases[i].body, ok ? "is fine" : err.message);
    }
}

static void test_required(void **state)
{
    struct err err = {0};
    json_t *body = json_object();

    (void)state;
    assert_false(field_check(body, rules, &err));
    assert_string_equal(err.message, "needed: is required");
    json_object_set_new(body, "needed", json_string(""));
    assert_false(field_check(body, rules, &err));
    assert_string_equal(err.message, "needed: must not be empty");
    json_object_set_new(body, "needed", json_null());
    assert_false(field_check(body, rules, &err));
    assert_string_equal(err.message, "needed: is required");
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_required),
    };

    return cmocka_run_group_tests_name("field_check", tests, NULL, NULL);
}
