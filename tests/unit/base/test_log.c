// Lines of the log, as text and as JSON.
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check.h"

// What is written to the standard error meanwhile.
static void catch_line(char line[4096], bool is_json, const char *format, const char *value)
{
    int ends[2], kept = dup(STDERR_FILENO);
    ssize_t len;

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_threshold = LOG_INFO;
    log_is_json = is_json;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    log_write(LOG_WARN, "a.event", format, value);
#pragma GCC diagnostic pop
    log_is_json = false;
    dup2(kept, STDERR_FILENO);
    len = read(ends[0], line, 4095);
    assert_true(len > 0);
    line[len] = '\0';
    close(ends[0]);
    close(ends[1]);
    close(kept);
}

static void test_lines(void **state)
{
    static const struct {
        const char *format, *value, *text, *json;
    } cases[] = {
        {"task=%s n=1", "task_1", "warn  a.event task=task_1 n=1\n",
         "\"task\":\"task_1\",\"n\":\"1\"}\n"},
        {"error=\"%s\" n=1", "a b", "error=\"a b\" n=1\n", "\"error\":\"a b\",\"n\":\"1\"}\n"},
        {"n=1 error=\"%s\"", "say \"a\" now", "error=\"say \"a\" now\"\n",
         "\"error\":\"say \\\"a\\\" now\"}\n"},
        {"n=1 error=\"%s\"", "line\nbreak", "error=\"line break\"\n",
         "\"error\":\"line break\"}\n"},
        {"error=\"%s\"", "\xff", "error=\"\xff\"\n", "\"error\":\"\xef\xbf\xbd\"}\n"},
        {"empty= last=%s", "x", "empty= last=x\n", "\"empty\":\"\",\"last\":\"x\"}\n"},
    };
    char line[4096];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        catch_line(line, false, cases[i].format, cases[i].value);
        if (strstr(line, cases[i].text) == NULL)
            fail_msg("%s", line);
        catch_line(line, true, cases[i].format, cases[i].value);
        if (strstr(line, cases[i].json) == NULL ||
            strstr(line, "\"level\":\"warn\",\"event\":\"a.event\"") == NULL)
            fail_msg("%s", line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
