// The keys of accounts: what each dialect lacks, and what is too much. The manual has the same
// list.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "providers/provider.h"
#include "tests/support/check.h"

static const struct {
    const char *provider, *dialect, *base_url;
    const char *keys;  // "name=value name=value"
    const char *error; // how the message begins; NULL: it is fine
} cases[] = {
    {"midjourney", NULL, "http://v", "", NULL}, // a proxy may want no key
    {"midjourney", NULL, "http://v", "api_key=k", NULL},
    {"midjourney", NULL, NULL, "", "base_url: midjourney's dialect proxy needs it"},
    {"midjourney", NULL, "", "", "base_url: midjourney's dialect proxy needs it"},
    {"midjourney", "relay", "http://v", "", "api_key: midjourney's dialect relay needs it"},
    {"midjourney", NULL, "http://v", "region=x",
     "region: midjourney's dialect proxy takes no such"},
    {"kling", NULL, "http://v", "access_key=a secret_key=b", NULL},
    {"kling", NULL, "http://v", "access_key=a", "secret_key: kling's dialect official needs it"},
    {"kling", NULL, "http://v", "secret_key=b", "access_key: kling's dialect official needs it"},
    {"kling", NULL, "http://v", "access_key=a secret_key=b api_key=c", NULL},
    {"kling", "relay", "http://v", "api_key=k", NULL},
    {"kling", "relay", "http://v", "api_key=k access_key=a", "access_key: kling's dialect relay"},
    {"jimeng", NULL, "http://v", "access_key=a secret_key=b", NULL},
    {"jimeng", "volc", "http://v", "access_key=a secret_key=b session_token=c", NULL},
    {"jimeng", NULL, "http://v", "access_key=a", "secret_key: jimeng's dialect volc needs it"},
    {"jimeng", NULL, "http://v", "secret_key=b", "access_key: jimeng's dialect volc needs it"},
    {"jimeng", NULL, NULL, "access_key=a secret_key=b", "base_url: jimeng's dialect volc needs it"},
    {"jimeng", NULL, "http://v", "access_key=a secret_key=b region=x",
     "region: jimeng's dialect volc takes no such"},
    {"jimeng", "relay", "http://v", "api_key=k", NULL},
    {"jimeng", "relay", "http://v", "", "api_key: jimeng's dialect relay needs it"},
    {"jimeng", "relay", "http://v", "api_key=k session_token=c",
     "session_token: jimeng's dialect relay takes no such"},
    {"veo", "vertex", NULL, "", "service_account_file: veo's dialect vertex needs it"},
    {"veo", "vertex", NULL, "service_account_file=f", "service_account_file: the file must have"},
    {"veo", "vertex", NULL,
     "service_account_file=f service_account_file.client_email=e "
     "service_account_file.project_id=p service_account_file.private_key=k "
     "service_account_file.client_id=1",
     NULL},
    {"veo", "vertex", NULL,
     "service_account_file=f service_account_file.client_email=e "
     "service_account_file.project_id=p service_account_file.private_key=k region=x/y",
     "region: must be the name of a region"},
    {"veo", "gemini", "http://v", "api_key=k region=us", "region: veo's dialect gemini takes no"},
    {"seedance", NULL, "http://v", "api_key=k", NULL},
    {"seedance", "relay", "http://v", "api_key=k", NULL},
    {"suno", NULL, "http://v", "api_key=k", NULL},
    {"gemini", NULL, "http://v", "api_key=k", NULL},
    {"gemini", "gemini", NULL, "api_key=k", "base_url: gemini's dialect gemini needs it"},
    {"gemini", NULL, "http://v", "", "api_key: gemini's dialect gemini needs it"},
    {"gemini", NULL, "http://v", "api_key=k region=us", "region: gemini's dialect gemini takes no"},
    {"gemini", "vertex", NULL, "", "service_account_file: gemini's dialect vertex needs it"},
    {"gemini", "vertex", NULL, "service_account_file=f", "service_account_file: the file must"},
    {"gemini", "relay", "http://v", "api_key=k", NULL},
    {"gemini", "relay", "http://v", "", "api_key: gemini's dialect relay needs it"},
    {"gemini", "official", "http://v", "api_key=k", "dialect: gemini has no dialect"},
    {"ideogram", NULL, "http://v", "api_key=k", NULL},
    {"ideogram", NULL, "http://v", "", "api_key: ideogram's dialect official needs it"},
    {"ideogram", NULL, NULL, "api_key=k", "base_url: ideogram's dialect official needs it"},
    {"ideogram", "official", "http://v", "api_key=k region=x",
     "region: ideogram's dialect official takes no such"},
    {"ideogram", "relay", "http://v", "api_key=k", NULL},
    {"ideogram", "relay", "http://v", "", "api_key: ideogram's dialect relay needs it"},
    {"ideogram", "v2", "http://v", "api_key=k", NULL},
    {"ideogram", "v2", "http://v", "api_key=k webhook_keys_url=https://k/jwks.json", NULL},
    {"ideogram", "v2", "http://v", "api_key=k webhook_keys_url=jwks.json",
     "webhook_keys_url: must be an http or https URL"},
    {"ideogram", "v2", "http://v", "", "api_key: ideogram's dialect v2 needs it"},
    {"ideogram", "v2", NULL, "api_key=k", "base_url: ideogram's dialect v2 needs it"},
    {"ideogram", "official", "http://v", "api_key=k webhook_keys_url=https://k/",
     "webhook_keys_url: ideogram's dialect official takes no such"},
    {"ideogram", "v3", "http://v", "api_key=k", "dialect: ideogram has no dialect \"v3\""},
    {"fal", NULL, "http://v", "api_key=k", NULL},
    {"fal", NULL, "http://v", "api_key=k webhook_keys_url=https://k/jwks.json", NULL},
    {"fal", NULL, "http://v", "api_key=k webhook_keys_url=http://127.0.0.1:1/", NULL},
    {"fal", NULL, "http://v", "api_key=k webhook_keys_url=jwks.json",
     "webhook_keys_url: must be an http or https URL"},
    {"fal", "official", "http://v", "api_key=k webhook_keys_url=ftp://k/",
     "webhook_keys_url: must be an http or https URL"},
    {"fal", NULL, "http://v", "", "api_key: fal's dialect official needs it"},
    {"fal", NULL, NULL, "api_key=k", "base_url: fal's dialect official needs it"},
    {"fal", "relay", "http://v", "api_key=k", NULL},
    {"fal", "relay", "http://v", "api_key=k webhook_keys_url=https://k/",
     "webhook_keys_url: fal's dialect relay takes no such"},
    {"sora", NULL, "http://v", "api_key=k", NULL},
    {"luma", NULL, "http://v", "api_key=k", NULL},
    {"luma", NULL, "http://v", "", "api_key: luma's dialect dream_machine needs it"},
    {"luma", "agents", NULL, "api_key=k", "base_url: luma's dialect agents needs it"},
    {"luma", "agents", "http://v", "api_key=k secret_key=x",
     "secret_key: luma's dialect agents takes no such"},
    {"luma", "relay", "http://v", "api_key=k", NULL},
    {"sora", NULL, "http://v", "", "api_key: sora's dialect relay needs it"},
    {"wan", NULL, "http://v", "api_key=k", NULL},
    {"wan", NULL, "http://v", "", "api_key: wan's dialect dashscope needs it"},
    {"wan", NULL, NULL, "api_key=k", "base_url: wan's dialect dashscope needs it"},
    {"wan", "dashscope", "http://v", "api_key=k region=x", "region: wan's dialect dashscope takes"},
    {"wan", "relay", "http://v", "api_key=k", NULL},
    {"wan", "relay", "http://v", "", "api_key: wan's dialect relay needs it"},
    {"minimax", NULL, "http://v", "api_key=k", NULL},
    {"minimax", NULL, "http://v", "", "api_key: minimax's dialect official needs it"},
    {"minimax", NULL, NULL, "api_key=k", "base_url: minimax's dialect official needs it"},
    {"minimax", "relay", "http://v", "api_key=k", NULL},
    {"minimax", "v2", "http://v", "api_key=k", "dialect: minimax has no dialect \"v2\""},
    {"openai", NULL, "http://v", "api_key=k", NULL},
    {"openai", NULL, "http://v", "", "api_key: openai's dialect official needs it"},
    {"openai", NULL, NULL, "api_key=k", "base_url: openai's dialect official needs it"},
    {"openai", "official", "http://v", "api_key=k organization=o",
     "organization: openai's dialect official takes no such"},
    {"openai", "relay", "http://v", "api_key=k", NULL},
    {"openai", "relay", NULL, "api_key=k", "base_url: openai's dialect relay needs it"},
    {"qwen", NULL, "http://v", "api_key=k", NULL},
    {"qwen", NULL, "http://v", "", "api_key: qwen's dialect dashscope needs it"},
    {"qwen", NULL, NULL, "api_key=k", "base_url: qwen's dialect dashscope needs it"},
    {"qwen", "dashscope", "http://v", "api_key=k region=x", "region: qwen's dialect dashscope"},
    {"qwen", "relay", "http://v", "api_key=k", NULL},
    {"qwen", "relay", "http://v", "", "api_key: qwen's dialect relay needs it"},
    {"seedream", NULL, "http://v/api/v3", "api_key=k", NULL},
    {"seedream", NULL, "http://v", "", "api_key: seedream's dialect ark needs it"},
    {"seedream", NULL, NULL, "api_key=k", "base_url: seedream's dialect ark needs it"},
    {"seedream", "ark", "http://v", "api_key=k access_key=a",
     "access_key: seedream's dialect ark takes no such"},
    {"seedream", "relay", "http://v", "api_key=k", NULL},
    {"seedream", "relay", "http://v", "", "api_key: seedream's dialect relay needs it"},
    {"suno", "proxy", "http://v", "api_key=k", "dialect: suno has no dialect \"proxy\""},
    {"sonu", NULL, "http://v", "api_key=k", "provider: there is no provider \"sonu\""},
};

