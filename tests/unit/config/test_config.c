// The configuration: defaults, overrides, and errors that name the key.
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/config/mistakes.h"
#include "tests/support/check.h"

#define ACCOUNT                                                                                    \
    "\"accounts\":[{\"name\":\"a\",\"provider\":\"midjourney\",\"base_url\":\"http://v\"}]"

static const char *no_env(const char *name)
{
    return strcmp(name, "TWO_LINES") == 0 ? "one\ntwo" : NULL;
}

static const char *some_env(const char *name)
{
    if (strcmp(name, "SPOOL_LISTEN") == 0)
        return "127.0.0.1:9000";
    if (strcmp(name, "SPOOL_ROLES") == 0)
        return "worker,webhook";
    return strcmp(name, "MJ_KEY") == 0 ? "sk-from-env" : NULL;
}

static void test_errors(void **state)
{
    static const struct {
        const char *name, *text, *error;
    } cases[] = {
        {"not JSON", "{", "line 1"},
        {"no account", "{}", "accounts: at least one"},
        {"unknown key", "{\"liste\":\"x\"," ACCOUNT "}", "liste: unknown key"},
        {"duplicate key", "{\"listen\":\"a:1\",\"listen\":\"a:1\"}", "duplicate"},
        {"nested unknown key", "{\"webhook\":{\"secrt\":\"\"}}", "webhook.secrt: unknown key"},
        {"wrong type", "{\"queue_limit\":\"many\"}", "queue_limit: must be an integer"},
        {"negative", "{\"queue_limit\":-1}", "queue_limit: must be between"},
        {"too short to wait", "{\"queue_timeout_ms\":49}", "queue_timeout_ms: must be between 50"},
        {"no network", "{\"allow_networks\":[\"10.0.0.0/8\",\"10.0.0.1/8\"]}",
         "allow_networks.1: must be a network"},
        {"too short", "{\"lease_ms\":49}", "lease_ms: must be between 50"},
        {"bad word", "{\"log_level\":\"loud\"}", "log_level: must be one of: error, warn"},
        {"bad role", "{\"roles\":[\"cook\"]}", "roles: a role must be"},
        {"listen", "{\"listen\":\"8080\"}", "listen: must be HOST:PORT"},
        {"in an account", "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"weight\":true}]}",
         "accounts.0.weight: must be an integer"},
        {"account's name", "{\"accounts\":[{\"name\":\"../a\",\"provider\":\"m\"}]}",
         "accounts.0: name:"},
        {"base_url",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"base_url\":\"ftp://x\"}]}",
         "base_url: must be an http"},
        {"variable", "{\"redis_url\":\"env:NOPE\"," ACCOUNT "}",
         "redis_url: the environment variable NOPE"},
        {"tokens", "{\"listen\":\"0.0.0.0:1\"," ACCOUNT "}", "tokens: required"},
        {"tokens of operators' listener", "{\"admin_listen\":\"0.0.0.0:1\"," ACCOUNT "}",
         "tokens: required where admin_listen"},
        {"same account twice",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\"},{\"name\":\"a\",\"provider\":\"m\"}]}",
         "accounts.1.name: a is already taken"},
        {"a line break in a key", "{\"webhook\":{\"a\\nb\":1}}", "webhook: a key has a line break"},
        {"no hours", "{\"retention_hours\":0.001}", "retention_hours: must be between"},
        {"no number of hours", "{\"retention_hours\":\"1\"}", "retention_hours: must be a number"},
        {"a line break in a name", "{\"tokens\":[{\"name\":\"a\\nb\",\"key\":\"k\"}]}",
         "tokens.0.name: has a line break"},
        {"a space in a name", "{\"tokens\":[{\"name\":\"a b\",\"key\":\"k\"}]}",
         "tokens.0.name: must be 1 to 64"},
        {"a dot before a name", "{\"tokens\":[{\"name\":\".a\",\"key\":\"k\"}]}",
         "tokens.0.name: must be 1 to 64"},
        {"a header in a key", "{\"tokens\":[{\"name\":\"a\",\"key\":\"k\\r\\nX: y\"}]}",
         "tokens.0.key: has a line break"},
        {"a header in an account's key",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"api_key\":\"k\\r\\nX: y\"}]}",
         "accounts.0.api_key: has a line break"},
        {"a header in a variable", "{\"data_dir\":\"env:TWO_LINES\"," ACCOUNT "}",
         "data_dir: the environment variable TWO_LINES has a line break"},
        {"a line break in a model",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"models\":{\"x\\ny\":\"z\"}}]}",
         "accounts.0.models: a name has a line break"},
        {"a line break in what a model is called",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"models\":{\"x\":\"z\\u007f\"}}]}",
         "accounts.0.models.x: has a line break"},
        {"a key that is no text",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"region\":1}]}",
         "accounts.0.region: unknown key"},
        {"a file that isn't there",
         "{\"accounts\":[{\"name\":\"a\",\"provider\":\"m\",\"key_file\":\"/nowhere/k.json\"}]}",
         "accounts.0.key_file: /nowhere/k.json: No such file"},
        {"a space in public_url", "{\"public_url\":\"http://a b\"}", "public_url: must be"},
        {"a query in public_url", "{\"public_url\":\"http://a/?b\"}", "public_url: must be"},
        {"a space in an endpoint", "{\"storage\":{\"endpoint\":\"http://a/ b\"}}",
         "storage.endpoint: must be"},
        {"no host", "{\"listen\":\"[]:80\"}", "listen: must be HOST:PORT"},
        {"rediss", "{\"redis_url\":\"rediss://h:1\"," ACCOUNT "}", "stunnel"},
        {"redis", "{\"redis_url\":\"http://h:1\"," ACCOUNT "}", "redis_url: must be"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct err err = {0};
        bool ok = config_parse(&config, cases[i].text, strlen(cases[i].text), no_env, NULL, &err);

        if (ok || strstr(err.message, cases[i].error) == NULL)
            fail_msg("%s: \"%s\"", cases[i].name, ok ? "accepted" : err.message);
        assert_int_equal(err.code, ERR_CONFIG);
        config_clear(&config);
    }
}

static void test_defaults(void **state)
{
    static const char text[] = "{" ACCOUNT "}";
    struct config config;
    struct err err;

    (void)state;
    assert_true(config_parse(&config, text, sizeof text - 1, no_env, NULL, &err));
    assert_string_equal(config.listen_host, "127.0.0.1");
    assert_int_equal(config.listen_port, 8080);
    assert_string_equal(config.public_url, "http://127.0.0.1:8080");
    assert_int_equal(config.roles, ROLE_API | ROLE_WORKER | ROLE_WEBHOOK);
    assert_int_equal(config.webhook.retry_count, 3);
    assert_int_equal(config.webhook.retry_delays_ms[2], 60000);
    assert_int_equal(config.accounts[0].max_concurrency, 12);
    assert_true(config.accounts[0].is_limit_by_default);
    assert_int_equal(config.queue_timeout_ms, 24 * 3600 * 1000);
    assert_int_equal(config.vendors_reach.count, 0);
    assert_false(config.clients_reach.anywhere);
    assert_int_equal(config.token_count, 1);
    assert_true(secret_equals(&config.tokens[0].key, "sk-dev"));
    config_clear(&config);
}

// As if they weren't there.
static void test_empty_arrays(void **state)
{
    static const char text[] =
        "{\"tokens\":[],\"webhook\":{\"secret\":[],\"retry_delays_ms\":[]}," ACCOUNT "}";
    struct config config;
    struct err err = {0};
    (void)state;

    assert_true(config_parse(&config, text, strlen(text), no_env, NULL, &err));
    assert_int_equal(config.token_count, 1);
    assert_string_equal(config.tokens[0].name, "dev");
    assert_int_equal(config.webhook.secret_count, 0);
    assert_int_equal(config.webhook.retry_count, 0);
    config_clear(&config);
}

static void test_order(void **state)
{
    static const char text[] =
        "{\"listen\":\"127.0.0.1:1\",\"queue_timeout_ms\":0,\"allow_networks\":[\"10.0.0.0/8\"],"
        "\"webhook\":{\"allow_private_networks\":true},\"accounts\":[{\"name\":\"a\",\"provider\":"
        "\"m\","
        "\"base_url\":\"http://v/\",\"api_key\":\"env:MJ_KEY\",\"models\":{\"x\":\"y\"},"
        "\"max_concurrency\":12}]}";
    struct config_flags flags = {.listen = "[::1]:7"};
    struct config config;
    struct err err;

    (void)state;
    assert_true(config_parse(&config, text, sizeof text - 1, some_env, NULL, &err));
    assert_int_equal(config.listen_port, 9000);
    assert_int_equal(config.roles, ROLE_WORKER | ROLE_WEBHOOK);
    assert_int_equal(config.queue_timeout_ms, 0);
    assert_int_equal(config.clients_reach.count, 1);
    assert_true(config.clients_reach.anywhere);
    assert_false(config.vendors_reach.anywhere);
    assert_string_equal(secret_reveal(account_key(&config.accounts[0], "api_key")), "sk-from-env");
    assert_string_equal(config.accounts[0].base_url, "http://v");
    assert_string_equal(account_model(&config.accounts[0], "x"), "y");
    assert_null(account_model(&config.accounts[0], "z"));
    assert_false(config.accounts[0].is_limit_by_default);
    assert_ptr_equal(config_account(&config, "a"), &config.accounts[0]);
    config_clear(&config);
    assert_true(config_parse(&config, text, sizeof text - 1, some_env, &flags, &err));
    assert_string_equal(config.listen_host, "::1");
    assert_string_equal(config.public_url, "http://[::1]:7");
    config_clear(&config);
}

// Nothing is read past the end of a value, however short it is: ASan looks.
static void test_all_beginnings(void **state)
{
    static const struct {
        const char *before, *value, *after;
    } cases[] = {
        {"{\"storage\":{\"access_key\":\"a\",\"secret_key\":\"s\",\"url\":\"",
         "s3://bucket/some/prefix/", "\"},"},
        {"{\"storage\":{\"url\":\"s3://b\",\"endpoint\":\"", "https://[::1]:80/x/", "\"},"},
        {"{\"listen\":\"", "[::1]:8080", "\","},
        {"{\"public_url\":\"", "https://user@host:80/path//", "\","},
        {"{\"redis_url\":\"", "redis://user:p%40ss@[::1]:6379/15", "\","},
        {"{\"redis_url\":\"", "unix:///a/b", "\","},
        {"{\"allow_networks\":[\"", "fd00::/8", "\"],"},
        {"{\"log_level\":\"", "env:NAME", "\","},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t len = 0; len <= strlen(cases[i].value); len++) {
            struct buf text = {0};
            struct config config;
            struct err err;

            buf_str(&text, cases[i].before);
            buf_add(&text, cases[i].value, len);
            buf_fmt(&text, "%s" ACCOUNT "}", cases[i].after);
            if (config_parse(&config, text.data, text.len, no_env, NULL, &err))
                assert_true(*config.listen_host != '\0');
            config_clear(&config);
            buf_clear(&text);
        }
    }
}

