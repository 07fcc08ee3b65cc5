// Tables of fields as JSON Schema.
#include "core/json/field_schema.h"

#include <stdlib.h>

#include "core/json/field_check.h"
#include "core/json/json_plain.h"
#include "tests/support/check.h"

static const char *const colours[] = {"red", "green", NULL};
static const struct field_rule texts[] = {{.path = "", .kind = FIELD_TEXT, .max = 3}, {0}};
static const struct field_rule scenes[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true},
    {0},
};

static const struct {
    struct field_rule rule;
    const char *schema;
} kinds[] = {
    {{.kind = FIELD_TEXT}, "{'type':'string'}"},
    {{.kind = FIELD_TEXT, .max = 5, .about = "A word."},
     "{'type':'string','maxLength':5,'description':'A word.'}"},
    {{.kind = FIELD_TEXT, .is_required = true}, "{'type':'string','minLength':1}"},
    {{.kind = FIELD_WORD, .words = colours}, "{'type':'string','enum':['red','green']}"},
    {{.kind = FIELD_LINK}, "{'type':'string','format':'uri','maxLength':8192}"},
    {{.kind = FIELD_BASE64, .about = "x"},
     "{'type':'string','contentEncoding':'base64','description':'x'}"},
    {{.kind = FIELD_BOOL}, "{'type':'boolean'}"},
    {{.kind = FIELD_SWITCH},
     "{'anyOf':[{'type':'boolean'},{'type':'string','enum':['on','off']}]}"},
    {{.kind = FIELD_FLAG},
     "{'anyOf':[{'type':'boolean'},{'type':'string','enum':['true','false']}]}"},
    {{.kind = FIELD_INT, .min = -1}, "{'type':'integer','minimum':-1}"},
    {{.kind = FIELD_COUNT, .min = 3, .max = 15},
     "{'type':['integer','string'],'pattern':'^[0-9]{1,9}$','minimum':3,'maximum':15}"},
    {{.kind = FIELD_NUMBER, .max = 0.5}, "{'type':'number','minimum':0,'maximum':0.5}"},
    {{.kind = FIELD_ARRAY}, "{'type':'array','items':{}}"},
    {{.kind = FIELD_ARRAY, .min = 1, .max = 2, .items = texts},
     "{'type':'array','items':{'type':'string','maxLength':3},'minItems':1,'maxItems':2}"},
    {{.kind = FIELD_ARRAY, .is_required = true, .items = scenes},
     "{'type':'array','items':{'type':'object','properties':{'prompt':{'type':'string',"
     "'minLength':1}},'required':['prompt']},'minItems':1}"},
    {{.kind = FIELD_OBJECT}, "{'type':'object'}"},
    {{.kind = FIELD_ANY}, "{}"},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        json_t *schema = field_schema_of(&kinds[i].rule),
               *wanted = json_plain_read(kinds[i].schema);

        assert_non_null(wanted);
        if (!json_equal(schema, wanted))
            fail_msg("%s: %s", kinds[i].schema, json_dumps(schema, JSON_COMPACT));
        json_decref(schema);
        json_decref(wanted);
    }
}

static void test_tables(void **state)
{
    static const struct field_rule one[] = {
        {.path = "content", .kind = FIELD_OBJECT, .is_required = true},
        {.path = "content.prompt", .kind = FIELD_TEXT, .is_required = true},
        {.path = "content.size", .kind = FIELD_INT},
        {0},
    };
    static const struct field_rule other[] = {
        {.path = "a.b", .kind = FIELD_BOOL},
        {.path = "content", .kind = FIELD_OBJECT, .is_required = true},
        {0},
    };
    json_t *schema = field_schema(FIELD_RULES(other, one));
    json_t *wanted = json_plain_read(
        "{'type':'object','properties':{'a':{'type':'object','properties':{'b':{'type':'boolean'}}}"
        ","
        "'content':{'type':'object','properties':{'prompt':{'type':'string','minLength':1},"
        "'size':{'type':'integer','minimum':0}},'required':['prompt']}},'required':['content']}");

    (void)state;
    assert_non_null(wanted);
    if (!json_equal(schema, wanted))
        fail_msg("%s", json_dumps(schema, JSON_COMPACT));
    json_decref(schema);
    json_decref(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_tables)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
