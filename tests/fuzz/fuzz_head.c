// The head of a request: read in two pieces it is what it is read at once; what is said of it stays
// within it, and nothing that could be smuggled behind it is taken.
#include <stdlib.h>
#include <string.h>

#include "core/http/http_head.h"
#include "tests/fuzz/expect.h"

static const struct http_head_limits limits = {
    .header_bytes = 4096, .target_bytes = 1024, .header_count = 32};

static void check_whole(struct http_head *head, const char *data, size_t size)
{
    struct buf path = {0};

    EXPECT(head->bytes <= size && memcmp(data + head->bytes - 2, "\r\n", 2) == 0);
    EXPECT(head->count <= limits.header_count && head->path_len <= head->target_len);
    EXPECT(head->target + head->target_len <= head->bytes && data[head->target] == '/');
    EXPECT(head->has_host || head->is_http_1_0);
    EXPECT(!head->is_chunked || (head->content_length == -1 && !head->is_http_1_0));
    EXPECT(!head->wants_websocket || (head->method == HTTP_GET_ && !head->is_http_1_0));
    EXPECT(!head->keeps_alive || !head->is_http_1_0);
    for (unsigned i = 0; i < head->count; i++) {
        const struct http_field *field = &head->fields[i];

        EXPECT(field->name + field->name_len < field->value + field->value_len + 1);
        EXPECT(strlen(data + field->value) == field->value_len);
        EXPECT(memchr(data + field->name, ' ', field->name_len) == NULL);
    }
    if (http_head_path(head, data, &path))
        EXPECT(path.len == strlen(buf_text(&path)) && strstr(path.data, "/../") == NULL);
    buf_clear(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head whole, pieces;
    size_t half = size < 1 ? 0 : data[0] % size;
    char *once = malloc(size + 1), *twice = malloc(size + 1);
    enum http_head_result result, again;

    memcpy(once, data, size);
    memcpy(twice, data, size);
    memset(&whole, 0, sizeof whole);
    memset(&pieces, 0, sizeof pieces);
    http_head_reset(&whole);
    http_head_reset(&pieces);
    result = http_head_read(&whole, once, size, &limits);
    again = http_head_read(&pieces, twice, half, &limits);
    if (again == HTTP_HEAD_MORE)
        again = http_head_read(&pieces, twice, size, &limits);
    EXPECT(result == again && (result != HTTP_HEAD_BAD || whole.status >= 400));
    if (result == HTTP_HEAD_DONE) {
        EXPECT(whole.bytes == pieces.bytes && memcmp(once, twice, size) == 0);
        check_whole(&whole, once, size);
        http_head_restore(&whole, once);
        EXPECT(memcmp(once, data, size) == 0);
    }
    http_head_clear(&whole);
    http_head_clear(&pieces);
    free(once);
    free(twice);
    return 0;
}
