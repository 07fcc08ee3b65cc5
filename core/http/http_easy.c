// One curl handle: what it is told of a call, and what it asks and says meanwhile.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/http/http_client_private.h"

enum {
    HEADER_BYTES_MAX = 64 << 10,
    UPLOAD_BUFFER_BYTES = 32 << 10, // curl's 64 KB are no faster
    LOW_SPEED_BYTES = 1024,
    UNACKNOWLEDGED_MS = 15000, // then a connection that is shared counts as dead
};

static bool is_allowed(struct http_call *call, const struct sockaddr *address)
{
    if (call->state != CALL_ACTIVE)
        return false;
    if (call->options.on_address == NULL || call->options.on_address(address, call->options.ctx))
        return true;
    call->is_refused = true;
    return false;
}

static curl_socket_t easy_on_open_socket(void *ctx, curlsocktype purpose,
                                         struct curl_sockaddr *address)
{
    struct http_easy *easy = ctx;
    unsigned silence_ms = UNACKNOWLEDGED_MS;
    int fd;

    (void)purpose;
    if (!is_allowed(easy->call, &address->addr))
        return CURL_SOCKET_BAD;
    easy->call->has_opened = true;
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    // A call that runs out of time closes its connection, but not one that others use, too.
    if (fd >= 0 && easy->call->has_http2)
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof silence_ms);
    return fd; // CURL_SOCKET_BAD is what there is none by, too
}

// The connection stands, TLS included, and the request goes next. A connection from the pool was
// perhaps opened for a call that may go to other addresses than this one.
static int easy_on_ready(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
    struct http_easy *easy = ctx;
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
    if (call->state != CALL_ACTIVE)
        return CURL_PREREQFUNC_ABORT;
    if (call->options.on_address != NULL && (address == NULL || !is_allowed(call, address))) {
        call->is_refused = true;
        call->has_opened = false;
        return CURL_PREREQFUNC_ABORT;
    }
    if (call->options.on_begin != NULL && !call->options.on_begin(call->options.ctx))
        return CURL_PREREQFUNC_ABORT;
    call->has_begun = true;
    return CURL_PREREQFUNC_OK;
}

static bool begins_with(const char *line, const char *name)
{
    return strncmp(line, name, strlen(name)) == 0;
}

// What the head says of the encoded form isn't true of the decoded bytes that we hand on, and a
// transfer can't be resumed by it.
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

// An answer comes while curl waits for the request's body. One that refuses what has gone out needs
// no more of it, but curl wouldn't end as long as it waits. Where it needs more, it asks again.
static void stop_waiting(struct http_call *call)
{
    call->is_paused = false;
    http_easy_set_low_speed(call);
    curl_easy_pause(call->easy->curl, CURLPAUSE_CONT);
}

static size_t easy_on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct http_easy *easy = ctx;
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
    if (response->is_head_complete && call->is_paused)
        stop_waiting(call);
    return len;
}

static size_t easy_on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct http_easy *easy = ctx;
    struct http_call *call = easy->call;
    size_t len = size * count;

    if (call->state != CALL_ACTIVE)
        return CURL_WRITEFUNC_ERROR;
    if (call->options.on_data != NULL) {
        if (!call->options.on_data(call->options.ctx, &call->response, data, len)) {
            call->is_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        return call->state == CALL_ACTIVE ? len : CURL_WRITEFUNC_ERROR;
    }
    if (len > call->options.max_body_bytes ||
        call->response.body.len > call->options.max_body_bytes - len) {
        call->excess = "body";
        return CURL_WRITEFUNC_ERROR;
    }
    buf_add(&call->response.body, data, len);
    return len;
}

static int easy_on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct http_easy *easy = ctx;
    struct http_call *call = easy->call;

    if (call->state == CALL_ACTIVE && call->options.on_rewind != NULL && offset == 0 &&
        origin == SEEK_SET && call->options.on_rewind(call->options.ctx))
        return CURL_SEEKFUNC_OK;
    call->is_past = true;
    return CURL_SEEKFUNC_FAIL;
}

