// The jobs that -d gives.
#include <string.h>

#include "core/base/mem.h"
#include "scheduler/cli/cli_jobs.h"
#include "tests/support/check.h"

enum { JOBS_MAX = 3 };

// `wrong` NULL: these jobs, in these lines.
static const struct {
    const char *text;
    const char *jobs[JOBS_MAX];
    unsigned lines[JOBS_MAX];
    const char *wrong;
} cases[] = {
    {"{\"a\":1}", {"{\"a\":1}"}, {1}, NULL},
    {"\xef\xbb\xbf{}\n", {"{}"}, {1}, NULL},
    {"{\"a\":1}\n{\"b\":2}\n", {"{\"a\":1}", "{\"b\":2}"}, {1, 2}, NULL},
    {"\n\n{\n \"a\": 1\n}\r\n\r\n{}", {"{\n \"a\": 1\n}", "{}"}, {3, 7}, NULL},
    {"{} {}", {"{}", "{}"}, {1, 1}, NULL},
    {"", {0}, {0}, "f: line 1: there is nothing in it"},
    {" \n", {0}, {0}, "f: line 2: there is nothing in it"},
    {"[{}]", {0}, {0}, "f: line 1: isn't a JSON object"},
    {"{}\n5", {0}, {0}, "f: line 2: "},
    {"{}\n{\"a\":}\n", {0}, {0}, "f: line 2: "},
    {"{}\n{\n\"a\":\n}\n", {0}, {0}, "f: line 4: "},
    {"{}\n{\"a\"", {0}, {0}, "f: line 2: "},
    {"prompt", {0}, {0}, "f: line 1: "},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_jobs jobs = {.name = "f"};
        struct err err = {0};
        bool ok = cli_jobs_parse(&jobs, mem_str(cases[i].text), strlen(cases[i].text), &err);

        if (ok != (cases[i].wrong == NULL))
            fail_msg("%zu: %s", i, err.message);
        if (!ok && (err.code != ERR_CONFIG ||
                    strncmp(err.message, cases[i].wrong, strlen(cases[i].wrong)) != 0))
            fail_msg("%zu: %s", i, err.message);
        for (size_t k = 0; ok && k < jobs.count; k++) {
            const struct cli_job *job = &jobs.jobs[k];

            assert_true(k < JOBS_MAX && cases[i].jobs[k] != NULL);
            assert_int_equal(job->line, cases[i].lines[k]);
            assert_int_equal(job->len, strlen(cases[i].jobs[k]));
            assert_memory_equal(job->text, cases[i].jobs[k], job->len);
        }
        assert_true(!ok || jobs.count == JOBS_MAX || cases[i].jobs[jobs.count] == NULL);
        cli_jobs_clear(&jobs);
    }
}

static void test_command_line(void **state)
{
    struct cli_jobs jobs = {0};
    struct err err;

    (void)state;
    assert_true(cli_jobs_read(&jobs, "{\"prompt\":\"x\"}", &err));
    assert_int_equal(jobs.count, 1);
    cli_jobs_clear(&jobs);
    assert_false(cli_jobs_read(&jobs, "prompt", &err));
    assert_memory_equal(err.message, "-d: ", 4);
    cli_jobs_clear(&jobs);
    assert_false(cli_jobs_read(&jobs, "@/nowhere/jobs.json", &err));
    assert_string_equal(err.message, "/nowhere/jobs.json: No such file or directory");
    assert_int_equal(err.code, ERR_CONFIG);
    cli_jobs_clear(&jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_command_line)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
