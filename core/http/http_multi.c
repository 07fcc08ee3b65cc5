// libcurl's multi interface on the loop.
#include "core/http/http_multi.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

enum { IDLE_CONNECTIONS_MAX = 256 }; // curl's own limit shrinks in quiet moments

struct http_multi {
    uv_timer_t timer;  // curl's only timer; first: what libuv gives back
    struct loop *loop; // borrowed, outlives us
    CURLM *curl;
    http_multi_act_fn act;
    void *ctx;
};

// Our poll of one of curl's sockets. libuv may need it for longer than curl does.
struct watch {
    uv_poll_t poll;
    struct http_multi *multi;
    curl_socket_t socket;
    int events;
    bool is_closed;
};

static void multi_on_timer(uv_timer_t *timer)
{
    struct http_multi *multi = timer->data;

    multi->act(multi->ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *curl, long timeout_ms, void *ctx)
{
    struct http_multi *multi = ctx;

    (void)curl;
    if (timeout_ms < 0)
        uv_timer_stop(&multi->timer);
    else
        uv_timer_start(&multi->timer, multi_on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void multi_on_polled(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);

    // On an error libuv stops the poll and hides the bytes that came before the error. curl is to
    // read these, and then the error; where it doesn't read, it is told of the error.
    if (status < 0) {
        watch->events = 0;
        flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
    }
    watch->multi->act(watch->multi->ctx, watch->socket, flags);
    if (status < 0 && !watch->is_closed) // else `multi` may be gone
        watch->multi->act(watch->multi->ctx, watch->socket, CURL_CSELECT_ERR);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int on_curl_socket(CURL *curl, curl_socket_t socket, int what, void *ctx, void *known)
{
    struct http_multi *multi = ctx;
    struct watch *watch = known;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            watch->is_closed = true;
            uv_close((uv_handle_t *)&watch->poll, free_watch);
            curl_multi_assign(multi->curl, socket, NULL);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = mem_new(struct watch);
        watch->poll.data = watch;
        watch->multi = multi;
        watch->socket = socket;
        if (uv_poll_init(loop_uv(multi->loop), &watch->poll, socket) != 0) {
            log_error("http.poll", "socket=%d error=\"the loop can't watch it\"", (int)socket);
            free(watch);
            return 0; // the call then runs into its timeout
        }
        curl_multi_assign(multi->curl, socket, watch);
    }
    // Each uv_poll_start costs two system calls, also where nothing changes.
    if (events != watch->events) {
        watch->events = events;
        if (events == 0)
            uv_poll_stop(&watch->poll);
        else
            uv_poll_start(&watch->poll, events, multi_on_polled);
    }
    return 0;
}

struct http_multi *http_multi_new(struct loop *loop, http_multi_act_fn act, void *ctx)
{
    struct http_multi *multi = mem_new(struct http_multi);

    multi->loop = loop;
    multi->act = act;
    multi->ctx = ctx;
    uv_timer_init(loop_uv(loop), &multi->timer);
    multi->timer.data = multi;
    multi->curl = curl_multi_init();
    if (multi->curl == NULL)
        abort(); // as mem_new does
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    return multi;
}

CURLM *http_multi_curl(const struct http_multi *multi)
{
    return multi->curl;
}

static void multi_free_timer(uv_handle_t *timer)
{
    free(timer);
}

void http_multi_free(struct http_multi *multi)
{
    curl_multi_cleanup(multi->curl);
    uv_close((uv_handle_t *)&multi->timer, multi_free_timer);
}
