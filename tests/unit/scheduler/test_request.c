// One request: what it waits for, what its handler keeps, how it ends. The exchange is ours.
#include "scheduler/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field_check.h"
#include "core/loop/loop.h"
#include "core/storage/storage.h"
#include "core/store/accounts.h"
#include "core/store/deliveries.h"
#include "core/store/events.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "scheduler/account_try.h"
#include "scheduler/form_load.h"
#include "scheduler/front.h"
#include "scheduler/handover.h"
#include "scheduler/holds.h"
#include "scheduler/realtime.h"
#include "scheduler/routes.h"
#include "scheduler/vendor_keys.h"
#include "tests/support/check.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_storage.h"
#include "tests/support/fake_store.h"

enum { PLACE_MS = 200 }; // until a key that has its places is told so

// In the place of the server's.
struct http_exchange {
    enum http_method method;
    bool has_body;
    const char *encoding;
    const char *limit; // of the query
    http_gone_fn on_gone, on_leaving;
    void *ctx;
    bool is_long;
    http_piece_fn on_piece; // of a long body
    void *piece_ctx;
};

static struct http_exchange exchange;
static struct buf said; // "answer 503 {…}; Retry-After: 1; await sk 100; handle; "

enum http_method http_exchange_method(const struct http_exchange *one)
{
    return one->method;
}

bool http_exchange_has_body(const struct http_exchange *one)
{
    return one->has_body;
}

const char *http_exchange_header(const struct http_exchange *one, const char *name)
{
    return strcmp(name, "content-encoding") == 0 ? one->encoding : NULL;
}

unsigned http_exchange_header_count(const struct http_exchange *one, const char *name)
{
    return http_exchange_header(one, name) != NULL;
}

const char *http_exchange_header_line(const struct http_exchange *one, const char *name,
                                      unsigned number)
{
    return number == 0 ? http_exchange_header(one, name) : NULL;
}

char *http_exchange_body(struct http_exchange *one, size_t *len)
{
    static char body[16];

    (void)one;
    snprintf(body, sizeof body, "[1]");
    *len = strlen(body);
    return body;
}

void http_exchange_await_body(struct http_exchange *one, const char *owner, size_t max_bytes,
                              http_handler_fn on_whole, void *ctx)
{
    buf_fmt(&said, "await %s %zu; ", owner, max_bytes);
    on_whole(ctx, one);
}

void http_exchange_await_long_body(struct http_exchange *one, const char *owner, size_t max_bytes,
                                   size_t max_long_bytes, http_handler_fn on_whole, void *ctx)
{
    (void)max_long_bytes;
    http_exchange_await_body(one, owner, max_bytes, on_whole, ctx);
}

int64_t http_exchange_body_length(const struct http_exchange *one)
{
    (void)one;
    return -1;
}

bool http_exchange_is_body_long(const struct http_exchange *one)
{
    return one->is_long;
}

void http_exchange_read_body(struct http_exchange *one, http_piece_fn fn, void *ctx)
{
    one->on_piece = fn;
    one->piece_ctx = ctx;
}

const char *http_exchange_query(struct http_exchange *one, const char *name)
{
    return strcmp(name, "limit") == 0 ? one->limit : NULL;
}

const char *http_exchange_request_id(const struct http_exchange *one)
{
    (void)one;
    return "request";
}

void http_exchange_take_body(struct http_exchange *one, struct buf *body)
{
    (void)one;
    buf_str(body, "[1]");
}

void http_exchange_forget_body(struct http_exchange *one)
{
    (void)one;
    buf_str(&said, "forget; ");
}

void http_exchange_on_gone(struct http_exchange *one, http_gone_fn on_gone, void *ctx)
{
    one->on_gone = on_gone;
    one->ctx = ctx;
}

void http_exchange_on_leaving(struct http_exchange *one, http_gone_fn on_leaving)
{
    one->on_leaving = on_leaving;
}

void http_exchange_add_header(struct http_exchange *one, const char *name, const char *value)
{
    (void)one;
    buf_fmt(&said, "%s: %s; ", name, value);
}

void http_exchange_answer(struct http_exchange *one, int status, const char *type, const void *body,
                          size_t len)
{
    (void)one;
    assert_string_equal(type, "application/json");
    buf_fmt(&said, "answer %d %.*s; ", status, (int)len, (const char *)body);
}

