// What is shown of a request.
#include "scheduler/mask.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json_plain.h"
#include "tests/support/check.h"

static void test_what_is_masked(void **state)
{
    static const struct {
        const char *given, *shown; // NULL: as it is given
    } cases[] = {
        {"{'prompt':'a key, a token: secret=1','n':4,'ok':true,'x':null,'empty':''}", NULL},
        // By name, however it is written, at any depth.
        {"{'key':'v'}", "{'key':'***'}"},
        {"{'api_key':'v','apiKey':'v','X-API-Key':'v'}",
         "{'api_key':'***','apiKey':'***','X-API-Key':'***'}"},
        {"{'mj-api-secret':'v','clientSecret':'v'}",
         "{'mj-api-secret':'***','clientSecret':'***'}"},
        {"{'Authorization':'v','auth':'v','password':'v','Cookie':'v','access_token':'v'}",
         "{'Authorization':'***','auth':'***','password':'***','Cookie':'***','access_token':'***'"
         "}"},
        {"{'a':[{'b':{'token':'v'}}]}", "{'a':[{'b':{'token':'***'}}]}"},
        {"{'tokens':['v',{'w':'v'}]}", "{'tokens':['***',{'w':'***'}]}"},
        {"{'max_tokens':100,'token':''}", NULL}, // nothing to hide
        {"{'keyframes':'v','keywords':'v','author':'v','monkeys':'v'}", NULL},
        {"{'note':'Bearer v'}", "{'note':'Bearer ***'}"},
        // URLs.
        {"{'url':'https://h.example/a.png?w=1&h=2'}", NULL},
        {"{'url':'https://u:p@h.example/a'}", "{'url':'https://***@h.example/a'}"},
        {"{'url':'https://u:p@q@h.example/a@b'}", "{'url':'https://***@h.example/a@b'}"},
        {"{'url':'https://h/a?X-Amz-Signature=v&X-Amz-Credential=v&x=1'}",
         "{'url':'https://h/a?X-Amz-Signature=***&X-Amz-Credential=***&x=1'}"},
        {"{'url':'https://h/a?api_key=v#token=v'}", "{'url':'https://h/a?api_key=***#token=***'}"},
        {"{'notifyHook':'https://h/a?plain=v&word#v'}",
         "{'notifyHook':'https://h/a?plain=***&***#***'}"},
        {"{'callback_url':'https://u@h/a'}", "{'callback_url':'https://***@h/a'}"},
        {"{'prompt':'see https://u:p@h/ there'}", NULL}, // a sentence
        {"{'prompt':'a://'}", NULL},
        {"{'prompt':'://'}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *given = json_plain_read(cases[i].given);
        json_t *wanted = json_plain_read(cases[i].shown == NULL ? cases[i].given : cases[i].shown);
        char *text;

        assert_non_null(wanted);
        mask_request(given);
        text = json_dumps(given, JSON_COMPACT);
        if (!json_equal(given, wanted))
            fail_msg("%s became %s", cases[i].given, text);
        free(text);
        json_decref(given);
        json_decref(wanted);
    }
    mask_request(NULL);
}

static void test_files_are_shortened(void **state)
{
    static const struct {
        const char *head, *piece;
        bool is_file;
    } cases[] = {
        {"data:image/png;base64,", "QUJD", true},
        {"", "QUJD", true},
        {"", "a lighthouse ", false}, // a long prompt
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf text = {0};
        json_t *request;
        const char *shown;

        buf_str(&text, cases[i].head);
        for (size_t k = 0; k < 200; k++)
            buf_str(&text, cases[i].piece);
        request = json_pack("{s:[s]}", "images", text.data);
        mask_request(request);
        shown = json_string_value(json_array_get(json_object_get(request, "images"), 0));
        assert_int_equal(strcmp(shown, text.data) != 0, cases[i].is_file);
        if (cases[i].is_file) {
            assert_true(strlen(shown) < 100);
            assert_int_equal(strncmp(shown, text.data, strlen(cases[i].head) + 8), 0);
            assert_non_null(strstr(shown, " characters)"));
        }
        json_decref(request);
        buf_clear(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_masked),
        cmocka_unit_test(test_files_are_shortened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
