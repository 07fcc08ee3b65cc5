// Command lines: what is understood, and the one line that is said of what isn't.
#include <string.h>

#include "core/base/buf.h"
#include "providers/provider.h"
#include "scheduler/cli/cli_command.h"
#include "scheduler/cli/cli_family.h"
#include "scheduler/cli/cli_verb.h"
#include "tests/support/check.h"

enum { WORDS_MAX = 12, NOW_S = 1700000000 };

// `is` is what is said, or, of what is understood, "verb word word -x=value …".
static const struct {
    const char *words[WORDS_MAX];
    bool is_fine;
    const char *is;
} cases[] = {
    {{"get", "task_1"}, true, "get task_1"},
    {{"-u", "http://x", "get", "task_1", "-o", "json"},
     true,
     "get task_1 --url=http://x --output=json"},
    {{"get", "-uhttp://x", "task_1"}, true, "get task_1 --url=http://x"},
    {{"list", "--status=failed", "--limit", "5"}, true, "list --status=failed --limit=5"},
    {{"list", "--key", "shop", "-k", "sk-1"}, true, "list --api-key=sk-1 --key=shop"},
    {{"submit", "kling", "-d", "-"}, true, "submit kling --data=-"},
    {{"submit", "/v1/videos", "-F", "a=b", "-F", "c=@d", "--watch"},
     true,
     "submit /v1/videos --form=c=@d --watch= (a=b) (c=@d)"},
    {{"get", "--", "-odd"}, true, "get -odd"},
    {{"serve", "-c", "x.json", "--roles", "api"}, true, "serve --config=x.json --roles=api"},
    {{"--help"}, true, "nothing --help="},
    {{"submit", "--help"}, true, "submit --help="},
    {{"--version"}, true, "nothing --version="},
    {{NULL}, false, "there is nothing to do; usage: spool VERB"},
    {{"serv"}, false, "there is no verb \"serv\" (is it \"serve\"?); usage: spool VERB"},
    {{"conjure"}, false, "there is no verb \"conjure\"; usage: spool VERB"},
    {{"get"}, false, "get lacks something; usage: spool get ID"},
    {{"get", "a", "b"}, false, "get: \"b\" is too much; usage: spool get ID"},
    {{"get", "a", "--wathc"}, false, "get has no option --wathc; usage: spool get ID"},
    {{"watch", "a", "--timeuot=3"}, false, "watch has no option --timeuot (is it --timeout?);"},
    {{"get", "a", "--watch"}, false, "get has no option --watch; usage: spool get ID"},
    {{"get", "a", "-x"}, false, "get has no option -x; usage: spool get ID"},
    {{"--nonsense"}, false, "spool has no option --nonsense; usage: spool VERB"},
    {{"get", "a", "-o"}, false, "--output needs a value, FORM; usage: spool get ID"},
    {{"watch", "a", "--all=yes"}, false, "--all takes no value; usage: spool watch"},
    {{"get", "a", "-o", "xml"}, false, "--output: must be one of: table json id"},
    {{"get", "a", "-o", ""}, false, "--output: must be one of: table json id"},
    {{"get", "a", "-o", "table json"}, false, "--output: must be one of: table json id"},
    {{"submit", "kling", "-d", "{}", "--idempotency-key", ""},
     false,
     "--idempotency-key: must not be empty"},
    {{"hooks", "exhausted", "--redeliver", "--host="}, false, "--host: must not be empty"},
    {{"list", "-k", "", "-u", ""}, true, "list --url= --api-key="},
};

static void write_command(const struct cli_command *command, struct buf *to)
{
    buf_str(to, command->verb == NULL ? "nothing" : command->verb->name);
    for (size_t i = 0; i < command->word_count; i++)
        buf_fmt(to, " %s", command->words[i]);
    for (int option = 0; option < CLI_OPTION_COUNT; option++)
        if (command->values[option] != NULL)
            buf_fmt(to, " --%s=%s", cli_options[option].name, command->values[option]);
    for (size_t i = 0; i < command->form_count; i++)
        buf_fmt(to, " (%s)", command->forms[i]);
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *argv[WORDS_MAX + 2] = {(char *)"spool"};
        struct cli_command command;
        struct buf said = {0};
        int argc = 1;
        bool is_fine, is_as_said;

        while (argc <= WORDS_MAX && cases[i].words[argc - 1] != NULL) {
            argv[argc] = (char *)cases[i].words[argc - 1];
            argc++;
        }
        is_fine = cli_command_read(&command, argc, argv, &said);
        if (is_fine)
            write_command(&command, &said);
        is_as_said = cases[i].is_fine
                         ? strcmp(buf_text(&said), cases[i].is) == 0
                         : strncmp(buf_text(&said), cases[i].is, strlen(cases[i].is)) == 0;
        if (is_fine != cases[i].is_fine || !is_as_said || strchr(buf_text(&said), '\n') != NULL)
            fail_msg("%zu: \"%s\" isn't \"%s\"", i, buf_text(&said), cases[i].is);
        buf_clear(&said);
        cli_command_clear(&command);
    }
}