// In the place of realtime's.
struct watcher {
    int drops;
};

void watcher_drop(struct watcher **watcher)
{
    (*watcher)->drops++;
    *watcher = NULL;
}

static struct config config;
static struct front front;
static struct request *request;
static struct watcher watcher;

static void check_said(const char *expected)
{
    if (strcmp(buf_text(&said), expected) != 0)
        fail_msg("expected \"%s\", said \"%s\"", expected, buf_text(&said));
    buf_reset(&said);
}

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    config = (struct config){.max_body_bytes = 1000000};
    exchange = (struct http_exchange){.method = HTTP_GET_};
    watcher = (struct watcher){0};
    front = (struct front){.loop = loop_new(),
                           .config = &config,
                           .store = fake_store(&config),
                           .storage = fake_storage(),
                           .vendor_keys = vendor_keys_new(fake_http_client()),
                           .holds = holds_new(2)};
    request = request_new(&front, &exchange);
    request->owner = "sk";
    return 0;
}

// Every late answer comes, and is nobody's.
static int tear_down(void **state)
{
    (void)state;
    while (front.requests != NULL)
        request_drop(front.requests);
    vendor_keys_drop(&front.vendor_keys);
    arena_spares_clear(&front.arenas);
    fake_late();
    check_said("");
    fake_end();
    holds_leave(&front.holds);
    loop_free(front.loop);
    buf_clear(&said);
    return 0;
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    (void)ctx;
    (void)task;
    (void)err;
    fail();
}

static void on_states(void *ctx, const struct account_state *states, bool is_worker_there,
                      const struct err *err)
{
    (void)ctx;
    (void)states;
    (void)is_worker_there;
    (void)err;
    fail();
}

static void on_log(void *ctx, const char *url, const struct delivery_entry *entries, size_t count,
                   const struct err *err)
{
    (void)ctx;
    (void)url;
    (void)entries;
    (void)count;
    (void)err;
    fail();
}

static void on_put(void *ctx, const struct err *err)
{
    (void)ctx;
    (void)err;
    fail();
}

static void on_time(void *ctx)
{
    (void)ctx;
    fail();
}

static void on_said(void *ctx, const struct account_said *one)
{
    (void)ctx;
    (void)one;
    fail();
}

static void on_form(void *ctx, json_t *body, struct form_files *files, const struct err *err)
{
    (void)ctx, (void)body, (void)files, (void)err;
    fail_msg("it is never read");
}

static void on_keys(void *ctx, const struct buf *set, const struct err *err)
{
    (void)ctx;
    (void)set;
    (void)err;
    fail();
}

static void on_events(void *ctx, const struct event *events, size_t count, bool is_gap,
                      const struct err *err)
{
    (void)ctx, (void)events, (void)count, (void)is_gap, (void)err;
    fail_msg("they are never read");
}

static void on_place(struct request *with_place)
{
    (void)with_place;
    buf_str(&said, "place; ");
}

static void await(enum await what)
{
    static struct account account = {.name = "mj-1",
                                     .provider_name = "midjourney",
                                     .dialect_name = "proxy",
                                     .base_url = "https://vendor.example"};
    struct buf data = {0};

    switch (what) {
    case AWAIT_TASKS:
        request_get_task(request, on_task);
        break;
    case AWAIT_STORE:
        request_await(request, what, accounts_read(front.store, on_states, request));
        break;
    case AWAIT_EVENTS:
        request_await(request, what, events_read(front.store, "1-0", "2-0", 1, on_events, request));
        break;
    case AWAIT_LOG:
        request_await(request, what, deliveries_read(front.store, "t1", on_log, request));
        break;
    case AWAIT_STORAGE:
        request_await(request, what,
                      storage_put(front.storage, "key", "type", &data, on_put, request));
        break;
    case AWAIT_WATCHER:
        request_watch(request, &watcher, NULL);
        break;
    case AWAIT_TIMER:
        request_await(request, what, loop_after(front.loop, 1000, on_time, request));
        break;
    case AWAIT_TRY:
        assert_true(provider_bind(&account, &(struct err){0}));
        request_await(
            request, what,
            account_try_start(front.loop, fake_http_client(), &account, on_said, request));
        break;
    case AWAIT_KEYS:
        request_await(
            request, what,
            vendor_keys_fetch(front.vendor_keys, "https://vendor.example", on_keys, request));
        break;
    case AWAIT_FORM:
        request_await(request, what, form_load_start(&front, &exchange, on_form, request));
        break;
    case AWAIT_PLACE:
        assert_true(holds_take(front.holds, "sk"));
        request_seek_place(request, on_place);
        holds_give(front.holds, "sk");
        break;
    case AWAIT_COUNT:
        break;
    }
}