static void set_keys(struct account *account, const char *keys)
{
    char *copy = strdup(keys), *rest, *word;

    for (word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        account_set_key(account, word, value);
    }
    free(copy);
}

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct account account = {.name = (char *)"a",
                                  .provider_name = (char *)(uintptr_t)cases[i].provider,
                                  .dialect_name = (char *)(uintptr_t)cases[i].dialect,
                                  .base_url = (char *)(uintptr_t)cases[i].base_url};
        struct err err = {0};
        size_t at = 0;
        bool ok;

        set_keys(&account, cases[i].keys);
        ok = provider_bind(&account, &err) && !provider_find_mistake(&account, &at, &err);
        account_clear_keys(&account);
        if (ok != (cases[i].error == NULL) ||
            (!ok && strncmp(err.message, cases[i].error, strlen(cases[i].error)) != 0))
            fail_msg("%s, %s: %s", cases[i].provider, cases[i].keys, ok ? "fine" : err.message);
    }
}

// What an account doesn't say, its vendor may.
static void test_limits(void **state)
{
    static const struct {
        const char *provider, *dialect;
        bool is_limit_by_default;
        int limit;
    } limits[] = {
        {"ideogram", NULL, true, 10},  {"ideogram", "v2", true, 10},
        {"ideogram", NULL, false, 12}, {"ideogram", "relay", true, 12},
        {"kling", NULL, true, 12},
    };

    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct account account = {.name = (char *)"a",
                                  .provider_name = (char *)(uintptr_t)limits[i].provider,
                                  .dialect_name = (char *)(uintptr_t)limits[i].dialect,
                                  .max_concurrency = 12,
                                  .is_limit_by_default = limits[i].is_limit_by_default};
        struct err err;

        assert_true(provider_bind(&account, &err));
        assert_int_equal(account.max_concurrency, limits[i].limit);
    }
}

