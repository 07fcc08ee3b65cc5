// A WebSocket to a Spool.
#include "scheduler/cli/cli_websocket.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_http.h"

enum {
    HANDSHAKE_MS = 10000,
    SEND_MS = 10000,
    HEAD_BYTES_MAX = 16 << 10,
    MESSAGE_BYTES_MAX = 64 << 20,
    PIECE_BYTES = 16 << 10,
    QUIET_MS = 30000, // then we ask whether it is still there,
    DEAD_MS = 50000,  // and then it isn't
};
enum opcode { MORE = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct cli_websocket {
    CURL *curl;
    struct buf in;      // bytes that were read and not understood yet
    struct buf message; // of a message whose end hasn't come
    int64_t heard_ms, pinged_ms;
};

static bool is_gone(struct err *err)
{
    return err_set(err, ERR_IO, "the connection was closed");
}

// Waits until the socket is ready for `events`; false: in vain.
static bool wait_for(const struct cli_websocket *ws, short events, int64_t wait_ms)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct pollfd poll_fd = {.events = events};

    if (curl_easy_getinfo(ws->curl, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
        fd == CURL_SOCKET_BAD)
        return true; // the next read says that it is gone
    poll_fd.fd = fd;
    return poll(&poll_fd, 1, wait_ms < 0 ? 0 : wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms) != 0;
}

static bool write_all(struct cli_websocket *ws, const char *data, size_t len, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + SEND_MS;

    while (len > 0) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(ws->curl, data, len, &sent);

        if (code != CURLE_OK && code != CURLE_AGAIN)
            return is_gone(err);
        data += sent;
        len -= sent;
        if (sent == 0 && !wait_for(ws, POLLOUT, until_ms - clock_mono_ms()))
            return is_gone(err);
    }
    return true;
}

// What there is, after at most so long; perhaps nothing. False: the end.
static bool read_some(struct cli_websocket *ws, int64_t wait_ms, struct err *err)
{
    char piece[PIECE_BYTES];
    size_t got = 0;
    CURLcode code = curl_easy_recv(ws->curl, piece, sizeof piece, &got);

    if (code == CURLE_AGAIN && wait_for(ws, POLLIN, wait_ms))
        code = curl_easy_recv(ws->curl, piece, sizeof piece, &got);
    if (code == CURLE_AGAIN)
        return true;
    if (code != CURLE_OK || got == 0)
        return is_gone(err);
    buf_add(&ws->in, piece, got);
    ws->heard_ms = clock_mono_ms();
    return true;
}

// The handshake.

static void make_key(struct buf *key)
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        abort();
    base64_encode(bytes, sizeof bytes, key);
}

static void expected_answer(const char *key, struct buf *answer)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    struct buf text = {0};
    unsigned len = 0;

    buf_fmt(&text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    EVP_Digest(text.data, text.len, sum, &len, EVP_sha1(), NULL);
    base64_encode(sum, len, answer);
    buf_clear(&text);
}

static void write_request(const struct cli_http *http, const char *path, const char *key,
                          struct buf *to)
{
    struct url_parts parts;
    bool is_usual;

    if (!url_split(cli_http_url(http), &parts))
        abort(); // it was looked at before
    is_usual = parts.port == (strcmp(parts.scheme, "https") == 0 ? 443 : 80);
    buf_fmt(to, "GET %s%s HTTP/1.1\r\nHost: %s", parts.path, path, parts.host);
    if (!is_usual)
        buf_fmt(to, ":%d", parts.port);
    buf_fmt(to,
            "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: %s\r\nUser-Agent: spool/" SPOOL_VERSION "\r\n",
            key);
    if (*cli_http_key(http) != '\0')
        buf_fmt(to, "Authorization: Bearer %s\r\n", cli_http_key(http));
    buf_str(to, "\r\n");
}

// Takes the head's lines from what was read, as far as they are there.
static void take_head(struct cli_websocket *ws, struct http_response *response)
{
    const char *end;

    while (!response->is_head_complete && ws->in.len > 0 &&
           (end = memchr(ws->in.data, '\n', ws->in.len)) != NULL) {
        size_t len = (size_t)(end + 1 - ws->in.data);

        http_response_add_line(response, ws->in.data, len);
        // No interim answer: 101 is the last that HTTP says here.
        if (response->status == 101 && (ws->in.data[0] == '\r' || ws->in.data[0] == '\n'))
            response->is_head_complete = true;
        buf_consume(&ws->in, len);
    }
}

