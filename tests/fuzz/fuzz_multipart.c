// Forms: whatever is sent, each part lies within the body, and what was read is what is found.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/message/multipart.h"
#include "tests/fuzz/expect.h"
#include "tests/support/find_part.h"
#include "tests/support/stream_form.h"

static void check(const struct multipart_text *text, const char *body, size_t len)
{
    EXPECT(text->data == NULL || (text->data >= body && text->len <= len &&
                                  (size_t)(text->data - body) <= len - text->len));
}

// The first line is the header, the rest the body.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);
    size_t head = line == NULL ? 0 : (size_t)(line - data);
    char *type = strndup((const char *)data, head);
    size_t len = line == NULL ? size : size - head - 1;
    char *body = malloc(len == 0 ? 1 : len); // so that ASan sees a look too far
    struct multipart form;
    struct err err = {0};

    if (len > 0)
        memcpy(body, data + size - len, len);
    if (multipart_parse(line == NULL ? NULL : type, body, len, &form, &err)) {
        EXPECT(multipart_is_form(type) && form.count <= MULTIPART_PARTS_MAX);
        for (size_t i = 0; i < form.count; i++) {
            const struct multipart_part *part = &form.parts[i];
            char name[MULTIPART_NAME_BYTES_MAX + 1];

            check(&part->name, body, len);
            check(&part->filename, body, len);
            check(&part->content_type, body, len);
            check(&part->data, body, len);
            EXPECT(part->name.len > 0 && part->name.len <= MULTIPART_NAME_BYTES_MAX);
            EXPECT(part->data.data != NULL);
            memcpy(name, part->name.data, part->name.len);
            name[part->name.len] = '\0';
            EXPECT(strlen(name) == part->name.len && find_part(&form, name) != NULL);
        }
        for (size_t step = 1; step < 100; step += 11)
            EXPECT(stream_agrees(type, body, len, step, &form));
    } else {
        for (size_t step = 1; step < 100; step += 11)
            EXPECT(stream_agrees(line == NULL ? NULL : type, body, len, step, NULL));
        EXPECT(err.code == ERR_INVALID && *err.message != '\0');
    }
    free(body);
    free(type);
    return 0;
}
