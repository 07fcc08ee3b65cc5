// Vendors' JSON: what jansson reads means the same here, and what comes out can always be written
// and read again.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json_lenient.h"
#include "tests/fuzz/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *strict = json_loadb((const char *)data, size, 0, NULL);
    json_t *value = json_lenient_read((const char *)data, size);
    json_t *again;
    char *text;

    if (strict != NULL)
        EXPECT(value != NULL && json_equal(strict, value));
    if (value != NULL) {
        text = json_dumps(value, 0);
        EXPECT(text != NULL);
        again = json_loads(text, 0, NULL);
        EXPECT(again != NULL);
        json_decref(again);
        free(text);
    }
    json_decref(strict);
    json_decref(value);
    return 0;
}
