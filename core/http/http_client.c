// Outgoing HTTP over curl's multi interface.
//
//  http_start ─▶ QUEUED ── end of the turn ──▶ ACTIVE ── curl is done ──▶ FIRED ─▶ freed
//                  └──────── http_cancel ────────┴──▶ CANCELLED ── end of the turn ──▶ freed
//
// curl forbids most calls from inside its own callbacks, and on_data is one. So what callers ask
// for (start, resume, cancel) is noted, and done at the end of the turn by on_turn; `done` is
// called where curl has returned. Callers may therefore ask for anything from anywhere.
#include "core/http/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    BODY_BYTES_MAX = 4 << 20,
    HEADER_BYTES_MAX = 64 << 10,
    STREAM_BUFFER_BYTES = 64 << 10, // fewer reads per megabyte than with curl's 16 KB
    LOW_SPEED_BYTES = 1024,
    IDLE_CONNECTIONS_MAX = 256, // curl's own limit shrinks in quiet moments
    IDLE_EASIES_MAX = 128,
};

// A curl handle and what it points to, kept for the next call: its callbacks are set once.
struct easy {
    CURL *curl;
    struct http_call *call;
    struct easy *next; // of those without a call
    char error[CURL_ERROR_SIZE];
};

enum state { QUEUED, ACTIVE, FIRED, CANCELLED };

struct http_call {
    struct http_client *client;
    struct http_call *previous, *next; // of all
    struct http_call *next_due;        // of those that on_turn has to look at
    bool is_due;
    enum state state;
    struct http_request request;
    struct http_options options;
    http_done_fn done;
    struct http_response response;
    struct easy *easy;
    struct curl_slist *headers;
    bool is_paused, wants_resume;
    bool has_begun;     // a connection was ready: from here on, bytes may have left
    bool has_opened;    // an address was tried
    bool is_refused;    // an address was refused
    bool is_past;       // what the connection took with it can't be sent again
    bool is_well;       // it has ended so
    const char *excess; // what was larger than allowed
};

// The poll of a socket of curl's. libuv may need it for longer than curl does.
struct watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t socket;
    int events;
    bool is_closed;
};

struct http_client {
    uv_timer_t timer;  // curl's only one; first, as it is what libuv frees
    struct loop *loop; // borrowed, outlives us
    CURLM *multi;
    char *user_agent;
    struct http_call *calls;
    struct http_call *due, **due_end;
    struct easy *idle;
    unsigned idle_count;
    struct loop_turn *turn;
    bool is_busy;    // one of our handlers is below us on the stack
    bool is_dropped; // and is to tidy up
};

static void ask_turn(struct http_call *call)
{
    struct http_client *client = call->client;

    if (!call->is_due) {
        call->is_due = true;
        call->next_due = NULL;
        *client->due_end = call;
        client->due_end = &call->next_due;
    }
    loop_turn_ask(client->turn);
}

// Whether another call may use the handle: after one that went well. libcurl 8 leaks the name of a
// host that wasn't found (curl issue 17602), and wants to rewind the body that was cut before it
// begins with another.
static bool is_handle_kept(const struct http_call *call)
{
    return call->client->idle_count < IDLE_EASIES_MAX && !call->client->is_dropped && call->is_well;
}

static void free_call(struct http_call *call)
{
    struct http_client *client = call->client;
    struct easy *easy = call->easy;

    if (easy != NULL) {
        curl_multi_remove_handle(client->multi, easy->curl);
        easy->call = NULL;
        if (is_handle_kept(call)) {
            curl_easy_setopt(easy->curl, CURLOPT_HTTPHEADER, NULL);
            curl_easy_setopt(easy->curl, CURLOPT_POSTFIELDS, NULL);
            easy->next = client->idle;
            client->idle = easy;
            client->idle_count++;
        } else {
            curl_easy_cleanup(easy->curl);
            free(easy);
        }
    }
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        client->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    curl_slist_free_all(call->headers);
    http_request_clear(&call->request);
    http_response_clear(&call->response);
    free(call);
}

