// Requests and answers as records.
#include "core/message/http_message.h"

#include <string.h>

#include "core/json/field.h"
#include "core/message/multipart_write.h"
#include "tests/support/check.h"

static void test_http(void **state)
{
    struct http_request request = {0};
    struct http_response response = {0};
    struct buf scratch = {0};
    struct err err;

    (void)state;
    assert_true(http_get(&request, "http://h", &err, "/a/%s/b/%d", "x/y", 3));
    assert_string_equal(request.url, "http://h/a/x%2Fy/b/3");
    assert_false(http_get(&request, "", &err, "/"));
    http_request_clear(&request);
    buf_str(&response.headers, "content-type: text/html\nretry-after:  5\n");
    assert_string_equal(http_header(&response, "retry-after", &scratch), "5");
    assert_int_equal(http_retry_after_ms(&response), 5000);
    assert_null(http_header(&response, "etag", &scratch));
    assert_null(http_json(&response, &err));
    buf_clear(&scratch);
    http_response_clear(&response);
}

static void test_retry_after(void **state)
{
    static const struct {
        const char *name, *headers;
        int64_t wait_ms;
    } cases[] = {
        {"none", "date: Sun, 06 Nov 1994 08:49:37 GMT\n", 0},
        {"seconds", "retry-after: 5\n", 5000},
        {"a fraction", "retry-after: 1.5\n", 1000},
        {"an hour", "retry-after: 3600\n", 3600000},
        {"more than an hour", "retry-after: 3601\n", 3600000},
        {"no number has so many digits", "retry-after: 99999999999999999999\n", 3600000},
        {"below nothing", "retry-after: -5\n", 0},
        {"a word", "retry-after: soon\n", 0},
        {"a word behind a number", "retry-after: 5 minutes\n", 0},
        {"a date",
         "date: Sun, 06 Nov 1994 08:49:37 GMT\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\n",
         30000},
        {"a date as RFC 850 has it",
         "date: Sun, 06 Nov 1994 08:49:37 GMT\nretry-after: Sunday, 06-Nov-94 08:50:07 GMT\n",
         30000},
        {"a date as asctime has it",
         "date: Sun, 06 Nov 1994 08:49:37 GMT\nretry-after: Sun Nov  6 08:50:07 1994\n", 30000},
        {"a date in a day",
         "date: Sun, 06 Nov 1994 08:49:37 GMT\nretry-after: Mon, 07 Nov 1994 08:49:37 GMT\n",
         3600000},
        {"a date gone by",
         "date: Sun, 06 Nov 1994 08:49:37 GMT\nretry-after: Sun, 06 Nov 1994 08:49:07 GMT\n", 0},
        {"a date, and none to count from", "retry-after: Sun, 06 Nov 1994 08:50:07 GMT\n", 0},
        {"a date, and nothing to count from",
         "date: today\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_response response = {0};
        int64_t wait_ms;

        buf_str(&response.headers, cases[i].headers);
        wait_ms = http_retry_after_ms(&response);
        if (wait_ms != cases[i].wait_ms)
            fail_msg("%s: %lld", cases[i].name, (long long)wait_ms);
        http_response_clear(&response);
    }
}

static void test_form(void **state)
{
    struct http_request request = {0};
    struct multipart_write form;
    struct err err;

    (void)state;
    multipart_write_begin(&form, &request);
    multipart_write_text(&form, "a", "b");
    multipart_write_gap(&form, "c", "d.png", "image/png", 3, 45 << 20);
    multipart_write_gap(&form, "e", "f.png", "image/png", 1, 7);
    multipart_write_end(&form);
    assert_false(http_post_form(&request, "", &form, &err, "/"));
    assert_true(http_post_form(&request, "http://h", &form, &err, "/a/%s", "x/y"));
    assert_string_equal(request.url, "http://h/a/x%2Fy");
    assert_int_equal(request.method, HTTP_POST_);
    assert_memory_equal(request.headers.data, "Content-Type: multipart/form-data; boundary=", 44);
    assert_non_null(strstr(request.headers.data, form.boundary));
    assert_non_null(strstr(request.body.data, "\r\n\r\nb\r\n"));
    // The files go between a part's head and its end.
    assert_int_equal(request.gap_count, 2);
    assert_true(request.gaps[0].file == 3 && request.gaps[1].file == 1);
    for (size_t i = 0; i < 2; i++) {
        assert_memory_equal(request.body.data + request.gaps[i].at - 4, "\r\n\r\n\r\n--", 8);
        assert_memory_equal(request.body.data + request.gaps[i].at + 4, form.boundary,
                            strlen(form.boundary));
    }
    assert_int_equal(http_body_bytes(&request), request.body.len + (45 << 20) + 7);
    http_request_clear(&request);
    assert_null(request.gaps);
    assert_int_equal(http_body_bytes(&request), 0);
}

static void test_answer_head(void **state)
{
    static const struct {
        const char *name, *lines;
        size_t len; // 0: up to the NUL
        int status;
        bool is_complete;
        const char *headers;
    } cases[] = {
        {"plain", "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", 0, 503, true, "retry-after: 7\n"},
        {"after a 1xx", "HTTP/1.1 100 Go\r\nA: b\r\n\r\nHTTP/2 204 \r\nC:d\r\n\r\n", 0, 204, true,
         "c: d\n"},
        {"only a 1xx", "HTTP/1.1 103 Hints\r\nA: b\r\n\r\n", 0, 103, false, "a: b\n"},
        {"broken off", "HTTP/1.1 200 OK\r\nA: b\r\n", 0, 200, false, "a: b\n"},
        {"no status", "HTTP/ \r\n\r\n", 0, 0, false, ""},
        {"no name", "HTTP/1.1 200 OK\n: x\nnone\nA: \t \n\n", 0, 200, true, "a: \n"},
        {"bytes no header has", "HTTP/1.1 200 OK\nA\0B: x\0Y\x01z\n\n", 28, 200, true,
         "a b: x Y z\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_response response = {0};
        const char *at = cases[i].lines;
        const char *end = at + (cases[i].len > 0 ? cases[i].len : strlen(at));

        print_message("%s\n", cases[i].name);
        while (at < end) {
            const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;

            http_response_add_line(&response, at, (size_t)(next - at));
            at = next;
        }
        assert_int_equal(response.status, cases[i].status);
        assert_int_equal(response.is_head_complete, cases[i].is_complete);
        assert_string_equal(buf_text(&response.headers), cases[i].headers);
        http_response_clear(&response);
    }
}

// What all answers are read by.
static void test_http_json(void **state)
{
    struct http_response response = {.status = 200};
    struct err err;
    json_t *value;

    (void)state;
    buf_str(&response.body, "{\"id\":\"x\",\"prompt\":\"la \\ud83d\",\"n\":1e999}");
    value = http_json(&response, &err);
    assert_string_equal(field_str_or_empty(value, "id"), "x");
    assert_string_equal(field_str_or_empty(value, "prompt"), "la \xef\xbf\xbd");
    json_decref(value);
    buf_reset(&response.body);
    buf_str(&response.body, "{\"id\":\"x\",\"prompt\":\"la \\ud83d");
    assert_null(http_json(&response, &err));
    assert_true(*err.message != '\0' && strchr(err.message, '\n') == NULL);
    http_response_clear(&response);
}

static void test_numbers_in_headers(void **state)
{
    static const struct {
        const char *line, *name, *prefix;
        int64_t number;
    } cases[] = {
        {"Content-Length: 12", "content-length", "", 12},
        {"Content-Length: none", "content-length", "", -1},
        {"Content-Length: 12", "content-range", "bytes ", -1},
        {"Content-Range: bytes 7-9/100", "content-range", "bytes ", 7},
        {"Content-Range: bytes */100", "content-range", "bytes ", -1},
        {"Content-Range: pages 7-9/100", "content-range", "bytes ", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_response response = {0};

        http_response_add_line(&response, cases[i].line, strlen(cases[i].line));
        assert_int_equal(http_header_number(&response, cases[i].name, cases[i].prefix),
                         cases[i].number);
        http_response_clear(&response);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_in_headers), cmocka_unit_test(test_http),
        cmocka_unit_test(test_retry_after),        cmocka_unit_test(test_form),
        cmocka_unit_test(test_answer_head),        cmocka_unit_test(test_http_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