static size_t count_pending(void)
{
    return fake_count_waiting("") + fake_loop_timers(front.loop) +
           (request->awaited[AWAIT_WATCHER] != NULL) + (request->awaited[AWAIT_FORM] != NULL);
}

static void test_what_it_waits_for_goes_with_it(void **state)
{
    (void)state;
    for (enum await what = 0; what < AWAIT_COUNT; what++)
        await(what);
    assert_int_equal(count_pending(), AWAIT_COUNT);
    exchange.on_gone(exchange.ctx);
    assert_null(front.requests);
    assert_int_equal(fake_count_waiting("") + fake_loop_timers(front.loop), 0);
    assert_int_equal(watcher.drops, 1);
}

static int leaves;

static void on_leave(struct request *one)
{
    assert_ptr_equal(one, request);
    leaves++;
}

static void test_a_client_leaves_once(void **state)
{
    (void)state;
    leaves = 0;
    exchange.on_leaving(exchange.ctx); // nobody wants to know
    request->on_leave = on_leave;
    for (int i = 0; i < 2; i++)
        exchange.on_leaving(exchange.ctx);
    assert_int_equal(leaves, 1);
    exchange.on_gone(exchange.ctx);
    assert_int_equal(leaves, 1);
    assert_null(front.requests);
}

static void test_a_client_is_gone_at_once(void **state)
{
    (void)state;
    leaves = 0;
    request->on_leave = on_leave;
    exchange.on_gone(exchange.ctx);
    assert_int_equal(leaves, 1);
}

static void test_one_is_cancelled_the_others_stay(void **state)
{
    (void)state;
    for (enum await what = 0; what < AWAIT_COUNT; what++)
        await(what);
    for (enum await what = 0; what < AWAIT_COUNT; what++) {
        request_cancel(request, what);
        request_cancel(request, what);
        assert_int_equal(count_pending(), AWAIT_COUNT - what - 1);
    }
    assert_int_equal(watcher.drops, 1);
}

// What has called back isn't there any more.
static void test_what_has_fired_is_not_cancelled(void **state)
{
    (void)state;
    await(AWAIT_WATCHER);
    request_forget(request, AWAIT_WATCHER);
    request_drop(request);
    assert_int_equal(watcher.drops, 0);
}

static void clear_text(void *kept)
{
    char **text = kept;

    buf_fmt(&said, "clear %s; ", *text);
    free(*text);
}

static void test_what_is_kept_is_cleared_once(void **state)
{
    char **text = request_keep(request, sizeof *text, clear_text);
    struct buf json = {0};

    (void)state;
    assert_null(*text);
    assert_ptr_equal(request->kept, text);
    *text = mem_str("it");
    buf_str(&json, "{}");
    request_answer(request, 200, &json);
    buf_clear(&json);
    check_said("clear it; answer 200 {}; ");
}

static void say_drain(struct request *one)
{
    (void)one;
    buf_str(&said, "drain; ");
}

#define REFUSED(message)                                                                           \
    "Retry-After: 1; answer 503 {\"error\":{\"message\":\"" message                                \
    "\",\"type\":\"server_error\",\"code\":\"service_unavailable\"}}; "