static void describe(const struct http_call *call, CURLcode result, struct http_failure *failure)
{
    const char *reason = call->easy != NULL && call->easy->error[0] != '\0'
                             ? call->easy->error
                             : curl_easy_strerror(result);
    // Queries hold signatures and keys. curl's texts have no URL as far as we know; be sure.
    int len = (int)strcspn(reason, "?");

    failure->nothing_sent = !call->has_begun;
    if (call->is_refused && !call->has_opened)
        err_set(&failure->err, ERR_REFUSED, "the address is not allowed");
    else if (call->excess != NULL)
        err_set(&failure->err, ERR_TOO_LARGE, "the answer's %s exceeds the limit", call->excess);
    else if (call->is_past)
        err_set(&failure->err, ERR_UPSTREAM, "the connection was reset within the body");
    else if (result == CURLE_OPERATION_TIMEDOUT)
        err_set(&failure->err, ERR_TIMEOUT, "%.*s", len, reason);
    else if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL ||
             result == CURLE_LOGIN_DENIED)
        err_set(&failure->err, ERR_REFUSED, "%.*s", len, reason);
    else
        err_set(&failure->err, ERR_UPSTREAM, "%.*s", len, reason);
}

// Not from inside curl. The callback may do anything to any call.
static void finish(struct http_call *call, CURLcode result)
{
    struct http_failure failure;

    call->state = FIRED;
    // curl is content with a head that broke off.
    if (result == CURLE_OK && !call->response.is_head_complete)
        result = CURLE_GOT_NOTHING;
    call->is_well = result == CURLE_OK;
    if (result != CURLE_OK)
        describe(call, result, &failure);
    call->done(call->options.ctx, &call->response, result == CURLE_OK ? NULL : &failure);
    if (call->is_due) // asked for in vain, on_turn frees it
        call->state = CANCELLED;
    else
        free_call(call);
}

static void free_client(uv_handle_t *timer)
{
    free(timer);
}

static void destroy(struct http_client *client)
{
    while (client->calls != NULL)
        free_call(client->calls);
    while (client->idle != NULL) {
        struct easy *easy = client->idle;

        client->idle = easy->next;
        curl_easy_cleanup(easy->curl);
        free(easy);
    }
    curl_multi_cleanup(client->multi);
    loop_turn_drop(&client->turn);
    free(client->user_agent);
    uv_close((uv_handle_t *)&client->timer, free_client);
}

// Between these two the client stays, whatever the callbacks do.
static void enter(struct http_client *client)
{
    client->is_busy = true;
}

static void leave(struct http_client *client)
{
    CURLMsg *message;
    int left;

    while (!client->is_dropped && (message = curl_multi_info_read(client->multi, &left)) != NULL) {
        CURLcode result = message->data.result;
        struct easy *easy;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &easy);
        if (easy->call->state == ACTIVE)
            finish(easy->call, result);
    }
    client->is_busy = false;
    if (client->is_dropped)
        destroy(client);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_client *client = timer->data;
    int running;

    enter(client);
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    leave(client);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http_client *client = ctx;

    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&client->timer);
    else
        uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_polled(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    struct http_client *client = watch->client;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    int running;

    // On an error libuv stops the poll and hides what came before it. curl reads that, and the
    // reason; where it doesn't care to look, it is told.
    if (status < 0) {
        watch->events = 0;
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
    }
    enter(client);
    curl_multi_socket_action(client->multi, watch->socket, flags, &running);
    if (status < 0 && !watch->is_closed)
        curl_multi_socket_action(client->multi, watch->socket, CURL_CSELECT_ERR, &running);
    leave(client);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_curl_socket(CURL *curl, curl_socket_t socket, int what, void *ctx, void *known)
{
    struct http_client *client = ctx;
    struct watch *watch = known;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            watch->is_closed = true;
            uv_close((uv_handle_t *)&watch->poll, free_watch);
            curl_multi_assign(client->multi, socket, NULL);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = mem_new(struct watch);
        watch->poll.data = watch;
        watch->client = client;
        watch->socket = socket;
        if (uv_poll_init(loop_uv(client->loop), &watch->poll, socket) != 0) {
            log_error("http.poll", "socket=%d error=\"the loop can't watch it\"", (int)socket);
            free(watch);
            return 0; // the call runs into its timeout
        }
        curl_multi_assign(client->multi, socket, watch);
    }
    // Each start costs two system calls, also where nothing changes.
    if (events != watch->events) {
        watch->events = events;
        if (events == 0)
            uv_poll_stop(&watch->poll);
        else
            uv_poll_start(&watch->poll, events, on_polled);
    }
    return 0;
}

