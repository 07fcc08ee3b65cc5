// The lists of what there is: a line per vendor, a line per public dialect.
#include <string.h>

#include "core/base/config.h"
#include "providers/family.h"
#include "providers/provider.h"

extern const struct provider provider_kling;
extern const struct provider provider_midjourney;
extern const struct provider provider_suno;
extern const struct provider provider_veo;

static const struct provider *const providers[] = {
    &provider_kling,
    &provider_midjourney,
    &provider_suno,
    &provider_veo,
};

extern const struct family family_kling;
extern const struct family family_midjourney;
extern const struct family family_openai_video;
extern const struct family family_suno;
extern const struct family family_video;

static const struct family *const families[] = {
    &family_kling, &family_midjourney, &family_openai_video, &family_suno, &family_video,
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

int provider_dialect(const struct provider *provider, const struct account *account)
{
    if (account->dialect == NULL)
        return 0;
    for (int i = 0; provider->dialects[i] != NULL; i++)
        if (strcmp(provider->dialects[i], account->dialect) == 0)
            return i;
    return -1;
}

const char *provider_model(const struct provider *provider, const struct account *account,
                           const char *model)
{
    if (model == NULL || *model == '\0')
        return "";
    if (account->model_count > 0)
        return account_model(account, model);
    for (size_t i = 0; provider->models[i] != NULL; i++)
        if (strcmp(provider->models[i], model) == 0)
            return model;
    return NULL;
}

int provider_poll_max(const struct provider *provider, const struct account *account)
{
    int dialect = provider_dialect(provider, account);

    if (provider->poll_many_max == 0 ||
        (dialect >= 0 && (provider->poll_one_by_one & 1u << dialect) != 0))
        return 1;
    return provider->poll_many_max;
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
