// Outgoing HTTP over curl's multi interface.
//
//  http_start ─▶ QUEUED ── end of the turn ──▶ ACTIVE ── curl is done ──▶ FIRED ─▶ freed
//                  └──────── http_cancel ────────┴──▶ CANCELLED ── end of the turn ──▶ freed
//
// curl forbids most calls from inside its own callbacks, and on_data is called from one. So what
// callers ask for (start, resume, cancel) is noted, and done at the end of the turn by on_turn;
// `done` is called after curl has returned. Callers may therefore ask for anything from anywhere.
#include "core/http/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/http/http_client_private.h"
#include "core/http/http_multi.h"
#include "core/http/http_wary.h"
#include "core/loop/loop.h"

// CURLE_TOO_LARGE, which curl 7.88 has no name for: it keeps at most 64 MB decoded while a transfer
// is paused.
enum { RESULT_TOO_LARGE = 100 };

enum {
    CONNECT_TIMEOUT_MS = 10000,
    BODY_BYTES_MAX = 4 << 20,
    IDLE_EASIES_MAX = 128,
    // Fewer reads per megabyte than with curl's 16 KB. Beside many streams one waits for the
    // others, however much it reads at once.
    STREAM_BUFFER_BYTES = 64 << 10,
    SMALL_STREAM_BUFFER_BYTES = 32 << 10,
    LARGE_STREAMS_MAX = 8,
};

// Connections, and whose they are. Calls that share one have a pool of their own: where one pool
// has both kinds, curl 7.88 lets a call join a connection that is being made for another alone.
struct pool {
    struct http_multi *multi;
    struct http_client *client;
    bool is_touched; // in this turn a call was added or resumed
};

enum { POOL_ALONE, POOL_SHARED, POOL_COUNT };

struct http_client {
    struct pool pools[POOL_COUNT];
    char *user_agent;
    struct http_call *calls;
    struct http_call *due, **due_end;
    struct http_wary wary;
    struct http_easy *idle;
    unsigned idle_count;
    unsigned streams; // calls under way whose bodies are streamed to their callers
    struct loop_turn *turn;
    bool is_busy;    // one of our handlers is below us on the stack
    bool is_dropped; // freed once that handler has returned
};

static struct pool *pool_of(const struct http_call *call)
{
    return &call->client->pools[call->has_http2 ? POOL_SHARED : POOL_ALONE];
}

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

// Whether another call may use the handle: only after a call that went well. libcurl 8 leaks the
// name of a host that wasn't found (curl issue 17602), and wants to rewind the body that was cut
// before it begins with another.
static bool is_handle_kept(const struct http_call *call)
{
    return call->client->idle_count < IDLE_EASIES_MAX && !call->client->is_dropped && call->is_well;
}

static bool is_stream(const struct http_call *call)
{
    return call->options.on_data != NULL;
}

static size_t buffer_bytes(const struct http_call *call)
{
    if (!is_stream(call))
        return CURL_MAX_WRITE_SIZE;
    return call->client->streams > LARGE_STREAMS_MAX ? SMALL_STREAM_BUFFER_BYTES
                                                     : STREAM_BUFFER_BYTES;
}

