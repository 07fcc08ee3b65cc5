// Configurations: a refused one names what is wrong, and either way nothing leaks.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "tests/fuzz/expect.h"

static const char *env(const char *name)
{
    return strcmp(name, "MJ_KEY") == 0 ? "k" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config = {0};
    const struct config_flags flags = {0};
    struct err err = {0};
    char *text = malloc(size == 0 ? 1 : size);

    if (size > 0)
        memcpy(text, data, size);
    EXPECT(config_parse(&config, text, size, env, &flags, &err) || *err.message != '\0');
    config_clear(&config);
    free(text);
    return 0;
}
