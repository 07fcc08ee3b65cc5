// Vendors' keys: one set for each address.
#include "scheduler/vendor_keys.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/http/http_client.h"
#include "core/message/http_message.h"
#include "core/message/signed_call.h"

// A key that has been replaced may be wanted at once, but nobody has us fetch again and again.
enum { KEPT_MS = 24 * 3600 * 1000, NEW_MS = 1000, TIMEOUT_MS = 5000, MAX_BYTES = 1 << 16 };

struct key_set;

struct keys_wait {
    struct key_set *set; // borrowed, outlives us
    keys_fn fn;
    void *ctx;
    struct keys_wait *next, **at;
};

struct key_set {
    struct vendor_keys *keys; // borrowed, outlives us
    char *url;
    struct buf set;          // empty: never fetched
    int64_t fetched_ms;      // of our monotonic clock
    struct http_call *call;  // NULL: it isn't being fetched
    struct keys_wait *waits; // for this fetch
    struct key_set *next;
};

struct vendor_keys {
    struct http_client *http;
    struct key_set *sets;
};

struct vendor_keys *vendor_keys_new(struct http_client *http)
{
    struct vendor_keys *keys = mem_new(struct vendor_keys);

    keys->http = http;
    return keys;
}

void vendor_keys_drop(struct vendor_keys **keys)
{
    struct key_set *set, *next;

    if (*keys == NULL)
        return;
    for (set = (*keys)->sets; set != NULL; set = next) {
        next = set->next;
        http_cancel(&set->call);
        buf_clear(&set->set);
        free(set->url);
        free(set);
    }
    free(*keys);
    *keys = NULL;
}

static struct key_set *set_at(const struct vendor_keys *keys, const char *url)
{
    struct key_set *set = keys->sets;

    while (set != NULL && strcmp(set->url, url) != 0)
        set = set->next;
    return set;
}

static struct key_set *set_made(struct vendor_keys *keys, const char *url)
{
    struct key_set *set = set_at(keys, url);

    if (set != NULL)
        return set;
    set = mem_new(struct key_set);
    set->keys = keys;
    set->url = mem_str(url);
    set->next = keys->sets;
    keys->sets = set;
    return set;
}

const struct buf *vendor_keys_kept(const struct vendor_keys *keys, const char *url, bool *is_new)
{
    const struct key_set *set = set_at(keys, url);
    int64_t age_ms = set == NULL ? 0 : clock_mono_ms() - set->fetched_ms;

    *is_new = false;
    if (set == NULL || set->set.len == 0 || age_ms >= KEPT_MS)
        return NULL;
    *is_new = age_ms < NEW_MS;
    return &set->set;
}

void keys_wait_cancel(struct keys_wait **wait)
{
    struct keys_wait *w = *wait;

    if (w == NULL)
        return;
    *wait = NULL;
    *w->at = w->next;
    if (w->next != NULL)
        w->next->at = w->at;
    if (w->set->waits == NULL)
        http_cancel(&w->set->call); // nobody wants it any more
    free(w);
}

static void set_tell(struct key_set *set, const struct err *err)
{
    while (set->waits != NULL) {
        struct keys_wait *wait = set->waits;
        keys_fn fn = wait->fn;
        void *ctx = wait->ctx;

        keys_wait_cancel(&wait);
        fn(ctx, err == NULL ? &set->set : NULL, err);
    }
}

static bool set_read(const struct http_response *response, struct buf *set, struct err *err)
{
    json_t *body;
    bool ok;

    if (response->status != 200)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    body = http_json(response, err);
    ok = body != NULL && signed_call_read_keys(body, set, err);
    json_decref(body);
    return ok;
}

// What was kept is still good where no more could be had: a set that can't be read isn't a new one.
static void set_on_answer(void *ctx, const struct http_response *response,
                          const struct http_failure *failure)
{
    struct key_set *set = ctx;
    struct buf fetched = {0};
    struct err err;

    set->call = NULL;
    if (failure != NULL)
        err = failure->err;
    if (failure == NULL && set_read(response, &fetched, &err)) {
        buf_clear(&set->set);
        set->set = fetched;
        set->fetched_ms = clock_mono_ms();
        set_tell(set, NULL);
        return;
    }
    buf_clear(&fetched);
    log_trouble(LOG_WARN, set->url, "callback.keys", "url=%s error=\"%s\"", set->url, err.message);
    set_tell(set, &err);
}

static void set_fetch(struct key_set *set)
{
    struct http_options options = {
        .timeout_ms = TIMEOUT_MS, .max_body_bytes = MAX_BYTES, .ctx = set};
    struct http_request request = {.method = HTTP_GET_, .url = mem_str(set->url)};

    set->call = http_start(set->keys->http, &request, &options, set_on_answer);
}

struct keys_wait *vendor_keys_fetch(struct vendor_keys *keys, const char *url, keys_fn fn,
                                    void *ctx)
{
    struct key_set *set = set_made(keys, url);
    struct keys_wait *wait = mem_new(struct keys_wait);

    wait->set = set;
    wait->fn = fn;
    wait->ctx = ctx;
    wait->next = set->waits;
    wait->at = &set->waits;
    if (wait->next != NULL)
        wait->next->at = &wait->next;
    set->waits = wait;
    if (set->call == NULL)
        set_fetch(set);
    return wait;
}
