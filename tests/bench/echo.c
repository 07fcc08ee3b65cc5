// The floor of an HTTP server: a bare libuv loop that finds where a request ends, and answers each
// alike, without parsing or checking anything.
//
// Prints its port, and ends with its input.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

enum { ROOM = 65536 };

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 108\r\n\r\n"
    "{\"code\":1,\"description\":\"Submitted successfully\",\"result\":\"task_"
    "01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"properties\":{}}";

struct client {
    uv_tcp_t tcp;
    size_t len; // of what has arrived of the next request
    char in[ROOM + 1];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void give_room(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    struct client *client = (struct client *)handle;

    (void)hint;
    *buf = uv_buf_init(client->in + client->len, (unsigned)(ROOM - client->len));
}

// How long the first request is; 0: it isn't whole yet.
static size_t request_len(const struct client *client)
{
    const char *end = strstr(client->in, "\r\n\r\n");
    const char *field = end == NULL ? NULL : strcasestr(client->in, "\r\nContent-Length:");
    size_t len = end == NULL ? 0 : (size_t)(end - client->in) + 4;

    if (field != NULL && field < end)
        len += strtoul(field + 17, NULL, 10);
    return len <= client->len ? len : 0;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct client *client = (struct client *)stream;
    uv_buf_t out = uv_buf_init((char *)answer, sizeof answer - 1);
    size_t len;

    (void)buf;
    if (count < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    client->len += (size_t)count;
    client->in[client->len] = '\0';
    while ((len = request_len(client)) > 0) {
        if (uv_try_write(stream, &out, 1) != (int)out.len)
            abort(); // nobody has so many requests under way
        client->len -= len;
        memmove(client->in, client->in + len, client->len + 1);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL || status < 0 || uv_tcp_init(listener->loop, &client->tcp) != 0 ||
        uv_accept(listener, (uv_stream_t *)&client->tcp) != 0)
        abort();
    uv_tcp_nodelay(&client->tcp, 1);
    uv_read_start((uv_stream_t *)&client->tcp, give_room, on_read);
}

static void on_input(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    (void)buf;
    if (count < 0)
        uv_stop(stream->loop);
}

static void give_little(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    static char rest[64];

    (void)handle, (void)hint;
    *buf = uv_buf_init(rest, sizeof rest);
}

int main(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof address;
    uv_tcp_t listener;
    uv_pipe_t input;

    if (uv_tcp_init(loop, &listener) != 0 ||
        uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 512, on_connection) != 0 ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len) != 0 ||
        uv_pipe_init(loop, &input, 0) != 0 || uv_pipe_open(&input, 0) != 0 ||
        uv_read_start((uv_stream_t *)&input, give_little, on_input) != 0)
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}
