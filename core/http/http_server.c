// The front door: listening, the deadlines of all connections, the end.
#include "core/http/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/http/http_server_private.h"
#include "core/loop/loop.h"

enum {
    TICK_MS = 1000,        // between two looks at all deadlines, at most
    ACCEPTS_PER_TURN = 64, // so that a flood of newcomers doesn't starve open connections
    BACKLOG = 4096,
    GRACE_MS = 250,   // a connection has at least so long to say something
    STUCK_MS = 10000, // a stranger who reads nothing of its answer for so long is stuck
};

static void on_timer(uv_timer_t *timer);
static void update_accepting(struct http_server *server);

int64_t http_server_now_ms(const struct http_server *server)
{
    return (int64_t)uv_now(server->uv);
}

// One timer serves every deadline, and is off while there is no deadline: an idle process doesn't
// wake up.
static void arm(struct http_server *server, int64_t due_ms)
{
    if (server->is_dropped || due_ms >= server->timer_due_ms)
        return;
    server->timer_due_ms = due_ms;
    due_ms -= http_server_now_ms(server);
    uv_timer_start(&server->timer, on_timer, due_ms < 0 ? 0 : (uint64_t)due_ms, 0);
}

void http_server_set_deadline(struct http_server *server, struct http_conn *conn, int64_t ms)
{
    conn->deadline_ms = http_server_now_ms(server) + ms;
    arm(server, conn->deadline_ms);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    struct http_conn *conn, *next;
    int64_t now = http_server_now_ms(server), soonest = INT64_MAX;

    server->timer_due_ms = INT64_MAX;
    // A callback may close any connection, but only what is closed at the end of a turn is freed.
    for (conn = server->all; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->deadline_ms <= now && !conn->is_closing)
            http_conn_on_deadline(conn);
        if (server->is_dropped)
            return;
    }
    if (server->is_paused) {
        server->is_paused = false;
        update_accepting(server);
    }
    for (conn = server->all; conn != NULL; conn = conn->next)
        if (conn->deadline_ms < soonest)
            soonest = conn->deadline_ms;
    if (server->all != NULL)
        arm(server, soonest < now + TICK_MS ? soonest : now + TICK_MS);
}

void http_server_wake(struct http_server *server, struct http_conn *conn)
{
    if (conn->is_woken || conn->is_closing || server->is_dropped)
        return;
    conn->is_woken = true;
    conn->next_woken = server->woken;
    server->woken = conn;
    loop_turn_ask(server->turn);
}

static void on_turn(void *ctx)
{
    struct http_server *server = ctx;

    while (server->woken != NULL) {
        struct http_conn *conn = server->woken;

        server->woken = conn->next_woken;
        conn->is_woken = false;
        http_conn_turn(conn);
        if (server->is_dropped)
            return;
    }
}

void http_server_unref(struct http_server *server)
{
    if (--server->refs > 0)
        return;
    room_clear(&server->arriving);
    room_clear(&server->whole);
    room_clear(&server->on_disk);
    free(server->loaded_last);
    free(server);
}

void http_server_forget(struct http_server *server, struct http_conn *conn)
{
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    if (conn->is_woken) {
        struct http_conn **at = &server->woken;

        while (*at != conn)
            at = &(*at)->next_woken;
        *at = conn->next_woken;
        conn->is_woken = false;
    }
    server->connections--;
    if (server->is_dropped)
        return;
    server->is_paused = false;
    update_accepting(server);
    if (server->all == NULL) {
        uv_timer_stop(&server->timer);
        server->timer_due_ms = INT64_MAX;
    }
}

const char *http_server_date(struct http_server *server)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t second = clock_wall_ms() / 1000;
    time_t time = (time_t)second;
    struct tm utc;

    if (second == server->date_second)
        return server->date;
    server->date_second = second;
    gmtime_r(&time, &utc);
    snprintf(server->date, sizeof server->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + utc.tm_wday * 3, utc.tm_mday, months + utc.tm_mon * 3, utc.tm_year + 1900,
             utc.tm_hour, utc.tm_min, utc.tm_sec);
    return server->date;
}

static bool is_full(const struct http_server *server)
{
    return server->options.max_connections > 0 &&
           server->connections >= server->options.max_connections;
}

// How well we can do without a connection.
enum worth { NEEDED, STUCK, IDLE, IDLE_STRANGER, NEW_STRANGER };

static enum worth worth_of(const struct http_conn *conn, int64_t now)
{
    int64_t quiet_ms = now - conn->since_ms;