static void test_the_role_ends(void **state)
{
    static const struct {
        enum await what;
        bool is_late, has_way;
        const char *said;
    } cases[] = {
        {AWAIT_WATCHER, false, false, REFUSED("shutting down")},
        {AWAIT_WATCHER, true, false, REFUSED("shutting down")},
        {AWAIT_WATCHER, false, true, "drain; "},
        {AWAIT_WATCHER, true, true, "drain; "},
        {AWAIT_TASKS, false, false, ""},
        {AWAIT_TASKS, true, false, REFUSED("shutting down, and Redis doesn't answer")},
        {AWAIT_STORE, false, false, ""},
        {AWAIT_STORE, true, false, REFUSED("shutting down, and Redis doesn't answer")},
        {AWAIT_LOG, true, false, REFUSED("shutting down, and Redis doesn't answer")},
        {AWAIT_STORAGE, true, false, ""},
        {AWAIT_TIMER, true, false, ""},
        {AWAIT_TRY, true, false, ""},
        {AWAIT_KEYS, true, false, ""},
        {AWAIT_FORM, true, false, ""},
        {AWAIT_PLACE, true, false, ""},
        {AWAIT_COUNT, true, false, ""}, // its body is on the way
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].has_way)
            request_watch(request, &watcher, say_drain);
        else
            await(cases[i].what);
        request_drain(request, cases[i].is_late);
        check_said(cases[i].said);
        tear_down(state);
        set_up(state);
    }
}