static bool read_head(struct cli_websocket *ws, struct http_response *response, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + HANDSHAKE_MS;

    while (!response->is_head_complete) {
        if (clock_mono_ms() >= until_ms || ws->in.len > HEAD_BYTES_MAX)
            return err_set(err, ERR_UNAVAILABLE, "no answer to the WebSocket's handshake");
        if (!read_some(ws, until_ms - clock_mono_ms(), err))
            return false;
        take_head(ws, response);
    }
    return true;
}

// Why it was refused: the answer's body says it.
static bool explain(struct cli_http *http, struct cli_websocket *ws, struct http_response *response,
                    struct err *err)
{
    int64_t until_ms = clock_mono_ms() + HANDSHAKE_MS;
    struct buf scratch = {0};
    const char *text = http_header(response, "content-length", &scratch);
    size_t expected = text == NULL ? 0 : strtoul(text, NULL, 10);
    struct err ended;
    json_t *body;

    buf_clear(&scratch);
    while (ws->in.len < expected && ws->in.len < HEAD_BYTES_MAX && clock_mono_ms() < until_ms &&
           read_some(ws, until_ms - clock_mono_ms(), &ended))
        ;
    buf_add(&response->body, buf_text(&ws->in), ws->in.len);
    body = cli_http_read(http, response, err);
    if (body != NULL) { // a success that isn't the one that was asked for
        json_decref(body);
        err_set(err, ERR_UNAVAILABLE, "%.90s doesn't speak WebSocket (HTTP %d)", cli_http_url(http),
                response->status);
    }
    return false;
}

static bool shake_hands(struct cli_http *http, struct cli_websocket *ws, const char *path,
                        struct err *err)
{
    struct http_response response = {0};
    struct buf key = {0}, request = {0}, expected = {0}, scratch = {0};
    const char *accept;
    bool ok;

    make_key(&key);
    expected_answer(key.data, &expected);
    write_request(http, path, key.data, &request);
    ok = write_all(ws, request.data, request.len, err) && read_head(ws, &response, err);
    if (ok && response.status != 101) {
        ok = explain(http, ws, &response, err);
    } else if (ok) {
        accept = http_header(&response, "sec-websocket-accept", &scratch);
        ok = (accept != NULL && strcmp(accept, expected.data) == 0) ||
             err_set(err, ERR_UNAVAILABLE, "%.90s doesn't speak WebSocket", cli_http_url(http));
    }
    buf_clear(&key);
    buf_clear(&request);
    buf_clear(&expected);
    buf_clear(&scratch);
    http_response_clear(&response);
    return ok;
}

struct cli_websocket *cli_websocket_open(struct cli_http *http, const char *path, struct err *err)
{
    CURL *curl = cli_http_connect(http, err);
    struct cli_websocket *ws;

    if (curl == NULL)
        return NULL;
    ws = mem_new(struct cli_websocket);
    ws->curl = curl;
    ws->heard_ms = ws->pinged_ms = clock_mono_ms();
    if (!shake_hands(http, ws, path, err))
        cli_websocket_close(&ws);
    return ws;
}

void cli_websocket_close(struct cli_websocket **websocket)
{
    struct cli_websocket *ws = *websocket;

    if (ws == NULL)
        return;
    curl_easy_cleanup(ws->curl);
    buf_clear(&ws->in);
    buf_clear(&ws->message);
    free(ws);
    *websocket = NULL;
}

// Frames.

static bool send_frame(struct cli_websocket *ws, enum opcode opcode, const char *data, size_t len,
                       struct err *err)
{
    unsigned char mask[4];
    struct buf frame = {0};
    size_t start;
    bool ok;