    if (conn->state == HTTP_READING_HEAD || conn->state == HTTP_LINGERING) {
        if (conn->is_known)
            return quiet_ms < GRACE_MS ? NEEDED : IDLE;
        return quiet_ms < GRACE_MS ? NEW_STRANGER : IDLE_STRANGER;
    }
    return !conn->is_known && conn->is_sending && quiet_ms > STUCK_MS ? STUCK : NEEDED;
}

// Closes the connection that we need least; where several are worth as little, the oldest. False:
// all are in use, or those that could go came so lately that they may still say something.
static bool make_place(struct http_server *server)
{
    struct http_conn *least = NULL;
    int64_t now = http_server_now_ms(server);
    enum worth most = NEEDED;
    bool has_new = false;

    for (struct http_conn *conn = server->all; conn != NULL; conn = conn->next) {
        enum worth worth = worth_of(conn, now);

        if (worth == NEW_STRANGER) {
            has_new = true;
        } else if (worth > most ||
                   (least != NULL && worth == most && conn->since_ms < least->since_ms)) {
            least = conn;
            most = worth;
        }
    }
    if (least == NULL || (has_new && most < IDLE_STRANGER))
        return false;
    http_conn_gone(least);
    return true;
}

// Stops listening for a while: the newcomer stays in the backlog, and would wake us again at once.
static void pause_accepting(struct http_server *server, int64_t ms)
{
    server->is_paused = true;
    arm(server, http_server_now_ms(server) + ms);
}

// False: errno says why.
static bool accept_one(struct http_server *server)
{
    int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;

    if (fd < 0)
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    http_conn_open(server, fd);
    return true;
}

static void on_newcomer(uv_poll_t *listener, int status, int events)
{
    struct http_server *server = listener->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && server->fd >= 0; i++) {
        if (is_full(server)) {
            if (i > 0)
                return; // if there is another newcomer, we are called again
            if (!make_place(server)) {
                pause_accepting(server, GRACE_MS);
                break;
            }
        }
        if (accept_one(server))
            continue;
        if (errno == EAGAIN)
            return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("http.accept.paused", "error=\"%s\"", strerror(errno));
            make_place(server);
            pause_accepting(server, TICK_MS);
            break;
        }
    }
    update_accepting(server);
}

static void update_accepting(struct http_server *server)
{
    bool is_active = server->has_listener && uv_is_active((uv_handle_t *)&server->listener) != 0;
    bool wanted = server->fd >= 0 && !server->is_paused;

    if (wanted && !is_active)
        uv_poll_start(&server->listener, UV_READABLE, on_newcomer);
    else if (!wanted && is_active)
        uv_poll_stop(&server->listener);
}

static bool take_socket(struct http_server *server, int fd, struct err *err)
{
    struct sockaddr_storage bound = {0};
    in_port_t port;
    socklen_t len = sizeof bound;

    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    server->fd = fd;
    // The port is at the same place in both families' addresses.
    memcpy(&port, (const char *)&bound + offsetof(struct sockaddr_in, sin_port), sizeof port);
    server->port = ntohs(port);
    return true;
}