static void free_call(struct http_call *call)
{
    struct http_client *client = call->client;
    struct http_easy *easy = call->easy;

    if (easy != NULL) {
        client->streams -= is_stream(call);
        curl_multi_remove_handle(http_multi_curl(pool_of(call)->multi), easy->curl);
        if (is_handle_kept(call)) {
            http_easy_reset(easy);
            easy->next = client->idle;
            client->idle = easy;
            client->idle_count++;
        } else {
            http_easy_free(easy);
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

static void call_describe(const struct http_call *call, CURLcode result,
                          struct http_failure *failure)
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
    else if ((int)result == RESULT_TOO_LARGE)
        err_set(&failure->err, ERR_TOO_LARGE, "the answer is far larger decoded than sent");
    else if (call->is_broken)
        err_set(&failure->err, ERR_IO, "the request's body broke off");
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

// Not called from inside curl. The callback may do anything to any call.
static void call_finish(struct http_call *call, CURLcode result)
{
    struct http_failure failure;

    call->state = CALL_FIRED;
    // curl is content with a head that broke off.
    if (result == CURLE_OK && !call->response.is_head_complete)
        result = CURLE_GOT_NOTHING;
    call->is_well = result == CURLE_OK;
    if (result == CURLE_OPERATION_TIMEDOUT && call->has_http2 && call->has_begun)
        http_wary_note(&call->client->wary, call->request.url, clock_mono_ms());
    if (result != CURLE_OK)
        call_describe(call, result, &failure);
    call->done(call->options.ctx, &call->response, result == CURLE_OK ? NULL : &failure);
    if (call->is_due) // on_turn still has it on its list, and frees it
        call->state = CALL_CANCELLED;
    else
        free_call(call);
}

static void client_destroy(struct http_client *client)
{
    while (client->calls != NULL)
        free_call(client->calls);
    while (client->idle != NULL) {
        struct http_easy *easy = client->idle;

        client->idle = easy->next;
        http_easy_free(easy);
    }
    for (int i = 0; i < POOL_COUNT; i++)
        http_multi_free(client->pools[i].multi);
    loop_turn_drop(&client->turn);
    free(client->user_agent);
    free(client);
}

// Between client_enter and client_leave the client stays, whatever the callbacks do.
static void client_enter(struct http_client *client)
{
    client->is_busy = true;
}

static void pool_finish(const struct pool *pool)
{
    CURLM *curl = http_multi_curl(pool->multi);
    CURLMsg *message;
    int left;

    while (!pool->client->is_dropped && (message = curl_multi_info_read(curl, &left)) != NULL) {
        CURLcode result = message->data.result;
        struct http_easy *easy;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &easy);
        if (easy->call->state == CALL_ACTIVE)
            call_finish(easy->call, result);
    }
}

static void client_leave(struct http_client *client)
{
    for (int i = 0; i < POOL_COUNT; i++)
        pool_finish(&client->pools[i]);
    client->is_busy = false;
    if (client->is_dropped)
        client_destroy(client);
}

static struct http_easy *take_easy(struct http_client *client)
{
    struct http_easy *easy = client->idle;

    if (easy == NULL)
        return http_easy_new(client->user_agent);
    client->idle = easy->next;
    client->idle_count--;
    return easy;
}

static void on_act(void *ctx, curl_socket_t socket, int flags)
{
    struct pool *pool = ctx;
    int running;

    client_enter(pool->client);
    curl_multi_socket_action(http_multi_curl(pool->multi), socket, flags, &running);
    client_leave(pool->client);
}

// Without TLS there is nothing to offer, and no call waits to learn what another was answered.
static bool may_offer_http2(const struct http_call *call)
{
    const char *url = call->request.url;

    return call->options.offers_http2 && url != NULL && strncasecmp(url, "https:", 6) == 0 &&
           !http_wary_of(&call->client->wary, url, clock_mono_ms());
}

static void call_begin(struct http_call *call)
{
    call->state = CALL_ACTIVE;
    call->easy = take_easy(call->client);
    call->easy->call = call;
    call->has_http2 = may_offer_http2(call);
    call->client->streams += is_stream(call);
    http_easy_set(call, buffer_bytes(call));
    pool_of(call)->is_touched = true;
    if (curl_multi_add_handle(http_multi_curl(pool_of(call)->multi), call->easy->curl) != CURLM_OK)
        call_finish(call, CURLE_OUT_OF_MEMORY);
}

static void call_resume(struct http_call *call)
{
    CURLcode result;

    call->wants_resume = false;
    if (!call->is_paused)
        return;
    call->is_paused = false;
    pool_of(call)->is_touched = true;
    http_easy_set_low_speed(call);
    // From inside this call curl delivers what it has kept. An error there doesn't end the
    // transfer, so we end it.
    result = curl_easy_pause(call->easy->curl, CURLPAUSE_CONT);
    if (result != CURLE_OK && call->state == CALL_ACTIVE)
        call_finish(call, result);
}

static void client_on_turn(void *ctx)
{
    struct http_client *client = ctx;
    struct http_call *call;
    int running;

    client_enter(client);
    while ((call = client->due) != NULL && !client->is_dropped) {
        client->due = call->next_due;
        if (client->due == NULL)
            client->due_end = &client->due;
        call->is_due = false;
        if (call->state == CALL_QUEUED)
            call_begin(call);
        else if (call->state == CALL_CANCELLED)
            free_call(call);
        else if (call->wants_resume)
            call_resume(call);
    }
    // What has been added or resumed starts now and not at the loop's next look at its timers.
    for (int i = 0; i < POOL_COUNT && !client->is_dropped; i++) {
        struct pool *pool = &client->pools[i];

        if (pool->is_touched)
            curl_multi_socket_action(http_multi_curl(pool->multi), CURL_SOCKET_TIMEOUT, 0,
                                     &running);
        pool->is_touched = false;
    }
    client_leave(client);
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
    client->user_agent = mem_str(user_agent);
    client->due_end = &client->due;
    client->turn = loop_turn_new(loop, client_on_turn, client);
    for (int i = 0; i < POOL_COUNT; i++) {
        struct pool *pool = &client->pools[i];

        pool->client = client;
        pool->multi = http_multi_new(loop, on_act, pool);
    }
    return client;
}

void http_client_drop(struct http_client **slot)
{
    struct http_client *client = *slot;

    if (client == NULL)
        return;
    *slot = NULL;
    for (struct http_call *call = client->calls; call != NULL; call = call->next)
        if (call->state != CALL_FIRED)
            call->state = CALL_CANCELLED;
    client->is_dropped = true;
    if (!client->is_busy)
        client_destroy(client);
}

struct http_call *http_start(struct http_client *client, struct http_request *request,
                             const struct http_options *options, http_done_fn done)
{
    struct http_call *call = mem_new(struct http_call);

    assert(request->gap_count == 0);
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
    if (call->state != CALL_ACTIVE)
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
    if (call->state == CALL_FIRED) // from inside its own `done`: the call is freed after it
        return;
    call->state = CALL_CANCELLED;
    ask_turn(call);
}