static bool is_allowed(struct http_call *call, const struct sockaddr *address)
{
    if (call->state != ACTIVE)
        return false;
    if (call->options.on_address == NULL || call->options.on_address(address, call->options.ctx))
        return true;
    call->is_refused = true;
    return false;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct easy *easy = ctx;

    (void)purpose;
    if (!is_allowed(easy->call, &address->addr))
        return CURL_SOCKET_BAD;
    easy->call->has_opened = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// The connection stands, TLS included, and the request goes next. One from the pool was perhaps
// opened for a call that may go elsewhere than this one.
static int on_ready(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
    struct easy *easy = ctx;
    struct http_call *call = easy->call;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)remote_port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)remote_port)};
    const struct sockaddr *address = NULL;

    (void)local;
    (void)local_port;
    if (inet_pton(AF_INET, remote, &v4.sin_addr) == 1)
        address = (const struct sockaddr *)&v4;
    else if (inet_pton(AF_INET6, remote, &v6.sin6_addr) == 1)
        address = (const struct sockaddr *)&v6;
    if (call->state != ACTIVE)
        return CURL_PREREQFUNC_ABORT;
    if (call->options.on_address != NULL && (address == NULL || !is_allowed(call, address))) {
        call->is_refused = true;
        call->has_opened = false;
        return CURL_PREREQFUNC_ABORT;
    }
    call->has_begun = true;
    return CURL_PREREQFUNC_OK;
}

static bool begins_with(const char *line, const char *name)
{
    return strncmp(line, name, strlen(name)) == 0;
}

// What is said of the encoded form isn't true of what we hand on, and can't be resumed from.
static void forget_encoded_form(struct http_response *response)
{
    struct buf kept = {0}, encoding = {0};
    const char *name = http_header(response, "content-encoding", &encoding);

    if (name == NULL || *name == '\0' || strcasecmp(name, "identity") == 0) {
        buf_clear(&encoding);
        return;
    }
    for (const char *line = buf_text(&response->headers); *line != '\0';) {
        size_t len = strcspn(line, "\n") + 1;

        if (!begins_with(line, "content-length:") && !begins_with(line, "content-range:") &&
            !begins_with(line, "etag:") && !begins_with(line, "last-modified:"))
            buf_add(&kept, line, len);
        line += len;
    }
    buf_clear(&encoding);
    buf_clear(&response->headers);
    response->headers = kept;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct easy *easy = ctx;
    struct http_call *call = easy->call;
    struct http_response *response = &call->response;
    size_t len = size * count;

    if (response->is_head_complete) // trailers
        return len;
    if (response->headers.len + len > HEADER_BYTES_MAX) {
        call->excess = "head";
        return CURL_WRITEFUNC_ERROR;
    }
    http_response_add_line(response, line, len);
    if (response->is_head_complete && call->request.method != HTTP_HEAD_)
        forget_encoded_form(response);
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct easy *easy = ctx;
    struct http_call *call = easy->call;
    size_t len = size * count;

    if (call->state != ACTIVE)
        return CURL_WRITEFUNC_ERROR;
    if (call->options.on_data != NULL) {
        if (!call->options.on_data(call->options.ctx, &call->response, data, len)) {
            call->is_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        return call->state == ACTIVE ? len : CURL_WRITEFUNC_ERROR;
    }
    if (len > call->options.max_body_bytes ||
        call->response.body.len > call->options.max_body_bytes - len) {
        call->excess = "body";
        return CURL_WRITEFUNC_ERROR;
    }
    buf_add(&call->response.body, data, len);
    return len;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct easy *easy = ctx;
    struct http_call *call = easy->call;

    if (call->state == ACTIVE && call->options.on_rewind != NULL && offset == 0 &&
        origin == SEEK_SET && call->options.on_rewind(call->options.ctx))
        return CURL_SEEKFUNC_OK;
    call->is_past = true;
    return CURL_SEEKFUNC_FAIL;
}

static size_t on_source(char *to, size_t size, size_t count, void *ctx)
{
    struct easy *easy = ctx;
    struct http_call *call = easy->call;
    size_t len;

    if (call->state != ACTIVE)
        return CURL_READFUNC_ABORT;
    len = call->options.on_source(call->options.ctx, to, size * count);
    if (len == 0) {
        call->is_paused = true;
        // It is ours, not the server's, to be slow now.
        curl_easy_setopt(easy->curl, CURLOPT_LOW_SPEED_LIMIT, 0L);
        return CURL_READFUNC_PAUSE;
    }
    return len;
}

static struct easy *take_easy(struct http_client *client)
{
    struct easy *easy = client->idle;
    CURL *curl;

    if (easy != NULL) {
        client->idle = easy->next;
        client->idle_count--;
        easy->error[0] = '\0';
        return easy;
    }
    easy = mem_new(struct easy);
    easy->curl = curl = curl_easy_init();
    if (curl == NULL)
        abort(); // as mem_new does
    curl_easy_setopt(curl, CURLOPT_PRIVATE, easy);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, easy->error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    // Else a call that ends during a lookup would wait for the resolver's thread, on the loop.
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    // What OpenSSL and the curl tool look at; the library doesn't by itself.
    if (getenv("SSL_CERT_FILE") != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    if (getenv("SSL_CERT_DIR") != NULL)
        curl_easy_setopt(curl, CURLOPT_CAPATH, getenv("SSL_CERT_DIR"));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, client->user_agent);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, easy);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, easy);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, easy);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, easy);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_source);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, easy);
    curl_easy_setopt(curl, CURLOPT_READDATA, easy);
    return easy;
}

