// Heads of requests: what is taken, what is refused, and what they say of the connection.
#include "core/http/http_head.h"

#include <string.h>

#include "tests/support/check.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"

static const struct http_head_limits limits = {
    .header_bytes = 200, .target_bytes = 40, .header_count = 4};

static void test_connection(void **state)
{
    static const struct {
        const char *name, *text;
        bool keeps_alive, wants_websocket;
    } cases[] = {
        {"nothing said", GET "\r\n", true, false},
        {"close", GET "Connection: close\r\n\r\n", false, false},
        {"in any case", GET "cONNECTION: CLOSE\r\n\r\n", false, false},
        {"in a list", GET "Connection: a, ,\tclose ,b\r\n\r\n", false, false},
        {"behind what begins like it", GET "Connection: cl,close\r\n\r\n", false, false},
        {"in a second field", GET "Connection: a\r\nConnection: close\r\n\r\n", false, false},
        {"no such word", GET "Connection: closed, close-a\r\n\r\n", true, false},
        {"another's field", GET "Proxy-Connection: close\r\n\r\n", true, false},
        {"HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, false},
        {"a WebSocket", GET "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", true,
         true},
        {"another protocol", GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", true, false},
        {"not for this hop", GET "Upgrade: websocket\r\n\r\n", true, false},
        {"no protocol", GET "Connection: upgrade\r\n\r\n", true, false},
        {"two protocols",
         GET "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n"
             "\r\n",
         true, false},
        {"not by POST",
         "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
         "Upgrade: websocket\r\n\r\n",
         true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_head head = {.content_length = -1};
        char *text = strdup(cases[i].text);

        print_message("%s\n", cases[i].name);
        assert_int_equal(http_head_read(&head, text, strlen(text), &limits), HTTP_HEAD_DONE);
        assert_int_equal(head.keeps_alive, cases[i].keeps_alive);
        assert_int_equal(head.wants_websocket, cases[i].wants_websocket);
        http_head_clear(&head);
        free(text);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n", 400},
        {"GET http://a^b/ HTTP/1.1\r\n", 400},
        {"GET http://u@h/ HTTP/1.1\r\n", 400},
        {"GET http:/// HTTP/1.1\r\n", 400},
        {"GET * HTTP/1.1\r\n", 400},
        {"GET /\x80 HTTP/1.1\r\n", 400},
        {"PRI * HTTP/2.0\r\n", 400},
        {"BREW / HTTP/1.1\r\n", 501},
        {"GET / HTTP/1.2\r\n", 505},
        {"GET /0123456789012345678901234567890123456789 HTTP/1.1\r\n", 414},
        {GET " a: b\r\n", 400},
        {GET "a : b\r\n", 400},
        {GET "a\r\n", 400},
        {GET "a: \x01\r\n", 400},
        {GET "a: b\rc: d\r\n", 400},
        {GET "Content-Length: 1\r\nContent-Length: 1\r\n", 400},
        {GET "Content-Length: +1\r\n", 400},
        {GET "Content-Length: 1 2\r\n", 400},
        {GET "Content-Length: 1\t\r\n", 400},
        {GET "Content-Length:\r\n", 400},
        {GET "Content-Length: 1000000000000000000\r\n", 400},
        {GET "Transfer-Encoding: gzip, chunked\r\n", 400},
        {GET "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
        {GET "Transfer-Encoding-X: chunked\r\nContent-Length: 1\r\n\r\n", 400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET "a: b\r\na: b\r\na: b\r\na: b\r\n", 431},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_head head = {.content_length = -1};
        char *text = strdup(cases[i].text);

        if (http_head_read(&head, text, strlen(text), &limits) != HTTP_HEAD_BAD ||
            head.status != cases[i].status)
            fail_msg("case %zu: %d", i, head.status);
        http_head_clear(&head);
        free(text);
    }
}

static void test_lines(void **state)
{
    char text[] =
        "GET / HTTP/1.1\r\nHost: s\r\nPrefer: wait=5\r\nAccept: a\r\nprefer: b, c\r\n\r\n";
    struct http_head head = {.content_length = -1};
    unsigned times;

    (void)state;
    assert_int_equal(http_head_read(&head, text, strlen(text), &limits), HTTP_HEAD_DONE);
    assert_null(http_head_value(&head, text, "prefer", &times));
    assert_int_equal(times, 2);
    assert_string_equal(http_head_line(&head, text, "prefer", 0), "wait=5");
    assert_string_equal(http_head_line(&head, text, "prefer", 1), "b, c");
    assert_null(http_head_line(&head, text, "prefer", 2));
    assert_null(http_head_line(&head, text, "range", 0));
    http_head_clear(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
