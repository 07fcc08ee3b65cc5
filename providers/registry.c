// The lists of what there is: a line per vendor, a line per public dialect.
#include <stdio.h>
#include <string.h>

#include "core/base/address.h"
#include "core/config/config.h"
#include "core/config/setting.h"
#include "core/message/http_message.h"
#include "providers/family.h"
#include "providers/provider.h"

// With a public dialect of the vendor's own.
#define VENDORS(X)                                                                                 \
    X(fal)                                                                                         \
    X(gemini)                                                                                      \
    X(ideogram)                                                                                    \
    X(jimeng)                                                                                      \
    X(kling)                                                                                       \
    X(luma)                                                                                        \
    X(midjourney)                                                                                  \
    X(minimax)                                                                                     \
    X(runway)                                                                                      \
    X(seedance)                                                                                    \
    X(suno)                                                                                        \
    X(veo)                                                                                         \
    X(wan)

// Without: their models are asked for by the common dialects.
#define PROVIDERS(X)                                                                               \
    VENDORS(X)                                                                                     \
    X(openai)                                                                                      \
    X(qwen)                                                                                        \
    X(seedream)                                                                                    \
    X(sora)

// Of families that share a path, the first is asked first.
#define FAMILIES(X)                                                                                \
    VENDORS(X)                                                                                     \
    X(images)                                                                                      \
    X(openai_video)                                                                                \
    X(speech)                                                                                      \
    X(suno_clips)                                                                                  \
    X(video)                                                                                       \
    X(volcengine)

#define X(name) extern const struct provider provider_##name;
PROVIDERS(X)
#undef X
#define X(name) extern const struct family family_##name;
FAMILIES(X)
#undef X

static const struct provider *const providers[] = {
#define X(name) &provider_##name,
    PROVIDERS(X)
#undef X
};

static const struct family *const families[] = {
#define X(name) &family_##name,
    FAMILIES(X)
#undef X
};

const struct provider *provider_at(size_t index)
{
    return index < sizeof providers / sizeof providers[0] ? providers[index] : NULL;
}

const struct provider *provider_find(const char *name)
{
    const struct provider *provider;

    for (size_t i = 0; name != NULL && (provider = provider_at(i)) != NULL; i++)
        if (strcmp(provider->name, name) == 0)
            return provider;
    return NULL;
}

bool provider_has_prefix(const struct provider *provider, enum provider_media media,
                         const char *model)
{
    const char *const *prefix = provider->prefixes[media];

    while (prefix != NULL && *prefix != NULL && strncmp(model, *prefix, strlen(*prefix)) != 0)
        prefix++;
    return prefix != NULL && *prefix != NULL;
}

unsigned provider_media_of(const char *model)
{
    const struct provider *provider;
    unsigned known = 0;

    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        for (int media = 0; media < MEDIA_COUNT; media++)
            if (provider_has_prefix(provider, (enum provider_media)media, model))
                known |= 1u << media;
    return known;
}

static const struct dialect *find_dialect(const struct provider *provider, const char *name)
{
    for (size_t i = 0; provider->dialects[i] != NULL; i++)
        if (name == NULL || strcmp(provider->dialects[i]->name, name) == 0)
            return provider->dialects[i];
    return NULL;
}

// The key's row, also of a text of its file; NULL where the dialect doesn't take it.
static const struct dialect_key *find_key(const struct dialect *dialect, const char *name)
{
    size_t len = strcspn(name, ".");

    for (const struct dialect_key *key = dialect->keys; key->name != NULL; key++)
        if (strncmp(key->name, name, len) == 0 && key->name[len] == '\0')
            return key;
    return NULL;
}

static const char *value_of(const struct account *account, const char *name)
{
    if (strcmp(name, "base_url") != 0)
        return secret_reveal(account_key(account, name));
    return account->base_url == NULL ? "" : account->base_url;
}

static bool check_members(const struct account *account, const struct dialect_key *key,
                          struct err *err)
{
    char name[96];

    for (size_t i = 0; key->members != NULL && key->members[i] != NULL; i++) {
        snprintf(name, sizeof name, "%s.%s", key->name, key->members[i]);
        if (*value_of(account, name) == '\0')
            return err_set(err, ERR_CONFIG, "%s: the file must have %s", key->name,
                           key->members[i]);
    }
    return true;
}

// One of the keys that the dialect takes.
static bool check_taken(const struct account *account, const struct dialect_key *key,
                        struct err *err)
{
    const char *value = value_of(account, key->name);
    struct url_parts parts;