static void test_half_an_hour(void **state)
{
    static const char text[] = "{\"retention_hours\":0.5," ACCOUNT "}";
    struct config config;
    struct err err;

    (void)state;
    assert_true(config_parse(&config, text, sizeof text - 1, no_env, NULL, &err));
    assert_int_equal(config.retention_ms, 1800000);
    config_clear(&config);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *key;
        bool is_there;
    } keys[] = {{"accounts", true},        {"accounts.1", true},
                {"accounts.1.name", true}, {"accounts.1.na", false},
                {"accounts.10", false},    {"accounts.11", true},
                {"account", false},        {"listen", true},
                {"listen.x", false},       {"", false}};
    struct config_mistakes mistakes = {0};
    struct err err;

    (void)state;
    assert_false(config_mistakes_has(&mistakes, "listen"));
    err_set(&err, ERR_CONFIG, "accounts.1.name: is already taken");
    config_mistakes_add(&mistakes, &err);
    err_set(&err, ERR_CONFIG, "accounts.11: must be an object");
    config_mistakes_add(&mistakes, &err);
    err_set(&err, ERR_CONFIG, "listen: must be a string");
    config_mistakes_add(&mistakes, &err);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (config_mistakes_has(&mistakes, "%s", keys[i].key) != keys[i].is_there)
            fail_msg("%s", keys[i].key);
    assert_string_equal(mistakes.list[0].message, "accounts.1.name: is already taken");
    config_mistakes_clear(&mistakes);
    assert_int_equal(mistakes.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),    cmocka_unit_test(test_errors),
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_empty_arrays),
        cmocka_unit_test(test_order),       cmocka_unit_test(test_all_beginnings),
        cmocka_unit_test(test_half_an_hour)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
