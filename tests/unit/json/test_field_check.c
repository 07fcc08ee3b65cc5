// Fields of a body against a table: each kind, and what it says of what is wrong.
#include "core/json/field_check.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

#include "core/json/field.h"

static const char *const colours[] = {"red", "green", NULL};

static const struct field_rule links[] = {{.path = "", .kind = FIELD_LINK}, {0}};
static const struct field_rule shots[] = {{.path = "text", .kind = FIELD_TEXT, .is_required = true},
                                          {0}};
static const struct field_rule scenes[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = 3},
    {.path = "shots", .kind = FIELD_ARRAY, .items = shots},
    {0},
};

static const struct field_rule rules[] = {
    {.path = "text", .kind = FIELD_TEXT, .max = 5},
    {.path = "needed", .kind = FIELD_TEXT, .is_required = true},
    {.path = "word", .kind = FIELD_WORD, .words = colours},
    {.path = "link", .kind = FIELD_LINK},
    {.path = "media", .kind = FIELD_MEDIA},
    {.path = "source", .kind = FIELD_SOURCE},
    {.path = "bool", .kind = FIELD_BOOL},
    {.path = "switch", .kind = FIELD_SWITCH},
    {.path = "int", .kind = FIELD_INT, .min = 1, .max = 9},
    {.path = "count", .kind = FIELD_COUNT, .min = 3, .max = 10},
    {.path = "seed", .kind = FIELD_COUNT, .min = 0, .max = 2147483647},
    {.path = "number", .kind = FIELD_NUMBER, .max = 1},
    {.path = "array", .kind = FIELD_ARRAY, .min = 1, .max = 2},
    {.path = "object", .kind = FIELD_OBJECT},
    {.path = "object.deep", .kind = FIELD_INT, .min = 5},
    {.path = "flag", .kind = FIELD_FLAG},
    {.path = "base64", .kind = FIELD_BASE64},
    {.path = "task", .kind = FIELD_TASK},
    {.path = "time", .kind = FIELD_TIME},
    {.path = "any", .kind = FIELD_ANY},
    {.path = "links", .kind = FIELD_ARRAY, .items = links},
    {.path = "scenes", .kind = FIELD_ARRAY, .items = scenes},
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
        {"'flag':false", NULL},
        {"'flag':'true'", NULL},
        {"'flag':'on'", "flag: must be true or false"},
        {"'flag':1", "flag: must be true or false"},
        {"'base64':'aGVsbG8='", NULL},
        {"'base64':'data:image/png;base64,aGVsbG8='", NULL},
        {"'base64':'https://e.com/a'", "base64: must be an image in base64"},
        {"'base64':5", "base64: must be a string"},
        {"'task':'task_01M8C3N72C07F0ZEPZMEKGYGAK'", NULL},
        {"'task':'task_1'", "task: must be a task id"},
        {"'task':5", "task: must be a task id"},
        {"'time':1709123456000", NULL},
        {"'time':'1709123456000'", NULL},
        {"'time':-1", "time: must be a time in Unix milliseconds"},
        {"'time':'1e3'", "time: must be a time in Unix milliseconds"},
        {"'time':'1234567890123456'", "time: must be a time in Unix milliseconds"},
        {"'any':[{}]", NULL},
        {"'links':['https://e.com/a',null,'']", NULL},
        {"'links':['https://e.com/a',5]", "links.1: must be an http or https URL"},
        {"'scenes':[{'prompt':'abc'},null,'']", NULL},
        {"'scenes':[{'prompt':'abc'},5]", "scenes.1: must be an object"},
        {"'scenes':[{}]", "scenes.0.prompt: is required"},
        {"'scenes':[{'prompt':''}]", "scenes.0.prompt: must not be empty"},
        {"'scenes':[{'prompt':'abcd'}]", "scenes.0.prompt: is longer than 3 bytes"},
        {"'scenes':[{'prompt':'a','shots':[{'text':'b'},{'text':1}]}]",
         "scenes.0.shots.1.text: must be a string"},
        {"'int':9", NULL},
        {"'int':10", "int: must be from 1 to 9"},
        {"'int':1.5", "int: must be an integer"},
        {"'int':'1'", "int: must be an integer"},
        {"'count':5", NULL},
        {"'count':'10'", NULL},
        {"'count':'11'", "count: must be from 3 to 10"},
        {"'count':'ten'", "count: must be an integer"},
        {"'count':'99999999999'", "count: must be an integer"},
        {"'count':'9999999999'", "count: must be an integer"},
        {"'seed':'2147483647'", NULL},
        {"'seed':2147483647", NULL},
        {"'seed':'2147483648'", "seed: must be from 0 to 2147483647"},
        {"'seed':2147483648", "seed: must be from 0 to 2147483647"},
        {"'seed':'99999999999'", "seed: must be an integer"},
        {"'number':0.5", NULL},
        {"'number':1.5", "number: must be from 0 to 1"},
        {"'number':'1'", "number: must be a number"},
        {"'array':[1]", NULL},
        {"'array':[]", NULL},
        {"'array':['',null]", NULL},
        {"'array':['',1,null,2]", NULL},
        {"'array':[1,2,3]", "array: must have 1 to 2 items"},
        {"'array':''", NULL},
        {"'array':{}", "array: must be an array"},
        {"'object':{'deep':5}", NULL},
        {"'object':{'deep':4}", "object.deep: must be at least 5"},
        {"'object':[]", "object: must be an object"},
        {"'object':{}", NULL},
        {"'object':{'deep':''}", NULL},
        {"'object':''", NULL},
        {"'source':'https://e.com/a'", NULL},
        {"'source':'asset://asset-1'", NULL},
        {"'source':'what?'", NULL},
        {"'source':''", NULL},
        {"'source':5", "source: must be a string"},
        {"'source':[]", "source: must be a string"},
        {"'source':'a\\nb'", "source: has a control character"},
        {"'source':'a\\u007f'", "source: has a control character"},
        {"'int':''", NULL},
        {"'count':''", NULL},
        {"'number':null", NULL},
        {"'bool':''", NULL},
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

// Links and ids are short; files in base64 aren't.
static void test_long_sources(void **state)
{
    static const struct field_rule source = {.kind = FIELD_SOURCE};
    static const struct {
        const char *start;
        bool is_fine;
    } cases[] = {{"https://e.com/", false}, {"", true}, {"data:image/png;base64,", true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = {0};
        char text[10000 + 1];
        json_t *value;

        memset(text, 'A', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        memcpy(text, cases[i].start, strlen(cases[i].start));
        if (cases[i].is_fine)
            text[strlen(cases[i].start) + 9000] = '\0'; // whole quanta
        value = json_string(text);
        if (field_check_value(value, &source, "source", &err) != cases[i].is_fine)
            fail_msg("%s…: %s", cases[i].start, err.message);
        json_decref(value);
    }
}

static void test_empty(void **state)
{
    static const struct {
        const char *whole, *left;
    } cases[] = {
        {"{'a':'','b':null,'c':[],'d':{},'e':['',null],'f':{'g':{'h':[]}}}", "{}"},
        {"{'a':0,'b':false,'c':' ','d':[0],'e':{'f':false}}",
         "{'a':0,'b':false,'c':' ','d':[0],'e':{'f':false}}"},
        {"{'a':['',1,null,'x'],'b':[{},{'c':''},[]]}", "{'a':[1,'x'],'b':[{},{},[]]}"},
        {"{'a':[{'b':'','c':'d'}]}", "{'a':[{'c':'d'}]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *texts[] = {cases[i].whole, cases[i].left};
        json_t *values[2];

        for (size_t k = 0; k < 2; k++) {
            char text[256];

            snprintf(text, sizeof text, "%s", texts[k]);
            for (char *c = text; *c != '\0'; c++)
                *c = *c == '\'' ? '"' : *c;
            values[k] = json_loads(text, 0, NULL);
        }
        field_drop_empty(values[0]);
        if (!json_equal(values[0], values[1]))
            fail_msg("%s", cases[i].whole);
        assert_int_equal(field_is_empty(values[0]), json_object_size(values[0]) == 0);
        json_decref(values[0]);
        json_decref(values[1]);
    }
    assert_true(field_is_empty(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_long_sources),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_required),
    };

    return cmocka_run_group_tests_name("field_check", tests, NULL, NULL);
}
