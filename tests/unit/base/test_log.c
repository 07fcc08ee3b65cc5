// Lines of the log, as text and as JSON.
#include "core/base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log_repeats.h"
#include "tests/support/check.h"

// What is written to the standard error meanwhile.
static void catch_line(char line[4096], bool is_json, const char *format, const char *value)
{
    int ends[2], kept = dup(STDERR_FILENO);
    ssize_t len;

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
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
        log_flush();
        catch_line(line, false, cases[i].format, cases[i].value);
        if (strstr(line, cases[i].text) == NULL)
            fail_msg("%s", line);
        log_flush(); // or it would be a trouble that was told
        catch_line(line, true, cases[i].format, cases[i].value);
        if (strstr(line, cases[i].json) == NULL ||
            strstr(line, "\"level\":\"warn\",\"event\":\"a.event\"") == NULL)
            fail_msg("%s", line);
    }
}

// Repeats.

static char told[4096];

static void note_repeat(const struct log_repeat *repeat)
{
    size_t len = strlen(told);

    snprintf(told + len, sizeof told - len, "%s %s %u\n", repeat->event, repeat->text,
             repeat->count);
}

static bool has(struct log_repeats *repeats, const char *event, const char *text, int64_t now_ms)
{
    return log_repeats_has(repeats, LOG_WARN, event, text, text, now_ms, note_repeat);
}

static void test_a_repeated_trouble_is_counted(void **state)
{
    static struct log_repeats repeats;
    (void)state;

    told[0] = '\0';
    assert_false(has(&repeats, "redis.down", "refused", 0));
    for (int i = 1; i < 6; i++)
        assert_true(has(&repeats, "redis.down", "refused", i));
    assert_false(has(&repeats, "redis.down", "reset", 6));
    assert_false(has(&repeats, "hook.down", "refused", 7));
    log_repeats_tell(&repeats, LOG_QUIET_MS - 1, note_repeat);
    assert_string_equal(told, "");
    // A trouble that goes on is told once in a while; one that didn't come again is forgotten.
    log_repeats_tell(&repeats, LOG_QUIET_MS + 7, note_repeat);
    assert_string_equal(told, "redis.down refused 5\n");
    assert_true(has(&repeats, "redis.down", "refused", LOG_QUIET_MS + 8));
    assert_false(has(&repeats, "redis.down", "reset", LOG_QUIET_MS + 8));
    // By itself, with the next line.
    assert_false(has(&repeats, "another", "line", 2 * LOG_QUIET_MS + 8));
    assert_string_equal(told, "redis.down refused 5\nredis.down refused 1\n");
}

static void test_a_trouble_that_is_over_is_told_anew(void **state)
{
    static struct log_repeats repeats;
    (void)state;

    told[0] = '\0';
    assert_false(has(&repeats, "redis.down", "refused", 0));
    assert_true(has(&repeats, "redis.down", "refused", 1));
    assert_false(has(&repeats, "other", "refused", 1));
    log_repeats_forget(&repeats, "redis.down", note_repeat);
    assert_string_equal(told, "redis.down refused 1\n");
    assert_false(has(&repeats, "redis.down", "refused", 2));
    assert_true(has(&repeats, "other", "refused", 2));
    log_repeats_forget(&repeats, NULL, note_repeat);
    assert_string_equal(told, "redis.down refused 1\nother refused 1\n");
}

static void test_no_number_of_troubles_is_too_large(void **state)
{
    static struct log_repeats repeats;
    char text[LOG_REPEATS_TEXT + 100];
    (void)state;

    told[0] = '\0';
    for (int i = 0; i < 3 * LOG_REPEATS; i++) {
        memset(text, 'a', sizeof text);
        snprintf(text, sizeof text, "error=%d", i);
        text[strlen(text)] = ' '; // the rest is long
        text[sizeof text - 1] = '\0';
        assert_false(has(&repeats, "e", text, i));
        assert_true(has(&repeats, "e", text, i));
    }
    // Each that made room was told with its count.
    assert_non_null(strstr(told, "e error=0 aaa"));
}

static void test_the_same_line_is_written_once(void **state)
{
    char line[4096];
    (void)state;

    log_flush();
    catch_line(line, false, "error=\"%s\"", "again");
    log_write(LOG_WARN, "a.event", "error=\"%s\"", "again"); // nothing to be seen
    catch_line(line, false, "error=\"%s\"", "something else");
    assert_null(strstr(line, "again"));
    log_trouble(LOG_DEBUG, "a", "a.event", "n=%d", 1); // below the threshold
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_repeated_trouble_is_counted),
        cmocka_unit_test(test_a_trouble_that_is_over_is_told_anew),
        cmocka_unit_test(test_no_number_of_troubles_is_too_large),
        cmocka_unit_test(test_the_same_line_is_written_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