static bool listen_on(struct http_server *server, const struct addrinfo *address, struct err *err)
{
    int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_set(err, ERR_IO, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        err_set(err, ERR_IO, "%s", strerror(errno));
    else if (take_socket(server, fd, err))
        return true;
    close(fd);
    return false;
}

// Listens on a copy of a socket that listens already: a connection that waits there may be accepted
// by either server.
static bool listen_along(struct http_server *server, int fd, struct err *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    if (take_socket(server, copy, err))
        return true;
    close(copy);
    return false;
}

static bool listen_somewhere(struct http_server *server, struct err *err)
{
    const struct http_server_options *options = &server->options;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    char host[256], port[16];
    size_t len = strlen(options->host);
    const char *from = options->host;
    bool is_listening = false;
    int why;

    if (options->listen_fd > 0)
        return listen_along(server, options->listen_fd, err);
    if (len >= 2 && from[0] == '[' && from[len - 1] == ']') {
        from++;
        len -= 2;
    }
    if (len >= sizeof host)
        return err_set(err, ERR_CONFIG, "listen: the host is too long");
    memcpy(host, from, len);
    host[len] = '\0';
    snprintf(port, sizeof port, "%d", options->port);
    why = getaddrinfo(len > 0 ? host : NULL, port, &hints, &addresses);
    if (why != 0)
        return err_set(err, ERR_CONFIG, "listen on %s: %s", host, gai_strerror(why));
    for (struct addrinfo *at = addresses; at != NULL && !is_listening; at = at->ai_next)
        is_listening = listen_on(server, at, err);
    freeaddrinfo(addresses);
    return is_listening || err_wrap(err, "listen on %s:%d", host, options->port);
}

static void set_defaults(struct http_server_options *options)
{
    if (options->max_body_bytes == 0)
        options->max_body_bytes = SIZE_MAX;
    if (options->max_header_bytes == 0)
        options->max_header_bytes = 16 * 1024;
    if (options->max_target_bytes == 0)
        options->max_target_bytes = 8 * 1024;
    if (options->max_header_count == 0)
        options->max_header_count = 100;
    if (options->header_timeout_ms == 0)
        options->header_timeout_ms = 10000;
    if (options->body_timeout_ms == 0)
        options->body_timeout_ms = 30000;
    if (options->idle_timeout_ms == 0)
        options->idle_timeout_ms = 75000;
}

static void set_rooms(struct http_server *server)
{
    size_t most = server->options.max_body_bytes;

    server->arriving.total = server->whole.total = server->on_disk.total = SIZE_MAX;
    if (server->options.spool_dir == NULL)
        return;
    server->arriving.total = HTTP_ARRIVING_BYTES;
    server->whole.total = most > HTTP_WHOLE_BYTES / 2 ? 2 * most : HTTP_WHOLE_BYTES;
    server->on_disk.total =
        most > HTTP_WHOLE_BYTES / HTTP_FILES ? HTTP_FILES * most : HTTP_WHOLE_BYTES;
    server->on_disk.total += HTTP_LONG_FILES * server->options.max_long_bytes;
}

struct http_server *http_server_start(struct loop *loop, const struct http_server_options *options,
                                      struct err *err)
{
    struct http_server *server = mem_new(struct http_server);

    server->options = *options;
    server->uv = loop_uv(loop);
    server->fd = -1;
    server->timer_due_ms = INT64_MAX;
    set_defaults(&server->options);
    if (options->host != NULL && !listen_somewhere(server, err)) {
        free(server);
        return NULL;
    }
    server->options.host = NULL;
    set_rooms(server);
    if (getrandom(&server->id_prefix, sizeof server->id_prefix, 0) < 0)
        server->id_prefix = (uint32_t)clock_mono_us();
    server->turn = loop_turn_new(loop, on_turn, server);
    uv_timer_init(server->uv, &server->timer);
    server->timer.data = server->listener.data = server;
    server->refs = 1;
    server->has_listener = server->fd >= 0;
    if (server->has_listener) {
        uv_poll_init(server->uv, &server->listener, server->fd);
        server->refs++;
    }
    update_accepting(server);
    return server;
}

int http_server_listen_fd(struct http_server *server)
{
    server->is_shared = true;
    return server->fd;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->connections;
}

static void stop_listening(struct http_server *server)
{
    if (server->fd < 0)
        return;
    uv_poll_stop(&server->listener);
    close(server->fd);
    server->fd = -1;
}

// From now on nobody gets a connection: the first segment of each, a SYN, is dropped, which its
// sender sends again a little later, when nobody listens here or somebody else does.
static void drop_newcomers(int fd)
{
    enum { TCP_FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

// A connection that waits to be accepted would be reset when we stop listening, with the request
// that its client may have sent.
static void accept_the_last(struct http_server *server)
{
    drop_newcomers(server->fd);
    while (!is_full(server) && accept_one(server))
        ;
}

void http_server_drain(struct http_server *server)
{
    struct http_conn *conn, *next;

    if (server->fd >= 0 && !server->is_shared)
        accept_the_last(server);
    server->is_draining = true;
    stop_listening(server);
    for (conn = server->all; conn != NULL; conn = next) {
        next = conn->next;
        http_conn_drain(conn);
    }
}

static void on_closed(uv_handle_t *handle)
{
    http_server_unref(handle->data);
}

void http_server_drop(struct http_server **server)
{
    struct http_server *s = *server;

    if (s == NULL)
        return;
    *server = NULL;
    s->is_dropped = true;
    stop_listening(s);
    loop_turn_drop(&s->turn);
    if (s->has_listener)
        uv_close((uv_handle_t *)&s->listener, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
    while (s->all != NULL)
        http_conn_gone(s->all);
}
