// Families.
#include "scheduler/cli/cli_family.h"

#include <string.h>

#include "providers/provider.h"

const struct provider *cli_family_find(const char *name)
{
    const struct provider *provider = provider_find(name);

    return provider == NULL || provider->example.path == NULL ? NULL : provider;
}

const struct provider *cli_family_at(size_t index)
{
    const struct provider *provider;

    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        if (provider->example.path != NULL && index-- == 0)
            return provider;
    return NULL;
}