static size_t easy_on_source(char *to, size_t size, size_t count, void *ctx)
{
    struct http_easy *easy = ctx;
    struct http_call *call = easy->call;
    size_t len;

    if (call->state != CALL_ACTIVE)
        return CURL_READFUNC_ABORT;
    len = call->options.on_source(call->options.ctx, to, size * count);
    if (len == HTTP_SOURCE_BROKEN) {
        call->is_broken = true;
        return CURL_READFUNC_ABORT;
    }
    if (len == 0) {
        call->is_paused = true;
        // It is we who are slow now, not the server.
        curl_easy_setopt(easy->curl, CURLOPT_LOW_SPEED_LIMIT, 0L);
        return CURL_READFUNC_PAUSE;
    }
    return len;
}

struct http_easy *http_easy_new(const char *user_agent)
{
    struct http_easy *easy = mem_new(struct http_easy);
    CURL *curl = easy->curl = curl_easy_init();

    if (curl == NULL)
        abort(); // as mem_new does
    curl_easy_setopt(curl, CURLOPT_PRIVATE, easy);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, easy->error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    // Without this a call that ends during a lookup would wait for the resolver's thread, on the
    // loop.
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    // OpenSSL and the curl tool look at these variables; the library by itself doesn't.
    if (getenv("SSL_CERT_FILE") != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    if (getenv("SSL_CERT_DIR") != NULL)
        curl_easy_setopt(curl, CURLOPT_CAPATH, getenv("SSL_CERT_DIR"));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, user_agent);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, easy_on_open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, easy);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, easy_on_ready);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, easy);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, easy_on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, easy);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, easy_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, easy);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, easy_on_source);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, easy_on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, easy);
    curl_easy_setopt(curl, CURLOPT_READDATA, easy);
    return easy;
}

void http_easy_free(struct http_easy *easy)
{
    curl_easy_cleanup(easy->curl);
    free(easy);
}

void http_easy_reset(struct http_easy *easy)
{
    curl_easy_setopt(easy->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(easy->curl, CURLOPT_POSTFIELDS, NULL);
    easy->call = NULL;
    easy->error[0] = '\0';
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
    bool has_source = call->options.on_source != NULL;
    bool has_body = method == HTTP_POST_ || method == HTTP_PUT_ || request->body.len > 0;
    bool has_type;

    call->headers = header_list(&request->headers, &has_type);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L); // undoes what the call before has set
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    if (has_source && method != HTTP_POST_) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->options.source_bytes);
    } else if (has_body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        // Where there are no fields curl asks the source.
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, has_source ? NULL : buf_text(&request->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         has_source ? (curl_off_t)call->options.source_bytes
                                    : (curl_off_t)request->body.len);
        if (!has_type) // without a type curl says that the body is a form
            call->headers = curl_slist_append(call->headers, "Content-Type:");
        if (method != HTTP_POST_)
            curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, http_method_name(method));
    } else if (method == HTTP_HEAD_) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (method != HTTP_GET_) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, http_method_name(method));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);
}

void http_easy_set_low_speed(const struct http_call *call)
{
    int64_t limit_ms = call->options.low_speed_ms;
    CURL *curl = call->easy->curl;

    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, limit_ms > 0 ? (long)LOW_SPEED_BYTES : 0L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)((limit_ms + 999) / 1000));
}

void http_easy_set(struct http_call *call, size_t buffer_bytes)
{
    const struct http_options *options = &call->options;
    long is_fresh = options->fresh_connection;
    CURL *curl = call->easy->curl;

    curl_easy_setopt(curl, CURLOPT_URL, call->request.url == NULL ? "" : call->request.url);
    set_method(call, curl);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    http_easy_set_low_speed(call);
    // "" stands for all encodings that curl can undo. It undoes them also where none was asked for.
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, options->wants_plain ? "identity" : "");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     call->has_http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    // Whoever comes while the first connection is made waits to learn whether it can be shared.
    curl_easy_setopt(curl, CURLOPT_PIPEWAIT, call->has_http2 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, is_fresh);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, is_fresh);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)buffer_bytes);
}