// What each table says is true of the other.
static void test_tables(void **state)
{
    (void)state;
    for (const struct cli_verb *verb = cli_verbs; verb->name != NULL; verb++) {
        assert_true(verb->least <= verb->most);
        assert_true(*verb->about != '\0');
        for (int option = 0; option < CLI_OPTION_COUNT; option++) {
            const struct cli_option_row *row = &cli_options[option];
            char text[40];

            // The usage names every option of its own.
            if ((verb->options & CLI_WITH(option)) == 0 || option <= CLI_OUTPUT ||
                strcmp(verb->name, "check-config") == 0)
                continue;
            snprintf(text, sizeof text, "--%s", row->name);
            if (row->letter != 0)
                snprintf(text, sizeof text, "-%c", row->letter);
            if (strstr(verb->usage, text) == NULL)
                fail_msg("the usage of %s leaves %s out", verb->name, text);
        }
    }
    for (int a = 0; a < CLI_OPTION_COUNT; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(cli_options[a].name, cli_options[b].name);
            assert_true(cli_options[a].letter == 0 ||
                        cli_options[a].letter != cli_options[b].letter);
        }
    }
}

static const struct {
    const char *text;
    int64_t ms; // -1: refused
} times[] = {
    {"90s", (NOW_S - 90) * 1000LL},
    {"30m", (NOW_S - 1800) * 1000LL},
    {"2h", (NOW_S - 7200) * 1000LL},
    {"1d", (NOW_S - 86400) * 1000LL},
    {"1774567890123", 1774567890123},
    {"2026-03-27", 1774569600000},
    {"2026-03-27T10:00", 1774605600000},
    {"2026-03-27T10:00:05Z", 1774605605000},
    {"", -1},
    {"yesterday", -1},
    {"5", -1},
    {"5w", -1},
    {"-5m", -1},
    {"2026-13-01", -1},
    {"2026-03-27T10:00:05+01:00", -1},
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct cli_command command = {.values = {[CLI_SINCE] = times[i].text}};
        int64_t ms = -1;
        struct err err;
        bool ok = cli_command_time(&command, CLI_SINCE, NOW_S * 1000LL, &ms, &err);

        if (ok != (times[i].ms >= 0) || ms != times[i].ms)
            fail_msg("\"%s\": %lld", times[i].text, (long long)ms);
        if (!ok)
            assert_int_equal(err.code, ERR_CONFIG);
    }
}

static void test_numbers(void **state)
{
    static const char *const wrong[] = {"", "x", "-1", "1x", "0", "65536", " 1", "1e3"};
    struct cli_command command = {.values = {[CLI_PORT] = "8088", [CLI_TIMEOUT] = "1.5"}};
    int64_t number = 5;
    struct err err;

    (void)state;
    assert_true(cli_command_number(&command, CLI_LIMIT, 1, 65535, &number, &err));
    assert_int_equal(number, 5);
    assert_true(cli_command_number(&command, CLI_PORT, 1, 65535, &number, &err));
    assert_int_equal(number, 8088);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        command.values[CLI_PORT] = wrong[i];
        assert_false(cli_command_number(&command, CLI_PORT, 1, 65535, &number, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        assert_memory_equal(err.message, "--port: ", 8);
    }
    assert_true(cli_command_seconds(&command, CLI_TIMEOUT, &number, &err));
    assert_int_equal(number, 1500);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bool is_number = i == 4 || i == 5 || i == 7;

        command.values[CLI_TIMEOUT] = wrong[i];
        assert_int_equal(cli_command_seconds(&command, CLI_TIMEOUT, &number, &err), is_number);
    }
}

static void test_families(void **state)
{
    size_t count = 0;

    (void)state;
    while (cli_family_at(count) != NULL)
        count++;
    assert_true(count >= 5);
    assert_string_equal(cli_family_find("midjourney")->example.path, "/mj/submit/imagine");
    assert_null(cli_family_find("nobody"));
    assert_null(cli_family_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_times), cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_families)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