// curl's list from "Name: value" lines. Control characters would forge further lines.
static struct curl_slist *header_list(const struct buf *lines, bool *has_type)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    const char *line = buf_text(lines);
    struct buf text = {0};

    *has_type = false;
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");
        const char *colon = memchr(line, ':', len);

        buf_reset(&text);
        buf_add(&text, line, len);
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)text.data[i] < ' ' && text.data[i] != '\t')
                text.data[i] = ' ';
        if (colon != NULL) {
            size_t name_len = (size_t)(colon - line);

            // To curl "Name:" means to send none, and "Name;" to send an empty one.
            if (strspn(text.data + name_len + 1, " \t") == len - name_len - 1) {
                text.data[name_len] = ';';
                text.data[name_len + 1] = '\0';
            }
            *has_type = *has_type || (name_len == 12 && strncasecmp(line, "Content-Type", 12) == 0);
            list = curl_slist_append(list, text.data);
        }
        line += len;
        if (*line == '\n')
            line++;
    }
    buf_clear(&text);
    return list;
}

static void set_method(struct http_call *call, CURL *curl)
{
    const struct http_request *request = &call->request;
    enum http_method method = request->method;
    bool has_body = method == HTTP_POST_ || method == HTTP_PUT_ || request->body.len > 0;
    bool has_type;

    call->headers = header_list(&request->headers, &has_type);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L); // undoes what the call before left
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    if (call->options.on_source != NULL) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->options.source_bytes);
    } else if (has_body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, buf_text(&request->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        if (!has_type) // else curl says it is a form
            call->headers = curl_slist_append(call->headers, "Content-Type:");
        if (method != HTTP_POST_)
            curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, http_method_name(method));
    } else if (method == HTTP_HEAD_) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (method == HTTP_DELETE_) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);
}

static void set_low_speed(const struct http_call *call)
{
    int64_t limit_ms = call->options.low_speed_ms;
    CURL *curl = call->easy->curl;

    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, limit_ms > 0 ? (long)LOW_SPEED_BYTES : 0L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)((limit_ms + 999) / 1000));
}

