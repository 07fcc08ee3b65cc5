// Buffers, errors, ids, fields of JSON.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/field.h"
#include "core/base/http.h"
#include "core/base/ids.h"
#include "core/base/task.h"
#include "tests/support/check.h"

static void test_buf(void **state)
{
    struct buf buf = {0};

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    buf_json_str(&buf, "a\"b\\c\n\x01é");
    assert_string_equal(buf.data, "\"a\\\"b\\\\c\\n\\u0001é\"");
    buf_reset(&buf);
    buf_percent(&buf, "a/b c~é");
    assert_string_equal(buf.data, "a%2Fb%20c~%C3%A9");
    buf_reset(&buf);
    buf_int(&buf, INT64_MIN);
    buf_char(&buf, ' ');
    buf_int(&buf, 0);
    assert_string_equal(buf.data, "-9223372036854775808 0");
    buf_consume(&buf, 21);
    assert_string_equal(buf.data, "0");
    for (int i = 0; i < 1000; i++)
        buf_fmt(&buf, "%d,", i);
    assert_int_equal(buf.len, 1 + 10 * 2 + 90 * 3 + 900 * 4);
    buf_clear(&buf);
}

// Texts of strangers, and ours that were cut, come out as UTF-8.
static void test_json_str(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xde\\", "\"\xef\xbf\xbd\\\\\""},
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // overlong
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // a surrogate
        {"\xf5", "\"\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf buf = {0};

        buf_json_str(&buf, cases[i].text);
        if (strcmp(buf.data, cases[i].json) != 0)
            fail_msg("case %zu: %s", i, buf.data);
        buf_clear(&buf);
    }
}

static void test_err(void **state)
{
    struct err err;

    (void)state;
    assert_false(err_set(&err, ERR_INVALID, "bad\nline"));
    assert_false(err_wrap(&err, "outer %d", 1));
    assert_string_equal(err.message, "outer 1: bad line");
    assert_string_equal(err_name(ERR_MODEL), "model_not_found");
    assert_int_equal(err_http_status(ERR_QUEUE_FULL), 429);
}

static void test_ids(void **state)
{
    char a[ID_SIZE], b[ID_SIZE];

    (void)state;
    id_make_task(a, 1795205055978);
    id_make_task(b, 1795205055979);
    assert_true(id_is_task(a));
    assert_int_equal(strlen(a), 31);
    assert_true(strcmp(a, b) < 0);
    assert_int_equal(id_task_time_ms(a), 1795205055978);
    assert_false(id_is_task("task_"));
    assert_false(id_is_task("task_01M7X8YHFAEPQG2K74XPC9PWAI")); // I isn't in the alphabet
    assert_false(id_is_task("tusk_01M7X8YHFAEPQG2K74XPC9PWAR"));
}

static char *repeat(const char *part, size_t count, const char *end)
{
    struct buf buf = {0};

    while (count-- > 0)
        buf_str(&buf, part);
    buf_str(&buf, end);
    return buf_take(&buf);
}

