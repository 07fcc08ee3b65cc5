// Signatures: any URL and headers are signed or refused, the same each time, in the way of sigv4.h
// and in that of volc_sign.h. Any answer of S3's is looked through.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/message/http_message.h"
#include "core/message/s3.h"
#include "core/message/sigv4.h"
#include "core/message/volc_sign.h"
#include "tests/fuzz/expect.h"

static const struct sigv4_keys keys = {"key", "secret", "region"};
enum { WHEN = 1369353600, LIFE_S = 60 };

static void sign(const char *url, const char *headers, struct buf *out)
{
    struct http_request request = {.method = HTTP_PUT_, .url = mem_str(url)};
    struct err err = {0};

    buf_str(&request.headers, headers);
    if (sigv4_sign(&keys, &request, SIGV4_UNSIGNED, WHEN, &err))
        buf_str(out, strstr(request.headers.data, "Signature="));
    else
        EXPECT(*err.message != '\0');
    http_request_clear(&request);
}

static void sign_volc(const char *url, const char *headers, struct buf *out)
{
    static const struct volc_keys volc = {"key", "secret", "token", "region", "service"};
    struct http_request request = {.method = HTTP_POST_, .url = mem_str(url)};
    struct err err = {0};

    buf_str(&request.headers, headers);
    buf_str(&request.body, headers);
    if (volc_sign(&volc, &request, WHEN, &err))
        buf_str(out, strstr(request.headers.data, "Signature="));
    else
        EXPECT(*err.message != '\0');
    http_request_clear(&request);
}

static void read_answer(const char *text)
{
    struct http_response response = {.status = 400};
    struct buf id = {0};
    struct err err = {0};

    buf_str(&response.body, text);
    s3_text(&response, "UploadId", &id);
    EXPECT(id.len <= response.body.len);
    s3_error(&response, &err);
    EXPECT(*err.message != '\0');
    buf_clear(&id);
    http_response_clear(&response);
}

// A line with the URL, then the headers, or an answer's body.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *rest = strchr(text, '\n');
    struct buf first = {0}, second = {0}, url = {0};
    struct err err = {0};

    if (rest != NULL)
        *rest++ = '\0';
    sign(text, rest == NULL ? "" : rest, &first);
    sign(text, rest == NULL ? "" : rest, &second);
    EXPECT(strcmp(buf_text(&first), buf_text(&second)) == 0);
    if (sigv4_presign(&keys, "GET", NULL, text, WHEN, LIFE_S, &url, &err))
        EXPECT(strncmp(url.data, text, strcspn(text, "#")) == 0);
    buf_reset(&first);
    buf_reset(&second);
    sign_volc(text, rest == NULL ? "" : rest, &first);
    sign_volc(text, rest == NULL ? "" : rest, &second);
    EXPECT(strcmp(buf_text(&first), buf_text(&second)) == 0);
    read_answer(rest == NULL ? text : rest);
    buf_clear(&first);
    buf_clear(&second);
    buf_clear(&url);
    free(text);
    return 0;
}