    if (*value == '\0')
        return !key->is_required ||
               err_set(err, ERR_CONFIG, "%s: %s's dialect %s needs it", key->name,
                       account->provider->name, account->dialect->name);
    if (key->is_name && !setting_is_name(value))
        return err_set(err, ERR_CONFIG, "%s: must be the name of a %s", key->name, key->name);
    if (key->is_url && !url_split(value, &parts))
        return err_set(err, ERR_CONFIG, "%s: must be an http or https URL", key->name);
    return check_members(account, key, err);
}

// One of the keys that the account has.
static bool check_given(const struct account *account, const char *name, struct err *err)
{
    return find_key(account->dialect, name) != NULL || strcmp(name, "api_key") == 0 ||
           err_set(err, ERR_CONFIG, "%.60s: %s's dialect %s takes no such key", name,
                   account->provider->name, account->dialect->name);
}

bool provider_find_mistake(const struct account *account, size_t *at, struct err *err)
{
    const struct dialect_key *keys = account->dialect->keys;
    size_t count = 0;

    while (keys[count].name != NULL)
        count++;
    while (*at < count + account->key_count) {
        size_t i = (*at)++;

        if (i < count ? !check_taken(account, &keys[i], err)
                      : !check_given(account, account->keys[i - count].name, err))
            return true;
    }
    return false;
}

bool provider_bind(struct account *account, struct err *err)
{
    const struct provider *provider = provider_find(account->provider_name);
    const struct dialect *dialect;

    if (provider == NULL)
        return err_set(err, ERR_CONFIG, "provider: there is no provider \"%s\"",
                       account->provider_name);
    dialect = find_dialect(provider, account->dialect_name);
    if (dialect == NULL)
        return err_set(err, ERR_CONFIG, "dialect: %s has no dialect \"%s\"", provider->name,
                       account->dialect_name);
    account->provider = provider;
    account->dialect = dialect;
    if (account->is_limit_by_default && dialect->max_concurrency > 0)
        account->max_concurrency = dialect->max_concurrency;
    return true;
}

bool provider_answer_callback(const json_t *body, struct buf *json)
{
    const struct provider *provider;

    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        for (size_t k = 0; provider->dialects[k] != NULL; k++)
            if (provider->dialects[k]->answer_callback != NULL &&
                provider->dialects[k]->answer_callback(body, json))
                return true;
    return false;
}

const char *const *provider_prefixes(const struct account *account)
{
    return account->model_count == 0 ? account->dialect->model_prefixes : NULL;
}

const char *provider_model(const struct account *account, const char *model)
{
    const char *const *models = account->provider->models;
    const char *const *prefixes = provider_prefixes(account);

    if (model == NULL || *model == '\0')
        return "";
    if (account->model_count > 0)
        return account_model(account, model);
    for (size_t i = 0; models[i] != NULL; i++)
        if (strcmp(models[i], model) == 0)
            return model;
    for (; prefixes != NULL && *prefixes != NULL; prefixes++)
        if (strncmp(model, *prefixes, strlen(*prefixes)) == 0 && model[strlen(*prefixes)] != '\0')
            return model;
    return NULL;
}

bool provider_serves(const struct account *account, const char *model)
{
    return provider_model(account, model) != NULL;
}

// "doubao-seedance-1-5-pro-251215" is "doubao-seedance-1-5-pro", but "kling-v2-9" isn't "kling-v2".
static bool is_listed(const struct provider *provider, const char *model)
{
    enum { DATE_DIGITS = 6 };

    for (size_t i = 0; provider->models[i] != NULL; i++) {
        size_t len = strlen(provider->models[i]), digits;

        if (strncmp(provider->models[i], model, len) != 0)
            continue;
        digits = model[len] == '-' ? strspn(model + len + 1, "0123456789") : 0;
        if (model[len] == '\0' || (digits >= DATE_DIGITS && model[len + 1 + digits] == '\0'))
            return true;
    }
    return false;
}

bool provider_knows(const struct account *account, const char *model)
{
    const char *theirs = provider_model(account, model);

    return (model != NULL && is_listed(account->provider, model)) ||
           (theirs != NULL && is_listed(account->provider, theirs));
}

int provider_poll_max(const struct account *account)
{
    return account->dialect->poll_many_max == 0 ? 1 : account->dialect->poll_many_max;
}

bool provider_sign(const struct account *account, int64_t now_ms, struct http_request *request,
                   struct err *err)
{
    return !request->wants_signature || account->dialect->sign(account, now_ms, request, err);
}

bool provider_can_cancel(const struct account *account)
{
    return account != NULL && account->dialect->build_cancel != NULL;
}

const struct family *family_at(size_t index)
{
    return index < sizeof families / sizeof families[0] ? families[index] : NULL;
}

const struct family *family_find(const char *name)
{
    const struct family *family;

    for (size_t i = 0; name != NULL && (family = family_at(i)) != NULL; i++)
        if (strcmp(family->name, name) == 0)
            return family;
    return NULL;
}