static void test_in_whose_words(void **state)
{
    static const struct {
        const char *family; // NULL: our own surface
        enum err_code code;
        const char *said;
    } cases[] = {
        {NULL, ERR_INVALID,
         "answer 400 {\"error\":{\"message\":\"why\",\"type\":\"invalid_request_error\","
         "\"code\":\"invalid_request\"}}; "},
        {"midjourney", ERR_INVALID, "answer 400 {\"code\":4,\"description\":\"why\"}; "},
        {"suno", ERR_INVALID,
         "answer 400 {\"code\":\"invalid_request\",\"message\":\"why\",\"data\":null}; "},
        {"suno", ERR_AUTH,
         "WWW-Authenticate: Bearer; answer 401 {\"error\":{\"message\":\"why\",\"type\":"
         "\"authentication_error\",\"code\":\"invalid_api_key\"}}; "},
        {"kling", ERR_UNAVAILABLE,
         "Retry-After: 1; answer 503 {\"code\":\"service_unavailable\",\"message\":\"why\","
         "\"data\":null}; "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        request->family = family_find(cases[i].family);
        request_refuse_with(request, cases[i].code, "why");
        check_said(cases[i].said);
        tear_down(state);
        set_up(state);
    }
}

// A place that another thread gives back in time is found.
static void test_a_place_that_is_given_back(void **state)
{
    (void)state;
    assert_true(holds_take(front.holds, "sk"));
    request_seek_place(request, on_place);
    fake_loop_run_ms(front.loop, PLACE_MS / 2);
    check_said("");
    holds_give(front.holds, "sk");
    fake_loop_run_ms(front.loop, PLACE_MS / 2);
    check_said("place; ");
}

// Nobody takes over what has been let in: that is told as any other end.
static void test_nobody_to_hand_over_to(void **state)
{
    (void)state;
    front.handover = handover_new();
    request_seek_watch(request, on_place);
    check_said(REFUSED("shutting down"));
    handover_free(&front.handover);
}

// A key has half of the places, and gives back what it had.
static void test_places(void **state)
{
    (void)state;
    request_seek_place(request, on_place);
    check_said("place; ");
    request = request_new(&front, &exchange);
    request->owner = "sk";
    request_seek_place(request, on_place);
    check_said("");
    fake_loop_run_ms(front.loop, PLACE_MS);
    assert_non_null(strstr(buf_text(&said), "answer 429"));
    buf_reset(&said);
    request_drop(front.requests);
    assert_int_equal(holds_taken(front.holds), 0);
}

static void say_handle(struct request *one)
{
    (void)one;
    buf_str(&said, "handle; ");
}

static void test_with_what_body(void **state)
{
    static const struct served with_body = {.handle = say_handle};
    static const struct {
        enum http_method method;
        bool has_body, is_bare;
        const char *encoding, *said;
    } cases[] = {
        {HTTP_GET_, false, false, NULL, "handle; "},
        {HTTP_GET_, true, false, NULL, "await sk 65536; handle; "},
        {HTTP_POST_, true, false, NULL, "await sk 1000000; handle; "},
        {HTTP_PUT_, true, false, "identity", "await sk 1000000; handle; "},
        {HTTP_POST_, true, false, "gzip",
         "answer 415 {\"error\":{\"message\":\"Content-Encoding: must be identity, or not there\","
         "\"type\":\"invalid_request_error\",\"code\":\"unsupported_media_type\"}}; "},
        {HTTP_GET_, false, true, NULL, "handle; "},
        {HTTP_GET_, true, true, NULL,
         "answer 413 {\"error\":{\"message\":\"there is nothing that a body could be for\","
         "\"type\":\"invalid_request_error\",\"code\":\"request_too_large\"}}; "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exchange = (struct http_exchange){.method = cases[i].method,
                                          .has_body = cases[i].has_body,
                                          .encoding = cases[i].encoding};
        request->served = &with_body;
        if (cases[i].is_bare)
            request_admit_bare(request);
        else
            request_admit(request, request->owner);
        check_said(cases[i].said);
        tear_down(state);
        set_up(state);
    }
}

static void test_with_what_query(void **state)
{
    static const struct field_rule query[] = {
        {.path = "limit", .kind = FIELD_COUNT, .min = 1, .max = 9},
        {.path = "after", .kind = FIELD_TASK},
        {0},
    };
    static const struct served with_query = {.query = query}, without = {0};
    static const struct {
        const char *limit, *error; // NULL: it is fine
    } cases[] = {
        {NULL, NULL},
        {"", NULL},
        {"9", NULL},
        {"10", "limit: must be from 1 to 9"},
        {"x", "limit: must be an integer"},
        {"\xff", "limit: must be UTF-8"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exchange.limit = cases[i].limit;
        request->served = &without;
        assert_true(request_check_query(request));
        request->served = &with_query;
        assert_int_equal(request_check_query(request), cases[i].error == NULL);
        if (cases[i].error == NULL)
            check_said("");
        else
            assert_non_null(strstr(buf_text(&said), cases[i].error));
        buf_reset(&said);
        tear_down(state);
        set_up(state);
    }
}

static void on_part_answer(struct request_part *part, int status, const struct buf *json)
{
    (void)part;
    buf_fmt(&said, "part %d %s; ", status, buf_text(json));
}

// It has the key and the exchange of the whole, and nothing of the body and the headers that are
// about that.
static void test_a_part(void **state)
{
    static const char body[] = "{\"a\":1}and what follows";
    static const struct served served = {0};
    struct request_part part = {
        .body = body, .body_len = 7, .key = "key-1", .on_answer = on_part_answer};
    struct buf text = {0};
    struct request *one;

    (void)state;
    exchange = (struct http_exchange){.encoding = "identity"};
    request->is_operator = true;
    one = request_new_part(request, &part);
    one->served = &served;
    assert_string_equal(one->owner, request->owner);
    assert_true(one->is_operator);
    assert_string_equal(request_header(one, "idempotency-key"), "key-1");
    assert_int_equal(request_header_count(one, "idempotency-key"), 1);
    assert_string_equal(request_header(one, "prefer"), "respond-async");
    assert_string_equal(request_header(one, "content-encoding"), "identity");
    assert_null(request_header(one, "content-type"));
    assert_null(request_header(request, "idempotency-key"));
    request_take_body(one, &text);
    assert_string_equal(text.data, "{\"a\":1}");
    buf_clear(&text);
    assert_true(request_read_body(one));
    assert_int_equal(json_integer_value(json_object_get(one->body, "a")), 1);
    request_forget_body(one); // which the others still need
    check_said("");
    request_add_header(one, "X-One", "\"");
    request_refuse_with(one, ERR_UNAVAILABLE, "no");
    check_said(
        "part 503 {\"error\":{\"message\":\"no\",\"type\":\"server_error\","
        "\"code\":\"service_unavailable\"}}; ");
    assert_string_equal(part.headers.data, "\"X-One\":\"\\\"\",\"Retry-After\":\"1\"");
    buf_clear(&part.headers);
    assert_ptr_equal(front.requests, request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_it_waits_for_goes_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_client_leaves_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_client_is_gone_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_is_cancelled_the_others_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_has_fired_is_not_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_kept_is_cleared_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_role_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_in_whose_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_place_that_is_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_to_hand_over_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_with_what_body, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_with_what_query, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
