// Many WebSockets in one thread, which cost the machine as little as can be: all but the first
// throw away what they get, unread.     watchers PORT COUNT REQUEST
//
// Says "ready" once all have sent the request and heard of it. Then, for each line on its standard
// input, it says: how many bytes all have got since, how many of them the first has got, how many
// changes those were, how many gaps, and how many WebSockets are still open. All get the same, so
// the changes of the others follow from their bytes.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    READ_BYTES = 1024 * 1024,
    KEEP = 16,
    MASK_BYTES = 4,
    SHORT_MAX = 125,
    PONG_S = 20
};

static const char change[] = "\"cursor\":\"", gap[] = "{\"type\":\"gap\"}";
static char chunk[KEEP + READ_BYTES];
static long long all_bytes, first_bytes, changes, gaps;
static size_t kept; // of the first's last bytes, in front of the chunk's, for what comes in pieces
static int open_count;

static void fail(const char *what)
{
    fprintf(stderr, "watchers: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_all(int fd, const void *data, size_t len)
{
    if (write(fd, data, len) != (ssize_t)len)
        fail("write");
}

// Byte by byte, for nothing behind `end` may be taken.
static void read_until(int fd, const char *begin, const char *end)
{
    char text[4096];
    size_t len = 0;

    while (len < strlen(end) || memcmp(text + len - strlen(end), end, strlen(end)) != 0) {
        if (len == sizeof text || read(fd, text + len, 1) != 1)
            fail("the server closed");
        len++;
    }
    if (memmem(text, len, begin, strlen(begin)) == NULL) {
        fprintf(stderr, "watchers: no %s: %.*s\n", begin, (int)len, text);
        exit(1);
    }
}

// One short frame, under a mask of zeroes.
static void ask(int fd, const char *request)
{
    unsigned char frame[2 + MASK_BYTES + SHORT_MAX] = {0x81};
    size_t len = strlen(request);

    if (len > SHORT_MAX)
        fail("the request is too long");
    frame[1] = (unsigned char)(0x80 | len);
    for (size_t i = 0; i < len; i++)
        frame[2 + MASK_BYTES + i] = (unsigned char)request[i]; // the mask is all zeros
    write_all(fd, frame, 2 + MASK_BYTES + len);
    read_until(fd, "subscribed", "\"}");
}

// Every now and then: a server drops whom it doesn't hear from, and libwebsockets doesn't tell it
// of a pong that is empty.
static void send_pong(int fd)
{
    static const unsigned char frame[2 + MASK_BYTES + 1] = {0x8a, 0x81, 0, 0, 0, 0, '.'};

    send(fd, frame, sizeof frame, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int join(int port, const char *request)
{
    static const char head[] =
        "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Authorization: Bearer sk-dev\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect");
    write_all(fd, head, sizeof head - 1);
    read_until(fd, "HTTP/1.1 101", "\r\n\r\n");
    if (*request != '\0')
        ask(fd, request);
    return fd;
}

static long long count_of(const char *text, size_t len, const char *what)
{
    const char *end = text + len;
    long long count = 0;

    while ((text = memmem(text, (size_t)(end - text), what, strlen(what))) != NULL) {
        count++;
        text += strlen(what);
    }
    return count;
}

// A word that is cut in two by the end of a chunk is found with the next one: at most its length
// less one is kept of each.
static void count_first(size_t len)
{
    const char *text = chunk + KEEP - kept;
    size_t total = kept + len, most = sizeof change - 2;

    first_bytes += (long long)len;
    changes += count_of(text, total, change);
    gaps += count_of(text, total, gap);
    kept = total < most ? total : most;
    memmove(chunk + KEEP - kept, text + total - kept, kept);
}

static void hear(int fd, bool is_first)
{
    ssize_t len = is_first ? recv(fd, chunk + KEEP, READ_BYTES, MSG_DONTWAIT)
                           : recv(fd, NULL, READ_BYTES, MSG_DONTWAIT | MSG_TRUNC);

    if (len > 0) {
        all_bytes += len;
        if (is_first)
            count_first((size_t)len);
    } else if (len == 0 || errno != EAGAIN) {
        close(fd);
        open_count--;
    }
}

static void answer(void)
{
    char line[64];
    ssize_t len = read(STDIN_FILENO, line, sizeof line);

    if (len <= 0)
        exit(0);
    printf("%lld %lld %lld %lld %d\n", all_bytes, first_bytes, changes, gaps, open_count);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int count = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0, poll = epoll_create1(0), first = -1;
    struct epoll_event events[EVENTS], ask_me = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    time_t ponged = time(NULL);
    int last = -1;

    if (count <= 0 || poll < 0) {
        fprintf(stderr, "usage: watchers PORT COUNT REQUEST\n");
        return 2;
    }
    for (; open_count < count; open_count++) {
        int fd = join((int)strtol(argv[1], NULL, 10), argv[3]);
        struct epoll_event readable = {.events = EPOLLIN, .data.fd = fd};

        if (first < 0)
            first = fd;
        last = fd;
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &readable);
    }
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &ask_me);
    printf("ready\n");
    fflush(stdout);
    while (open_count > 0) {
        int ready = epoll_wait(poll, events, EVENTS, PONG_S * 1000);

        if (time(NULL) - ponged >= PONG_S) {
            ponged = time(NULL);
            for (int fd = first; fd <= last; fd++)
                send_pong(fd);
        }

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == STDIN_FILENO)
                answer();
            else
                hear(events[i].data.fd, events[i].data.fd == first);
        }
    }
    printf("%lld %lld %lld %lld 0\n", all_bytes, first_bytes, changes, gaps);
    return 0;
}