static void test_each_mistake_is_found(void **state)
{
    static const char *const expected[] = {"base_url", "access_key", "secret_key", "region"};
    struct account account = {.name = (char *)"a", .provider_name = (char *)"kling"};
    struct err err;
    size_t at = 0;

    (void)state;
    set_keys(&account, "region=x api_key=k");
    assert_true(provider_bind(&account, &err));
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(provider_find_mistake(&account, &at, &err));
        assert_memory_equal(err.message, expected[i], strlen(expected[i]));
    }
    assert_false(provider_find_mistake(&account, &at, &err));
    assert_false(provider_find_mistake(&account, &at, &err));
    account_clear_keys(&account);
}

static void read_file(const char *path, struct buf *text)
{
    FILE *file = fopen(path, "r");
    char line[512];

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        buf_str(text, line);
    fclose(file);
}

// Calls `row` for each dialect, and looks for what it makes in the text.
static void find_rows(const char *path,
                      void (*make)(const struct provider *provider, const struct dialect *dialect,
                                   struct buf *row))
{
    struct buf text = {0}, row = {0};
    const struct provider *provider;

    read_file(path, &text);
    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        for (size_t k = 0; provider->dialects[k] != NULL; k++) {
            buf_reset(&row);
            make(provider, provider->dialects[k], &row);
            if (strstr(buf_text(&text), buf_text(&row)) == NULL)
                fail_msg("%s lacks the row%s", path, row.data);
        }
    buf_clear(&text);
    buf_clear(&row);
}

// "kling Ta official Ta base_url, access_key, secret_key"
static void make_manual_row(const struct provider *provider, const struct dialect *dialect,
                            struct buf *row)
{
    const struct dialect_key *key = dialect->keys;

    buf_fmt(row, "\n.It %s Ta %s Ta ", provider->name, dialect->name);
    for (; key->name != NULL; key++)
        buf_fmt(row, key->is_required ? "%s%s" : "(%s)%s", key->name,
                key[1].name == NULL ? "\n" : ", ");
}

static void test_the_manual_has_them(void **state)
{
    (void)state;
    find_rows("scheduler/spool.json.5", make_manual_row);
}

// What a newcomer copies: the vendor's own address.
static void make_readme_row(const struct provider *provider, const struct dialect *dialect,
                            struct buf *row)
{
    if (dialect->base_url != NULL)
        buf_fmt(row, "\n| `%s` | `%s` | `%s` |", provider->name, dialect->name, dialect->base_url);
}

static void test_the_readme_has_their_addresses(void **state)
{
    (void)state;
    find_rows("README.md", make_readme_row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_each_mistake_is_found),
        cmocka_unit_test(test_the_manual_has_them),
        cmocka_unit_test(test_the_readme_has_their_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
