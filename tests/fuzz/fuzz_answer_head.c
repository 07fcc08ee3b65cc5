// The head of an answer: whatever a receiver or a vendor sends, what we note of it are clean lines,
// and what it makes of the next attempt stays within its bounds.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/message/http_message.h"
#include "tests/fuzz/expect.h"
#include "webhook/verdict.h"

static const int64_t delays_ms[] = {0, 10000, 3600000};
static const struct verdict_rules rules = {delays_ms, sizeof delays_ms / sizeof delays_ms[0]};
enum { NOW_S = 1767225600 };

static void check_lines(const struct http_response *response)
{
    const char *line = buf_text(&response->headers), *end;

    EXPECT(strlen(line) == response->headers.len);
    for (; *line != '\0'; line = end + 1) {
        const char *colon = strstr(line, ": ");

        end = strchr(line, '\n');
        EXPECT(end != NULL && colon != NULL && colon > line && colon < end);
        for (const char *c = line; c < end; c++)
            EXPECT((unsigned char)*c >= ' ' || *c == '\t');
        for (const char *c = line; c < colon && *c != ':'; c++)
            EXPECT(*c < 'A' || *c > 'Z');
    }
}

static void check_verdicts(const struct http_response *response, const char *retry_after)
{
    for (int tries = 0; tries <= (int)rules.retry_count; tries++) {
        int64_t delay_ms = -1;
        enum delivery_outcome outcome = verdict_of(&rules, tries, response->status, retry_after,
                                                   (int64_t)NOW_S * 1000, &delay_ms);
        bool is_last = tries == (int)rules.retry_count;

        EXPECT((outcome == DELIVERY_DELIVERED) ==
               (response->status >= 200 && response->status < 300));
        EXPECT((outcome == DELIVERY_ENDED) == (response->status == 410));
        EXPECT(outcome != DELIVERY_RETRY || !is_last);
        if (outcome == DELIVERY_RETRY)
            EXPECT(delay_ms >= delays_ms[tries] && delay_ms <= 2 * delays_ms[tries]);
        else
            EXPECT(delay_ms == 0);
    }
    if (retry_after != NULL)
        EXPECT(http_read_wait_ms(retry_after, (int64_t)NOW_S * 1000) >= -1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response response = {0};
    struct buf scratch = {0}, to = {0};
    const char *value;
    int64_t wait_ms;

    for (size_t at = 0; at < size && !response.is_head_complete;) {
        const uint8_t *lf = memchr(data + at, '\n', size - at);
        size_t len = lf == NULL ? size - at : (size_t)(lf + 1 - data) - at;
        char *line = malloc(len); // so that ASan sees a look too far

        memcpy(line, data + at, len);
        http_response_add_line(&response, line, len);
        free(line);
        at += len;
    }
    EXPECT(response.status >= 0 && response.status < 10000);
    EXPECT(!response.is_head_complete || response.status >= 200);
    check_lines(&response);
    value = http_header(&response, "retry-after", &scratch);
    check_verdicts(&response, value);
    wait_ms = http_retry_after_ms(&response);
    EXPECT(wait_ms >= 0 && wait_ms <= 3600000);
    if (http_redirect(&response, "https://example.com/a/b?c", &to))
        EXPECT(strncasecmp(to.data, "https://", 8) == 0); // never from there to http
    buf_clear(&scratch);
    buf_clear(&to);
    http_response_clear(&response);
    return 0;
}
