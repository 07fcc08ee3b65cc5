// Forms as JSON: each part is one value in it, at a depth that families look into, and the whole
// can be written.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/message/multipart.h"
#include "scheduler/form.h"
#include "tests/fuzz/expect.h"

enum { DEPTH_MAX = 4 };

static size_t count_values(json_t *value, int depth)
{
    const char *key;
    json_t *member;
    size_t count = 0, i;

    EXPECT(depth <= DEPTH_MAX);
    if (json_is_string(value))
        return 1;
    EXPECT(!json_is_array(value) || json_array_size(value) > 0);
    json_array_foreach(value, i, member) count += count_values(member, depth + 1);
    if (json_is_array(value))
        return count;
    EXPECT(json_is_object(value) && (depth == 0 || json_object_size(value) > 0));
    json_object_foreach(value, key, member) count += count_values(member, depth + 1);
    return count;
}

static void check(json_t *body, const char *type, const char *text, size_t len)
{
    struct multipart form;
    struct err err;
    char *written = json_dumps(body, JSON_COMPACT);

    EXPECT(written != NULL);
    EXPECT(multipart_parse(type, text, len, &form, &err));
    EXPECT(count_values(body, 0) == form.count);
    free(written);
}

// The first line is the header, the rest the body.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
    size_t head = line == NULL ? 0 : (size_t)(line - data);
    char *type = strndup((const char *)data, head);
    size_t len = line == NULL ? size : size - head - 1;
    char *text = malloc(len == 0 ? 1 : len); // so that ASan sees a look too far
    struct err err = {0};
    json_t *body;

    if (len > 0)
        memcpy(text, data + size - len, len);
    body = form_read(line == NULL ? NULL : type, text, len, &err);
    if (body == NULL)
        EXPECT(err.code == ERR_INVALID && *err.message != '\0');
    else
        check(body, type, text, len);
    json_decref(body);
    free(text);
    free(type);
    return 0;
}
