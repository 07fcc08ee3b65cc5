// How many seconds a request asks for, in each vendor's words.
#include "providers/asked.h"

#include "core/json/json_plain.h"
#include "tests/support/check.h"

static void test_words(void **state)
{
    static const struct {
        const char *request;
        int seconds;
    } cases[] = {
        {"{'duration':'10'}", 10},
        {"{'duration':5}", 5},
        {"{'duration':'5s'}", 5},
        {"{'duration':7.5}", 7},
        {"{'seconds':'8'}", 8},
        {"{'durationSeconds':6}", 6},
        {"{'parameters':{'durationSeconds':8}}", 8},
        {"{'parameters':{'duration':5}}", 5},
        {"{'duration':null,'seconds':4}", 4},
        {"{}", 0},
        {"{'duration':-1}", 0},
        {"{'duration':'long'}", 0},
        {"{'duration':'1e300'}", 0},
        {"{'duration':'nan'}", 0},
        {"{'duration':{'seconds':5}}", 0},
        {"{'parameters':[5]}", 0},
        {"[5]", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *request = json_plain_read(cases[i].request);

        assert_int_equal(asked_seconds(request), cases[i].seconds);
        json_decref(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
