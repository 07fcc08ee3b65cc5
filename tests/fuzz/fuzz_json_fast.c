// Clients' and vendors' JSON, read quickly: what is read means what it means to jansson, and is
// written as jansson writes it.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "tests/fuzz/expect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *fast = json_fast_read((const char *)data, size);
    json_t *slow =
        json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

    if (fast != NULL)
        EXPECT(slow != NULL && json_equal(fast, slow));
    if (slow != NULL) {
        char *theirs = json_dumps(slow, JSON_COMPACT | JSON_ENCODE_ANY);
        char *ours = json_write_text(slow);

        EXPECT(theirs != NULL && strcmp(theirs, ours) == 0);
        free(theirs);
        free(ours);
    }
    json_decref(fast);
    json_decref(slow);
    return 0;
}