static void begin(struct http_call *call)
{
    struct http_client *client = call->client;
    const struct http_options *options = &call->options;
    long is_fresh = options->fresh_connection;
    CURL *curl;

    call->state = ACTIVE;
    call->easy = take_easy(client);
    call->easy->call = call;
    curl = call->easy->curl;
    curl_easy_setopt(curl, CURLOPT_URL, call->request.url == NULL ? "" : call->request.url);
    set_method(call, curl);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    set_low_speed(call);
    // "" stands for all that curl can undo. It undoes these also where nothing was asked for.
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, options->wants_plain ? "identity" : "");
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, is_fresh);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, is_fresh);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE,
                     options->on_data != NULL ? (long)STREAM_BUFFER_BYTES
                                              : (long)CURL_MAX_WRITE_SIZE);
    if (curl_multi_add_handle(client->multi, curl) != CURLM_OK)
        finish(call, CURLE_OUT_OF_MEMORY);
}

static void resume(struct http_call *call)
{
    CURLcode result;

    call->wants_resume = false;
    if (!call->is_paused)
        return;
    call->is_paused = false;
    set_low_speed(call);
    // Delivers what it has kept, from inside. An error there doesn't end the transfer, so we do.
    result = curl_easy_pause(call->easy->curl, CURLPAUSE_CONT);
    if (result != CURLE_OK && call->state == ACTIVE)
        finish(call, result);
}

static void on_turn(void *ctx)
{
    struct http_client *client = ctx;
    struct http_call *call;
    int running;

    enter(client);
    while ((call = client->due) != NULL && !client->is_dropped) {
        client->due = call->next_due;
        if (client->due == NULL)
            client->due_end = &client->due;
        call->is_due = false;
        if (call->state == QUEUED)
            begin(call);
        else if (call->state == CANCELLED)
            free_call(call);
        else if (call->wants_resume)
            resume(call);
    }
    // What has been added or resumed starts now and not at the loop's next look at its timers.
    if (!client->is_dropped)
        curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    leave(client);
}

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
        log_error("http.resolver", "error=\"this libcurl looks names up on the loop\"");
}

struct http_client *http_client_new(struct loop *loop, const char *user_agent)
{
    static uv_once_t once = UV_ONCE_INIT;
    struct http_client *client = mem_new(struct http_client);

    uv_once(&once, init_curl);
    client->loop = loop;
    client->user_agent = mem_str(user_agent);
    client->due_end = &client->due;
    client->turn = loop_turn_new(loop, on_turn, client);
    uv_timer_init(loop_uv(loop), &client->timer);
    client->timer.data = client;
    client->multi = curl_multi_init();
    if (client->multi == NULL)
        abort(); // as mem_new does
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    return client;
}

void http_client_drop(struct http_client **slot)
{
    struct http_client *client = *slot;

    if (client == NULL)
        return;
    *slot = NULL;
    for (struct http_call *call = client->calls; call != NULL; call = call->next)
        if (call->state != FIRED)
            call->state = CANCELLED;
    client->is_dropped = true;
    if (!client->is_busy)
        destroy(client);
}

struct http_call *http_start(struct http_client *client, struct http_request *request,
                             const struct http_options *options, http_done_fn done)
{
    struct http_call *call = mem_new(struct http_call);

    call->client = client;
    call->request = *request;
    *request = (struct http_request){0};
    call->options = *options;
    if (call->options.connect_timeout_ms <= 0)
        call->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (call->options.max_body_bytes == 0)
        call->options.max_body_bytes = BODY_BYTES_MAX;
    call->done = done;
    call->next = client->calls;
    if (call->next != NULL)
        call->next->previous = call;
    client->calls = call;
    ask_turn(call);
    return call;
}

void http_resume(struct http_call *call)
{
    if (call->state != ACTIVE)
        return;
    call->wants_resume = true;
    ask_turn(call);
}

void http_cancel(struct http_call **slot)
{
    struct http_call *call = *slot;

    if (call == NULL)
        return;
    *slot = NULL;
    if (call->state == FIRED) // from inside its own `done`: it goes by itself
        return;
    call->state = CANCELLED;
    ask_turn(call);
}