    if (getrandom(mask, sizeof mask, 0) != (ssize_t)sizeof mask)
        abort();
    buf_char(&frame, (char)(0x80 | opcode));
    if (len < 126) {
        buf_char(&frame, (char)(0x80 | len));
    } else if (len <= 0xffff) {
        buf_char(&frame, (char)(0x80 | 126));
        buf_add(&frame, (char[]){(char)(len >> 8), (char)len}, 2);
    } else {
        buf_char(&frame, (char)(0x80 | 127));
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_char(&frame, (char)((uint64_t)len >> shift));
    }
    buf_add(&frame, mask, sizeof mask);
    start = frame.len;
    buf_add(&frame, data, len);
    for (size_t i = 0; i < len; i++)
        frame.data[start + i] = (char)(frame.data[start + i] ^ mask[i % 4]);
    ok = write_all(ws, frame.data, frame.len, err);
    buf_clear(&frame);
    return ok;
}

bool cli_websocket_send(struct cli_websocket *websocket, const char *text, size_t len,
                        struct err *err)
{
    return send_frame(websocket, TEXT, text, len, err);
}

struct frame {
    enum opcode opcode;
    bool is_last;
    size_t head_len, len;
};

// False: it isn't there whole. One that no server sends gets a length that is too large.
static bool find_frame(const struct buf *in, struct frame *frame)
{
    const unsigned char *bytes = (const unsigned char *)buf_text(in);
    size_t more;
    uint64_t len;

    if (in->len < 2)
        return false;
    len = bytes[1] & 0x7f;
    more = len == 126 ? 2 : len == 127 ? 8 : 0;
    *frame = (struct frame){(enum opcode)(bytes[0] & 0x0f), (bytes[0] & 0x80) != 0, 2 + more, 0};
    if (in->len < frame->head_len)
        return false;
    for (size_t i = 0; i < more; i++)
        len = i == 0 ? bytes[2] : len << 8 | bytes[2 + i];
    if ((bytes[1] & 0x80) != 0 || (bytes[0] & 0x70) != 0 || len > MESSAGE_BYTES_MAX)
        len = MESSAGE_BYTES_MAX + 1;
    frame->len = (size_t)len;
    return len > MESSAGE_BYTES_MAX || in->len - frame->head_len >= len;
}

// Takes the frame that is at the front. True in `is_done`: a message is complete.
static bool take_frame(struct cli_websocket *ws, const struct frame *frame, bool *is_done,
                       struct err *err)
{
    const char *data = ws->in.data + frame->head_len;
    bool ok = true;

    if (frame->len > MESSAGE_BYTES_MAX || ws->message.len + frame->len > MESSAGE_BYTES_MAX)
        return err_set(err, ERR_IO, "what came isn't a WebSocket's");
    switch (frame->opcode) {
    case PING:
        ok = send_frame(ws, PONG, data, frame->len, err);
        break;
    case CLOSE:
        ok = is_gone(err);
        break;
    case MORE:
    case TEXT:
    case BINARY:
        buf_add(&ws->message, data, frame->len);
        *is_done = frame->is_last;
        break;
    case PONG:
        break;
    }
    buf_consume(&ws->in, frame->head_len + frame->len);
    return ok;
}

// A peer that went away without a word is found out by asking.
static bool is_alive(struct cli_websocket *ws, struct err *err)
{
    int64_t now_ms = clock_mono_ms();

    if (now_ms - ws->heard_ms > DEAD_MS)
        return is_gone(err);
    if (now_ms - ws->heard_ms < QUIET_MS || now_ms - ws->pinged_ms < QUIET_MS)
        return true;
    ws->pinged_ms = now_ms;
    return send_frame(ws, PING, "", 0, err);
}

bool cli_websocket_next(struct cli_websocket *websocket, int64_t wait_ms, struct buf *message,
                        struct err *err)
{
    struct cli_websocket *ws = websocket;
    int64_t until_ms = clock_mono_ms() + wait_ms;
    struct frame frame;
    bool is_done = false;

    buf_reset(message);
    for (;;) {
        while (find_frame(&ws->in, &frame)) {
            if (!take_frame(ws, &frame, &is_done, err))
                return false;
            if (is_done) {
                buf_add(message, buf_text(&ws->message), ws->message.len);
                buf_reset(&ws->message);
                return true;
            }
        }
        if (!is_alive(ws, err) || !read_some(ws, until_ms - clock_mono_ms(), err))
            return false;
        if (clock_mono_ms() >= until_ms && !find_frame(&ws->in, &frame))
            return true;
    }
}