static void test_bodies(void **state)
{
    char *deep = repeat("{\"a\":", 33, "1"), *many = repeat("1,", 60000, ""), *image;
    struct buf list = {0};
    const struct {
        const char *name, *text;
        bool ok;
    } cases[] = {
        {"object", "{\"a\":1}", true},
        {"array", "[1]", false},
        {"empty", "", false},
        {"trailing", "{} x", false},
        {"duplicate", "{\"a\":1,\"a\":2}", false},
        {"NUL", "{\"a\":\"\\u0000\"}", false},
        {"lone surrogate", "{\"a\":\"\\ud800\"}", false},
        {"not UTF-8", "{\"a\":\"\xff\"}", false},
        {"BOM", "\xef\xbb\xbf{}", false},
        {"NaN", "{\"a\":NaN}", false},
        {"overflow", "{\"a\":1e999}", false},
        {"2^63", "{\"a\":9223372036854775808}", false},
        {"too deep", deep, false},
        {"brackets in strings", "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}",
         true},
        {"unterminated", "{\"a\":\"\\", false},
        {"too many tokens", NULL, false},
    };

    (void)state;
    buf_fmt(&list, "{\"a\":[%s1]}", many);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i].text == NULL ? list.data : cases[i].text;
        struct err err = {0};
        json_t *body = field_parse_body(text, strlen(text), &err);

        if ((body != NULL) != cases[i].ok)
            fail_msg("%s: %s", cases[i].name, body != NULL ? "accepted" : err.message);
        json_decref(body);
    }
    free(deep);
    free(many);
    buf_reset(&list);
    image = repeat("QUJD", 500000, "");
    buf_fmt(&list, "{\"a\":\"%s\"}", image);
    free(image);
    {
        struct err err;
        json_t *body = field_parse_body(list.data, list.len, &err);

        assert_non_null(body); // one long string is one token
        json_decref(body);
    }
    buf_clear(&list);
    {
        static const char text[] = "{\"a\":9\0}"; // jansson would pass over it
        struct err err;

        assert_null(field_parse_body(text, sizeof text - 1, &err));
    }
}

static void test_fields(void **state)
{
    json_t *value = json_loads("{\"a\":{\"b\":[{\"c\":\"x\"},7]},\"n\":null,\"e\":\"\"}", 0, NULL);
    const char *text = NULL;
    struct err err;

    (void)state;
    assert_true(field_str(value, "a.b.0.c", &text, &err));
    assert_string_equal(text, "x");
    assert_false(field_str(value, "a.b.1", &text, &err));
    assert_string_equal(err.message, "a.b.1: must be a string");
    assert_false(field_str(value, "n", &text, &err));
    assert_string_equal(err.message, "n: is required");
    assert_false(field_text(value, "e", 10, &text, &err));
    assert_string_equal(err.message, "e: must not be empty");
    assert_false(field_text(value, "a.b.0.c", 0, &text, &err));
    assert_int_equal(field_int_or(value, "a.b.1", 0), 7);
    assert_string_equal(field_str_or_empty(value, "a.b.x.c"), "");
    assert_true(field_is_given(value, "a.b.0.c") && field_is_given(value, "a.b.1"));
    assert_false(field_is_given(value, "e") || field_is_given(value, "n"));
    assert_false(field_is_given(value, "nope"));
    json_decref(value);
}

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
    buf_reset(&response.headers);
    buf_str(&response.headers, "retry-after: 99999999999999999999\n");
    assert_int_equal(http_retry_after_ms(&response), 0);
    buf_clear(&scratch);
    http_response_clear(&response);
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

static void test_views(void **state)
{
    struct task *task = task_new();
    struct task_view view = {TASK_RENDERING, 3, 40, true};
    enum task_phase phase;

    (void)state;
    task->phase = TASK_FAILED;
    task->finished_ms = 9;
    task->started_ms = 5;
    task->error_code = strdup("x");
    task_show_as(task, &view);
    assert_int_equal(task->finished_ms, 0);
    assert_int_equal(task->started_ms, 5);
    assert_null(task->error_code);
    assert_string_equal(task->substate, "MODAL");
    view = (struct task_view){TASK_QUEUED, 1, 0, false};
    task_show_as(task, &view);
    assert_int_equal(task->started_ms, 0);
    assert_null(task->substate);
    for (int i = 0; i < TASK_PHASE_COUNT; i++) {
        assert_true(task_phase_from_name(task_phase_name((enum task_phase)i), &phase));
        assert_int_equal(phase, i);
    }
    assert_string_equal(task_status(TASK_IN_DOUBT), "queued");
    assert_string_equal(task_status(TASK_ARCHIVING), "in_progress");
    task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf),    cmocka_unit_test(test_json_str),
        cmocka_unit_test(test_err),    cmocka_unit_test(test_ids),
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_http),   cmocka_unit_test(test_answer_head),
        cmocka_unit_test(test_views),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
