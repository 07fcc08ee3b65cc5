// The way of a task's files: what is asked of their hosts, of the vendor, the storage and the
// store.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/json/field.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_provider.h"
#include "tests/support/fake_storage.h"
#include "tests/support/fake_store.h"
#include "workers/jobs.h"

enum { LEASE_MS = 60000, DEAD_AFTER_MS = 10000, HEAD = 20, ALL = 24 };

#define GIF "GIF89a, and what follows"  // ALL bytes of it
#define GIF_HEAD "GIF89a, and what fol" // HEAD bytes
#define GIF_REST "lows"
#define GIF_BASE64 "R0lGODlhLCBhbmQgd2hhdCBmb2xsb3dz"
#define LENGTH "content-length: 24\n"
#define ETAG "etag: \"a\"\n"
#define IMAGES "image=https://a.example/1 image=https://b.example/2"
#define GET(url) "vendor GET https://" url " account=many-1"
#define GET_1 GET("a.example/1")
#define GET_2 GET("b.example/2")
#define POLL GET("many.example/up-1")
#define KEY(name) "task-artifacts/2023/11/14/many-1/make/" name
#define KEY_1 KEY("task_1.gif")
#define KEY_2 KEY("task_1-1.gif")
#define CHECK "hold task_1 ms=60000"
#define SUCCEEDED "change task_1 succeed result="
#define LATER(ms, wait, why) "change task_1 put off ms=" ms " wait=" wait " why=" why " result="
#define LINK(ms, why) LATER(ms, "link", why)
#define FAILED(why)                                                                                \
    "change task_1 fail code=archive_failed message=the result couldn't be archived: " why
#define BLOCKED                                                                                    \
    "the vendor's link leads to an address that isn't public; if it is yours, name its network "   \
    "in allow_networks"
#define GONE "the vendor's link answers HTTP 404"
#define NO_SUCH "what the vendor's link gives is no such media"
#define EMPTY "the vendor's file is empty"
#define SHORT "the vendor's file came short"
#define TOO_LARGE "the vendor's file is too large"
#define SAID "the test says so"

static struct account accounts[] = {
    {.name = "many-1", FAKE_MANY, .base_url = "https://many.example"},
    {.name = "one-1", FAKE_ONE, .base_url = "https://one.example"}};
static struct config config;
static struct loop *loop;
static struct bench *bench;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    config = (struct config){.accounts = accounts, .account_count = 2, .lease_ms = LEASE_MS};
    loop = loop_new();
    bench = fake_bench(loop, &config);
    bench->places[PLACE_ARCHIVE].max = 6;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_bench_end(bench);
    loop_free(loop);
    return 0;
}

static void begin_anew(void)
{
    tear_down(NULL);
    set_up(NULL);
}

// One whose vendor was done so long ago; its links can't be asked for again.
static struct task *task_of(const char *id, const char *account, const char *sources,
                            int64_t elapsed_ms)
{
    struct task *task = fake_task(id, "dev", TASK_ARCHIVING);

    task->provider = mem_strn(account, strcspn(account, "-"));
    task->account = mem_str(account);
    task->action = mem_str("MAKE");
    task->result = fake_result(sources);
    task->created_ms = 1700000000000;
    task->archive_ms = clock_wall_ms() - elapsed_ms;
    return task;
}

static void start(const char *sources)
{
    archive_start(bench, task_of("task_1", "many-1", sources, 0), clock_mono_ms());
}

// Its vendor can be asked for new links.
static void start_refreshable(const char *sources)
{
    struct task *task = task_of("task_1", "many-1", sources, 0);

    task->upstream_id = mem_str("up-1");
    archive_start(bench, task, clock_mono_ms());
}

static void answer(int status, const char *headers, const char *body)
{
    fake_http_answer(fake_waiting("vendor"), status, headers, body);
}

static void lose_answer(void)
{
    fake_http_fail(fake_waiting("vendor"), ERR_UPSTREAM, false);
}

static void give_gif(void)
{
    answer(200, LENGTH ETAG, GIF);
}

static bool give_head(void)
{
    return fake_http_piece_of(fake_waiting("vendor"), 200, LENGTH ETAG, GIF_HEAD);
}

static void check_is_ours(void)
{
    fake_hold_done(fake_waiting(CHECK), true);
}

static void commit(void)
{
    fake_storage_done(fake_waiting("commit"), NULL);
}

static void store_gif(void)
{
    give_gif();
    check_is_ours();
    commit();
}

// The oldest change, which begins so; the lines before it are forgotten.
static void check_change(const char *begins)
{
    struct fake_call *change = fake_waiting("change");

    fake_skip();
    if (strncmp(change->line, begins, strlen(begins)) != 0)
        fail_msg("expected \"%s…\", but \"%s\" came", begins, change->line);
}

static json_t *result_now(void)
{
    const char *text = strstr(fake_waiting("change")->line, "result=");
    json_t *result = text == NULL ? NULL : json_loads(text + strlen("result="), 0, NULL);

    assert_non_null(result);
    return result;
}

// What became of each, as "image 24 task_1.gif; image (why); text yes; image https://…".
static void check_artifacts(const char *expected)
{
    json_t *result = result_now(), *artifact;
    struct buf told = {0};
    size_t i;

    json_array_foreach(field_at(result, "artifacts"), i, artifact)
    {
        const char *key = field_str_or_empty(artifact, "key"), *name = strrchr(key, '/');

        buf_fmt(&told, "%s%s", i == 0 ? "" : "; ", field_str_or_empty(artifact, "kind"));
        if (name != NULL)
            buf_fmt(&told, " %lld %s", (long long)field_int_or(artifact, "bytes", -1), name + 1);
        if (*field_str_or_empty(artifact, "text") != '\0')
            buf_fmt(&told, " %s", field_str_or_empty(artifact, "text"));
        if (*field_str_or_empty(artifact, "url") != '\0')
            buf_fmt(&told, " %s", field_str_or_empty(artifact, "url"));
        if (json_is_false(json_object_get(artifact, "archived")))
            buf_str(&told, " not archived");
        if (*field_str_or_empty(artifact, "error.message") != '\0')
            buf_fmt(&told, " (%s)", field_str_or_empty(artifact, "error.message"));
    }
    assert_string_equal(buf_text(&told), expected);
    buf_clear(&told);
    json_decref(result);
}

static void check_over(void)
{
    assert_null(bench->jobs);
    assert_int_equal(bench->places[PLACE_ARCHIVE].used, 0);
    assert_int_equal(fake_count("create"), fake_count("drop"));
}

static const char *header(const char *name)
{
    static char value[80];
    const char *headers = buf_text(&fake_http_request(fake_waiting("vendor"))->headers);
    const char *at = strstr(headers, name);

    *value = '\0';
    if (at != NULL)
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\n"), at);
    return value;
}

static void test_one_file(void **state)
{
    char sha256[SHA256_HEX_BYTES];
    json_t *result;

    (void)state;
    start("image=https://a.example/1");
    fake_expect(GET_1);
    assert_string_equal(header("Range"), "");
    assert_true(give_head());
    fake_expect("create " KEY_1);
    answer(200, NULL, GIF_REST);
    fake_expect(CHECK); // is it still ours to store?
    fake_expect_nothing();
    assert_string_equal(fake_storage_text(fake_waiting("create")), GIF);
    check_is_ours();
    fake_expect("commit " KEY_1);
    fake_expect_nothing();
    commit();
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif");
    result = result_now();
    sha256_hex(GIF, ALL, sha256);
    assert_string_equal(field_str_or_empty(result, "artifacts.0.sha256"), sha256);
    assert_string_equal(field_str_or_empty(result, "artifacts.0.key"), KEY_1);
    assert_string_equal(field_str_or_empty(result, "artifacts.0.content_type"), "image/gif");
    json_decref(result);
    check_over();
}

static const struct fetch_case {
    const char *name;
    int64_t elapsed_ms, refused_ms; // since the vendor was done, since the link was refused first
    int status;                     // 0: none came, for this reason
    enum err_code failure;
    const char *address; // that the host has; NULL: it isn't asked about
    const char *headers, *body, *line;
} fetch_cases[] = {
    {"gone", 0, -1, 404, 0, NULL, NULL, "no", LINK("1000", GONE)},
    {"gone for a while", 0, 4000, 404, 0, NULL, NULL, "no", LINK("2000", GONE)},
    {"gone for long", 0, DEAD_AFTER_MS, 404, 0, NULL, NULL, "no", LINK("5000", GONE)},
    {"dead", 0, DEAD_AFTER_MS + 1, 404, 0, NULL, NULL, "no", FAILED(GONE)},
    {"gone, and looked at late", 60000, -1, 404, 0, NULL, NULL, "no", LINK("1000", GONE)},
    {"sent nowhere", 0, -1, 302, 0, NULL, NULL, NULL,
     LINK("1000", "the vendor's link answers HTTP 302")},
    {"of another kind", 0, -1, 200, 0, NULL, NULL, "ID3, and that is a song",
     LINK("1000", NO_SUCH)},
    {"a page", 0, -1, 200, 0, NULL, NULL, "<html><body>sorry</body></html>", LINK("1000", NO_SUCH)},
    {"a page for long", 0, DEAD_AFTER_MS + 1, 200, 0, NULL, NULL, "<html>", FAILED(NO_SUCH)},
    {"empty", 0, -1, 200, 0, NULL, NULL, NULL, LINK("1000", EMPTY)},
    {"of another scheme", 0, -1, 0, ERR_REFUSED, NULL, NULL, NULL, LINK("1000", SAID)},
    {"far too large", 0, -1, 200, 0, NULL, "content-length: 17179869185\n", GIF,
     LINK("1000", TOO_LARGE)},
    {"far too large for long", 0, DEAD_AFTER_MS + 1, 200, 0, NULL, "content-length: 17179869185\n",
     GIF, FAILED(TOO_LARGE)},
    // The way to it fails: it is tried as long as vendors keep what they made.
    {"an error", 0, -1, 500, 0, NULL, NULL, "no",
     LINK("1000", "the vendor's link answers HTTP 500")},
    {"too many", 0, -1, 429, 0, NULL, NULL, "no",
     LINK("1000", "the vendor's link answers HTTP 429")},
    {"too many for long", 0, DEAD_AFTER_MS + 1, 429, 0, NULL, NULL, "no",
     LINK("1000", "the vendor's link answers HTTP 429")},
    {"a part that nobody asked for", 0, -1, 206, 0, NULL, "content-range: bytes 0-23/24\n", GIF,
     LINK("1000", EMPTY)},
    {"an error for a while", 10000, DEAD_AFTER_MS + 1, 500, 0, NULL, NULL, "no",
     LINK("5000", "the vendor's link answers HTTP 500")},
    {"an error for long", FAKE_LINK_LIFE_MS, -1, 500, 0, NULL, NULL, "no",
     LINK("60000", "the vendor's link answers HTTP 500")},
    {"an error for too long", FAKE_LINK_LIFE_MS + 1, -1, 500, 0, NULL, NULL, "no",
     FAILED("the vendor's link answers HTTP 500")},
    {"no answer", 0, -1, 0, ERR_TIMEOUT, NULL, NULL, NULL, LINK("1000", SAID)},
    {"no answer for too long", FAKE_LINK_LIFE_MS + 1, -1, 0, ERR_TIMEOUT, NULL, NULL, NULL,
     FAILED(SAID)},
    {"short, and not to be resumed", 0, -1, 200, 0, NULL, LENGTH, GIF_HEAD, LINK("1000", SHORT)},
    {"short, before it tells what it is", 0, -1, 200, 0, NULL, LENGTH ETAG, "GIF89a",
     LINK("1000", SHORT)},
    {"short, with a weak tag", 0, -1, 200, 0, NULL, LENGTH "etag: W/\"a\"\n", GIF_HEAD,
     LINK("1000", SHORT)},
    {"longer than it said", 0, -1, 200, 0, NULL, "content-length: 20\n", GIF,
     LINK("1000", "the vendor's file is longer than it said")},
    // Where we don't go: the operator may.
    {"at home", 0, -1, 0, ERR_REFUSED, "10.0.0.1", NULL, NULL,
     LATER("1000", "blocked_address", BLOCKED)},
    {"at home for a while", 100000, DEAD_AFTER_MS + 1, 0, ERR_REFUSED, "10.0.0.1", NULL, NULL,
     LATER("10000", "blocked_address", BLOCKED)},
    {"at home for too long", FAKE_LINK_LIFE_MS + 1, -1, 0, ERR_REFUSED, "10.0.0.1", NULL, NULL,
     FAILED(BLOCKED)},
    {"in public", 0, -1, 0, ERR_TIMEOUT, "1.1.1.1", NULL, NULL, LINK("1000", SAID)},
};

static bool ask_about(const char *address)
{
    const struct http_options *options = fake_http_options(fake_waiting("vendor"));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};

    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    return options->on_address((struct sockaddr *)&at, options->ctx);
}

// A vendor names it: into our network only where the account's own host is.
static void test_where_a_link_may_lead(void **state)
{
    static const struct {
        const char *name, *base_url, *source, *address;
        bool may;
    } links[] = {
        {"in public", "https://many.example", "image=https://a.example/1", "1.1.1.1", true},
        {"at home", "https://many.example", "image=https://a.example/1", "10.0.0.9", false},
        {"the account's own host", "http://media:81", "image=http://media:81/1", "10.0.0.9", true},
        {"another port of it", "http://media:81", "image=http://media:82/1", "10.0.0.9", false},
        {"its address", "http://10.0.0.9", "image=http://a.example/1", "10.0.0.9", true},
        {"one beside it", "http://10.0.0.9", "image=http://a.example/1", "10.0.0.8", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct account own = {.name = "many-1", FAKE_MANY};

        print_message("%s\n", links[i].name);
        own.base_url = mem_str(links[i].base_url);
        config.accounts = &own;
        config.account_count = 1;
        start(links[i].source);
        assert_int_equal(ask_about(links[i].address), links[i].may);
        bench_drop_jobs(bench);
        free(own.base_url);
        begin_anew();
    }
}

static void test_what_an_answer_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fetch_cases / sizeof fetch_cases[0]; i++) {
        const struct fetch_case *with = &fetch_cases[i];
        struct task *task =
            task_of("task_1", "many-1", "image=https://a.example/1", with->elapsed_ms);
        struct buf result = {0};

        print_message("%s\n", with->name);
        if (with->refused_ms >= 0) {
            buf_fmt(&result,
                    "{\"sources\":[{\"kind\":\"image\",\"url\":\"https://a.example/1\","
                    "\"refused_ms\":%lld}]}",
                    (long long)(clock_wall_ms() - with->refused_ms));
            mem_set_str(&task->result, result.data);
        }
        archive_start(bench, task, clock_mono_ms());
        fake_expect(GET_1);
        if (with->address != NULL)
            ask_about(with->address);
        if (with->status != 0)
            answer(with->status, with->headers, with->body);
        else
            fake_http_fail(fake_waiting("vendor"), with->failure, false);
        check_change(with->line);
        check_over();
        buf_clear(&result);
        begin_anew();
    }
}

// Of a page nothing is kept, and its end isn't waited for: it isn't short for that.
static void test_a_page_in_pieces(void **state)
{
    (void)state;
    start("image=https://a.example/1");
    assert_true(fake_http_piece_of(fake_waiting("vendor"), 200, LENGTH, "<html><body>sorry</b"));
    assert_int_equal(fake_count_waiting("vendor"), 0);
    check_change(LINK("1000", NO_SUCH));
    assert_int_equal(fake_count("create"), 0);
    check_over();
}

static void test_a_file_without_an_end(void **state)
{
    struct fake_call *call;

    (void)state;
    start("image=https://a.example/1");
    call = fake_waiting("vendor");
    assert_true(fake_http_options(call)->timeout_ms > 0);
    assert_true(fake_http_piece(call, 200, GIF));
    fake_storage_grow(fake_waiting("create"), 16LL << 30);
    assert_true(fake_http_piece(call, 200, "more"));
    assert_int_equal(fake_count_waiting("vendor"), 0);
    check_change(LINK("1000", TOO_LARGE));
    check_over();
}

// Nor does another file wait for it, nor the question for a new link.
static void test_a_page_before_a_file(void **state)
{
    (void)state;
    start(IMAGES);
    fake_http_piece(fake_waiting(GET_1), 200, "<html><body>sorry</body>");
    fake_http_answer(fake_waiting(GET_2), 200, LENGTH ETAG, GIF);
    check_is_ours();
    commit();
    check_change(LINK("1000", NO_SUCH));
    check_over();
    begin_anew();

    start_refreshable("image=https://a.example/1");
    fake_http_piece(fake_waiting(GET_1), 200, "<html><body>sorry</body>");
    answer(200, NULL, "succeeded image=https://n.example/1");
    fake_expect(GET_1);
    fake_expect(POLL);
    fake_expect(GET("n.example/1"));
    store_gif();
    check_change(SUCCEEDED);
    check_over();
}

// Since when a link is refused is kept with it.
static void test_the_first_refusal_is_noted(void **state)
{
    json_t *result;

    (void)state;
    start("image=https://a.example/1");
    answer(404, NULL, NULL);
    result = result_now();
    assert_int_equal(field_int_or(result, "sources.0.refused_ms", 0), clock_wall_ms());
    json_decref(result);
}

static void test_redirects(void **state)
{
    (void)state;
    start("image=https://a.example/1");
    answer(302, "location: /2\n", "elsewhere");
    fake_expect(GET_1);
    fake_expect(GET("a.example:443/2"));
    answer(302, "location: /3\n", NULL);
    answer(302, "location: /4\n", NULL);
    answer(302, "location: /5\n", NULL);
    check_change(LINK("1000", "the vendor's link answers HTTP 302"));
    assert_int_equal(fake_count("vendor"), 4);
}

// Several files.

static void test_one_that_cannot_be_had_holds_up_no_other(void **state)
{
    (void)state;
    start(IMAGES " text=yes");
    answer(404, NULL, NULL);
    fake_expect(GET_1);
    fake_expect(GET_2);
    store_gif();
    check_change(LINK("1000", GONE));
    check_over();
}

static void test_what_is_done_is_not_done_again(void **state)
{
    struct task *task = task_of("task_1", "many-1", IMAGES, 0);
    json_t *result;

    (void)state;
    start(IMAGES);
    store_gif();
    answer(404, NULL, NULL);
    check_change(LINK("1000", GONE));
    result = result_now();
    free(task->result);
    task->result = json_dumps(result, 0);
    json_decref(result);
    fake_skip();
    fake_change_done(fake_waiting("change"), CHANGE_DONE, false);
    fake_expect("wake"); // it may be due by now
    archive_start(bench, task, clock_mono_ms());
    fake_expect(GET_2); // the next attempt
    give_gif();
    fake_expect("create " KEY_2);
    check_is_ours();
    commit();
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif; image 24 task_1-1.gif");
    check_over();
}

// One is dead, and named; an optional one isn't missed.
static void test_one_is_dead(void **state)
{
    struct task *task = task_of("task_1", "many-1", IMAGES " ?cover=https://c.example/3 text=yes",
                                DEAD_AFTER_MS + 1);
    json_t *result = json_loads(task->result, 0, NULL);

    (void)state;
    json_object_set_new(field_at(result, "sources.0"), "refused_ms", json_integer(1));
    free(task->result);
    task->result = json_dumps(result, 0);
    json_decref(result);
    archive_start(bench, task, clock_mono_ms());
    answer(404, NULL, NULL);
    store_gif();
    answer(404, NULL, NULL); // its cover: the task doesn't wait once more
    check_change(SUCCEEDED);
    check_artifacts("image (" GONE "); image 24 task_1-1.gif; cover (" GONE "); text yes");
    check_over();
}

// The vendor itself has said that it couldn't make some: nothing is asked for, and they are named.
static void test_some_were_not_made(void **state)
{
    (void)state;
    start("image=!blocked image=https://a.example/1 image=!broken");
    fake_expect(GET_1);
    give_gif();
    check_is_ours();
    commit();
    check_change(SUCCEEDED);
    check_artifacts("image (blocked); image 24 task_1-1.gif; image (broken)");
    check_over();
}

// What is named isn't lost with a link that is dead, and is no success beside it.
static void test_none_is_left(void **state)
{
    struct task *task =
        task_of("task_1", "many-1", "image=!blocked image=https://a.example/1", 60000);
    json_t *result = json_loads(task->result, 0, NULL);

    (void)state;
    json_object_set_new(field_at(result, "sources.1"), "refused_ms", json_integer(1));
    free(task->result);
    task->result = json_dumps(result, 0);
    json_decref(result);
    archive_start(bench, task, clock_mono_ms());
    answer(404, NULL, NULL);
    check_change(FAILED(GONE));
    check_over();
}

static void test_a_cover_alone_is_no_success(void **state)
{
    struct task *task =
        task_of("task_1", "many-1", "video=https://a.example/1 ?cover=https://b.example/2",
                FAKE_LINK_LIFE_MS + 1);

    (void)state;
    archive_start(bench, task, clock_mono_ms());
    lose_answer();
    store_gif();
    check_change(FAILED(SAID));
    check_over();
}

// That one lies where we don't go says nothing about the next.
static void test_each_in_its_own_words(void **state)
{
    struct task *task =
        task_of("task_1", "many-1", "?cover=https://a.example/1 image=https://b.example/2",
                FAKE_LINK_LIFE_MS + 1);

    (void)state;
    archive_start(bench, task, clock_mono_ms());
    ask_about("10.0.0.1");
    fake_http_fail(fake_waiting("vendor"), ERR_REFUSED, true);
    lose_answer();
    check_change(FAILED(SAID));
    check_over();
}

// Variants: nobody has said that there are any.

#define VARIANTS                                                                                   \
    "image=https://a.example/1 small?cover=https://b.example/2 sheet?image=https://b.example/3"
#define GET_3 GET("b.example/3")

// Refused, or no image, which ends at once: whoever knows no variants gives the file itself for
// each, and that is large.
static void test_a_variant_that_there_is_not(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *body;
    } answers[] = {
        {"unknown", 404, "no"},
        {"no such word", 400, NULL},
        {"not allowed", 403, "no"},
        {"no key", 401, "no"},
        {"nothing", 200, NULL},
        {"no content", 204, NULL},
        {"nowhere", 302, NULL},
        {"a page", 200, "<html><body>sorry</body></html>"},
        {"the file itself", 200,
         "\x01\x02\x03\x04"
         "ftypisom, and its first second"},
        {"a song", 200, "ID3, and that is a song"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        print_message("%s\n", answers[i].name);
        start_refreshable(VARIANTS); // the vendor isn't asked for another link
        store_gif();
        fake_skip();
        for (int variant = 0; variant < 2; variant++) {
            if (answers[i].body != NULL && answers[i].status == 200)
                fake_http_piece(fake_waiting("vendor"), 200,
                                answers[i].body); // the end never comes
            else
                answer(answers[i].status, NULL, answers[i].body);
        }
        fake_expect(GET_3);
        check_change(SUCCEEDED);
        check_artifacts("image 24 task_1.gif");
        check_over();
        begin_anew();
    }
}

static void test_the_variants_that_there_are(void **state)
{
    json_t *result;

    (void)state;
    start(VARIANTS);
    store_gif();
    store_gif();
    store_gif();
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif; cover 24 task_1-1.gif; image 24 task_1-2.gif");
    result = result_now();
    assert_null(field_at(result, "artifacts.0.variant"));
    assert_string_equal(field_str_or_empty(result, "artifacts.1.variant"), "small");
    assert_string_equal(field_str_or_empty(result, "artifacts.2.variant"), "sheet");
    json_decref(result);
    check_over();
}

// As the store has it after the change.
static struct task *task_put_off(void)
{
    struct task *task = task_of("task_1", "many-1", "", 0);
    json_t *result = result_now();

    free(task->result);
    task->result = json_dumps(result, 0);
    json_decref(result);
    fake_skip();
    fake_change_done(fake_waiting("change"), CHANGE_DONE, false);
    return task;
}

// The way to one fails: the task waits, but not as long as for what it is about, and names it.
static void test_the_way_to_a_variant(void **state)
{
    struct task *task;

    (void)state;
    start(VARIANTS);
    store_gif();
    answer(404, NULL, NULL);
    answer(503, NULL, NULL);
    check_change(LINK("1000", "the vendor's link answers HTTP 503"));
    task = task_put_off();
    fake_loop_run_ms(loop, DEAD_AFTER_MS);
    archive_start(bench, task, clock_mono_ms());
    lose_answer();
    check_change(LINK("5000", SAID)); // it had 10 s
    task = task_put_off();
    fake_loop_run_ms(loop, 1);
    archive_start(bench, task, clock_mono_ms());
    fake_skip();
    answer(503, NULL, NULL);
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif; image (the vendor's link answers HTTP 503)");
    check_over();
}

// A host that is silent: that was long enough.
static void test_a_silent_variant(void **state)
{
    (void)state;
    start(VARIANTS);
    store_gif();
    for (int variant = 0; variant < 2; variant++) {
        assert_int_equal(fake_http_options(fake_waiting("vendor"))->low_speed_ms, DEAD_AFTER_MS);
        fake_loop_run_ms(loop, DEAD_AFTER_MS + 1);
        lose_answer();
    }
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif; cover (" SAID "); image (" SAID ")");
    check_over();
}

static void test_a_variant_alone_is_no_success(void **state)
{
    (void)state;
    archive_start(bench, task_of("task_1", "many-1", VARIANTS, FAKE_LINK_LIFE_MS + 1),
                  clock_mono_ms());
    lose_answer();
    store_gif();
    store_gif();
    check_change(FAILED(SAID));
    check_over();
}

static void test_nothing_to_archive(void **state)
{
    struct task *task = task_of("task_1", "many-1", "", 0);

    (void)state;
    mem_set_str(&task->result, NULL);
    archive_start(bench, task, clock_mono_ms());
    fake_expect(FAILED("the stored result can't be read"));
    fake_expect("wake");
    check_over();
    start("text=yes");
    check_change(FAILED("the stored result can't be read")); // following ends such a one itself
    check_over();
}

static void test_an_account_that_is_not_there(void **state)
{
    (void)state;
    archive_start(bench, task_of("task_1", "gone-1", IMAGES, 0), clock_mono_ms());
    fake_expect("hold task_1 ms=3000");
    fake_expect_nothing();
    check_over();
}

// Cut, and resumed.

static void test_a_cut_file_is_resumed(void **state)
{
    static const struct {
        const char *name;
        int status;
        const char *headers, *body, *line;
    } resumed[] = {
        {"the rest", 206, "content-range: bytes 20-23/24\n" ETAG, GIF_REST, CHECK},
        {"the rest without a tag", 206, "content-range: bytes 20-23/24\n", GIF_REST, CHECK},
        {"the whole, changed", 200, LENGTH "etag: \"b\"\n", GIF, "drop " KEY_1},
        {"the rest of another", 206, "content-range: bytes 20-23/24\netag: \"b\"\n", GIF_REST,
         LINK("1000", "the vendor's file has changed")},
        {"the rest of a longer one", 206, "content-range: bytes 20-24/25\n" ETAG, "lows!",
         LINK("1000", "the vendor's file has changed")},
        {"from elsewhere", 206, "content-range: bytes 19-23/24\n" ETAG, "llows",
         LINK("1000", "the vendor's file has changed")},
        {"of nothing", 206, ETAG, GIF_REST, LINK("1000", "the vendor's file has changed")},
        {"gone", 404, NULL, "no", LINK("1000", GONE)},
        {"gone without a word", 404, NULL, NULL, LINK("1000", GONE)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof resumed / sizeof resumed[0]; i++) {
        print_message("%s\n", resumed[i].name);
        start("image=https://a.example/1");
        assert_true(give_head());
        lose_answer();
        fake_expect(GET_1);
        fake_expect("create " KEY_1);
        fake_expect(GET_1);
        assert_string_equal(header("Range"), "Range: bytes=20-");
        assert_string_equal(header("If-Range"), "If-Range: \"a\"");
        answer(resumed[i].status, resumed[i].headers, resumed[i].body);
        if (resumed[i].status < 300 && strncmp(resumed[i].line, "change", 6) != 0) {
            fake_expect(resumed[i].line);
            assert_string_equal(fake_storage_text(fake_waiting("create")), GIF);
            check_is_ours();
            commit();
            check_change(SUCCEEDED);
            check_artifacts("image 24 task_1.gif");
        } else {
            check_change(resumed[i].line);
        }
        check_over();
        begin_anew();
    }
}

static void test_a_short_answer_is_resumed_so_often(void **state)
{
    (void)state;
    start("image=https://a.example/1");
    answer(200, LENGTH ETAG, GIF_HEAD);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(header("Range"), "Range: bytes=20-");
        answer(206, "content-range: bytes 20-23/24\n" ETAG, NULL);
    }
    check_change(LINK("1000", SHORT));
    check_over();
}

// The storage.

static void test_the_storage_has_no_room_for_a_while(void **state)
{
    struct fake_call *create;

    (void)state;
    start("image=https://a.example/1");
    fake_storage_take(0);
    assert_false(give_head());
    create = fake_waiting("create");
    fake_storage_ready(create, HEAD);
    fake_skip();
    assert_int_equal(fake_count("resume https://a.example/1"), 1);
    assert_true(give_head()); // it comes again
    assert_string_equal(fake_storage_text(create), GIF_HEAD);
    assert_false(fake_http_piece_of(fake_waiting("vendor"), 200, LENGTH ETAG, GIF_REST));
    fake_storage_ready(create, ALL);
    answer(200, NULL, GIF_REST);
    assert_string_equal(fake_storage_text(create), GIF);
    check_is_ours();
    commit();
    check_change(SUCCEEDED);
}

static void test_the_storage_loses_a_part(void **state)
{
    (void)state;
    start(IMAGES);
    assert_true(give_head());
    fake_skip();
    fake_storage_lose(fake_waiting("create"), 16, true);
    fake_loop_run_ms(loop, 499);
    fake_expect_nothing(); // it gets a moment
    fake_loop_run_ms(loop, 1);
    fake_expect(GET_1);
    assert_string_equal(header("Range"), "Range: bytes=16-");
    answer(206, "content-range: bytes 16-23/24\n" ETAG, " follows");
    check_is_ours();
    commit();
    fake_skip();
    give_gif();
    check_is_ours();
    commit();
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif; image 24 task_1-1.gif");
}

// The next would fail as this one did.
static void test_the_storage_fails(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_IO, SAID);
    start(IMAGES);
    assert_true(give_head());
    fake_storage_lose(fake_waiting("create"), 0, false);
    check_change(LATER("1000", "storage", SAID));
    assert_int_equal(fake_count("vendor"), 1);
    check_over();
    begin_anew();

    start(IMAGES);
    give_gif();
    check_is_ours();
    fake_storage_done(fake_waiting("commit"), &err);
    check_change(LATER("1000", "storage", SAID));
    assert_int_equal(fake_count("vendor"), 1);
    check_over();
    begin_anew();

    // What was done before isn't done again.
    start(IMAGES);
    store_gif();
    give_gif();
    check_is_ours();
    fake_storage_done(fake_waiting("commit"), &err);
    check_change(LATER("1000", "storage", SAID));
    assert_non_null(strstr(fake_waiting("change")->line, "task_1.gif"));
}

static void test_a_commit_fails_and_is_asked_for_again(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_IO, SAID);
    start("image=https://a.example/1");
    give_gif();
    check_is_ours();
    fake_storage_keep(fake_waiting("create"), ALL, true); // it is all there
    for (int i = 0; i < 3; i++) {
        fake_storage_done(fake_waiting("commit"), &err);
        fake_skip();
        fake_loop_run_ms(loop, 500 << i);
        fake_expect(CHECK);
        check_is_ours();
        fake_expect("commit " KEY_1);
    }
    fake_storage_done(fake_waiting("commit"), &err);
    check_change(LATER("1750", "storage", SAID)); // it took that long
    check_over();
}

// The lease.

static void test_not_ours_to_store(void **state)
{
    (void)state;
    start(IMAGES);
    give_gif();
    fake_skip();
    fake_hold_done(fake_waiting("hold"), false);
    fake_expect("drop " KEY_1);
    fake_expect("wake");
    fake_expect_nothing(); // nothing is stored, nothing changed
    check_over();
    begin_anew();

    start(IMAGES);
    give_gif();
    fake_store_fail(fake_waiting("hold")); // nobody knows whose it is
    check_change(LATER("1000", "storage", "Redis: the test says so"));
    assert_int_equal(fake_count("commit"), 0);
    check_over();
}

static void test_the_lease_is_renewed(void **state)
{
    (void)state;
    start(IMAGES);
    fake_skip();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(CHECK);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect_nothing();
    fake_store_fail(fake_waiting("hold")); // proves nothing
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(CHECK);
    check_is_ours();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(CHECK);
    fake_hold_done(fake_waiting("hold"), false);
    fake_expect("wake");
    check_over();
}

// New links.

static void test_links_are_asked_for_again(void **state)
{
    static const struct {
        const char *name, *words; // NULL: no answer
        const char *line;
    } polls[] = {
        {"a new one", "succeeded image=https://n.example/1 image=https://n.example/2",
         GET("n.example/1")},
        {"the same", "succeeded " IMAGES, GET_2},
        {"another number of them", "succeeded image=https://n.example/1", GET_2},
        {"variants as well",
         "succeeded image=https://n.example/1 image=https://n.example/2 "
         "x?cover=https://n.example/3",
         GET("n.example/1")},
        {"not known", "missing", GET_2},
        {"unreadable", "oops", GET_2},
        {"no answer", NULL, GET_2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof polls / sizeof polls[0]; i++) {
        print_message("%s\n", polls[i].name);
        start_refreshable(IMAGES);
        answer(404, NULL, NULL);
        fake_expect(GET_1);
        fake_expect(POLL);
        if (polls[i].words != NULL)
            answer(200, NULL, polls[i].words);
        else
            lose_answer();
        fake_expect(polls[i].line);
        answer(404, NULL, NULL);
        if (strcmp(polls[i].line, GET("n.example/1")) == 0)
            fake_expect(GET("n.example/2"));   // all are new
        assert_int_equal(fake_count(POLL), 1); // once in an attempt
        begin_anew();
    }
}

// Where a look takes two requests, the second alone gives new links.
static void test_links_are_asked_for_by_the_second_request(void **state)
{
    struct task *task = task_of("task_1", "one-1", "image=https://a.example/1", 0);

    (void)state;
    task->upstream_id = mem_str("up-1");
    mem_set_str(&task->result,
                "{\"sources\":[{\"kind\":\"image\",\"url\":\"https://a.example/1\"}],"
                "\"next\":\"f1\"}");
    archive_start(bench, task, clock_mono_ms());
    fake_expect("vendor GET https://a.example/1 account=one-1");
    answer(403, NULL, NULL);
    fake_expect("vendor GET https://one.example/next/f1 account=one-1");
    answer(200, NULL, "succeeded image=https://n.example/1");
    fake_expect("vendor GET https://n.example/1 account=one-1");
    fake_skip();
}

// Whom we couldn't ask may have a new link: it isn't dead yet.
static void test_a_link_is_refused_where_the_vendor_can_be_asked(void **state)
{
    static const char *const words[] = {"missing", "oops"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *result;

        start_refreshable("image=https://a.example/1");
        answer(404, NULL, NULL);
        answer(200, NULL, words[i]);
        check_change(LINK("1000", GONE));
        result = result_now();
        assert_int_equal(field_at(result, "sources.0.refused_ms") != NULL, i == 0);
        json_decref(result);
        begin_anew();
    }
}

// The vendor's link for want of better.
static void test_the_vendors_link(void **state)
{
    struct task *task;

    (void)state;
    config.storage.on_failure = ON_FAILURE_VENDOR_URL;
    archive_start(bench,
                  task_of("task_1", "many-1", "image=https://a.example/1", FAKE_LINK_LIFE_MS + 1),
                  clock_mono_ms());
    lose_answer();
    check_change(SUCCEEDED);
    check_artifacts("image https://a.example/1 not archived");
    check_over();
    begin_anew();

    // One that takes the account's key is of no use to anybody else.
    config.storage.on_failure = ON_FAILURE_VENDOR_URL;
    task = task_of("task_1", "one-1", "image=https://a.example/1", FAKE_LINK_LIFE_MS + 1);
    archive_start(bench, task, clock_mono_ms());
    assert_string_equal(header("X-Key"), "X-Key: one-1");
    lose_answer();
    check_change(FAILED(SAID));
    check_over();
}

// A host's share of the places.

enum { QUICK_MS = 250, BUSY_MS = 1500 };

static void start_at(const char *host, const char *id)
{
    char sources[80];

    snprintf(sources, sizeof sources, "image=https://%s/%s", host, id);
    archive_start(bench, task_of(id, "many-1", sources, 0), clock_mono_ms());
}

// For so long nothing has been asked for there.
static void fill_host(const char *host, int64_t ago_ms)
{
    start_at(host, "task_2");
    start_at(host, "task_3");
    fake_clock_pass_ms(ago_ms);
    fake_skip();
}

static void miss(const char *request)
{
    fake_http_fail(fake_waiting(request), ERR_UPSTREAM, false);
    fake_skip();
}

static void test_a_host_that_has_enough_to_do(void **state)
{
    (void)state;
    fill_host("a.example", QUICK_MS);
    start("image=https://a.example/1");
    fake_expect("hold task_1 ms=1500"); // without a change
    fake_expect("wake");
    fake_expect_nothing();

    start(IMAGES); // the other file is elsewhere
    fake_expect(GET_2);
    fake_http_answer(fake_waiting(GET_2), 200, LENGTH ETAG, GIF);
    check_is_ours();
    commit();
    check_change("change task_1 go on ms=1500 result=");
    assert_non_null(strstr(fake_waiting("change")->line, KEY_2));
}

static void test_a_host_that_has_room_in_a_moment(void **state)
{
    (void)state;
    fill_host("a.example", QUICK_MS - 1);
    start_at("a.example", "task_4");
    start_at("a.example", "task_5");
    fake_expect_nothing();
    miss(GET("a.example/task_2"));
    fake_loop_run_ms(loop, 0);
    fake_expect(GET("a.example/task_4")); // who has waited longest
    fake_expect_nothing();
    miss(GET("a.example/task_3"));
    miss(GET("a.example/task_4"));
    fake_loop_run_ms(loop, 0);
    fake_expect(GET("a.example/task_5"));
    fake_expect_nothing();
    start_at("a.example", "task_6");
    fake_expect(GET("a.example/task_6"));

    begin_anew();
    fill_host("a.example", 0);
    start_at("a.example", "task_4"); // two places, and two turns at once
    start_at("a.example", "task_5");
    miss(GET("a.example/task_2"));
    miss(GET("a.example/task_3"));
    fake_loop_run_ms(loop, 0);
    fake_expect(GET("a.example/task_4"));
    fake_expect(GET("a.example/task_5"));
}

static void test_a_host_that_has_no_room_after_all(void **state)
{
    (void)state;
    fill_host("a.example", 0);
    start("image=https://a.example/1");
    fake_loop_run_ms(loop, QUICK_MS - 1);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1);
    fake_expect("hold task_1 ms=1500");
    fake_expect("wake");

    begin_anew(); // others are served all the time
    fill_host("a.example", 0);
    start("image=https://a.example/1");
    for (int64_t waited_ms = 100; waited_ms <= BUSY_MS; waited_ms += 100) {
        fake_loop_run_ms(loop, 100);
        miss(GET("a.example/task_3"));
        start_at("a.example", "task_3"); // before its turn has come
        fake_loop_run_ms(loop, 0);
        assert_int_equal(fake_count("hold task_1 ms=1500"), waited_ms >= BUSY_MS);
    }
}

static void test_nobody_waits_on_a_drain(void **state)
{
    (void)state;
    fill_host("a.example", 0);
    start("image=https://a.example/1");
    fake_bench_drain(bench);
    assert_int_equal(fake_count("hold task_1 ms=0"), 1);
    fake_skip();
    fake_loop_run_ms(loop, QUICK_MS);
    fake_expect_nothing();
    check_over();
}

static void test_new_links_are_kept_where_their_host_is_busy(void **state)
{
    (void)state;
    fill_host("n.example", QUICK_MS);
    start_refreshable("image=https://a.example/1");
    fake_http_answer(fake_waiting(GET_1), 404, NULL, NULL);
    fake_http_answer(fake_waiting(POLL), 200, NULL, "succeeded image=https://n.example/1");
    check_change("change task_1 go on ms=1500 result=");
    assert_non_null(strstr(fake_waiting("change")->line, "https://n.example/1"));
}

// Files inside the answer to a poll.

static void start_inline(int64_t elapsed_ms)
{
    struct task *task = task_of("task_1", "one-1", "image=inline:0", elapsed_ms);

    task->upstream_id = mem_str("up-1");
    archive_start(bench, task, clock_mono_ms());
    fake_expect("vendor GET https://one.example/up-1 account=one-1");
    assert_null(fake_http_options(fake_waiting("vendor"))->on_address);
}

static void test_a_file_inside_an_answer(void **state)
{
    (void)state;
    start_inline(0);
    assert_true(fake_http_piece_of(fake_waiting("vendor"), 200, "content-length: 9\n",
                                   "{\"done\":true,\"file\":\"R0lGODlhLCBhbmQg"));
    answer(200, NULL, "d2hhdCBmb2xsb3dz\"}");
    check_is_ours();
    commit();
    check_change(SUCCEEDED);
    check_artifacts("image 24 task_1.gif");
    begin_anew();

    start_inline(0);
    answer(200, NULL, "{\"file\":\"" GIF_BASE64);
    check_change(LINK("1000", SHORT));
    begin_anew();

    start_inline(0); // the storage has no room: the piece comes again, decoded by then
    fake_storage_take(0);
    assert_false(
        fake_http_piece(fake_waiting("vendor"), 200, "{\"file\":\"R0lGODlhLCBhbmQgd2hhdCBmb2xs"));
    fake_storage_ready(fake_waiting("create"), ALL);
    assert_true(
        fake_http_piece(fake_waiting("vendor"), 200, "{\"file\":\"R0lGODlhLCBhbmQgd2hhdCBmb2xs"));
    answer(200, NULL, "b3dz\"}");
    assert_string_equal(fake_storage_text(fake_waiting("create")), GIF);
    begin_anew();

    start_inline(0); // there is none
    answer(200, NULL, "{\"done\":true}");
    check_change(LINK("1000", EMPTY));
}

// Its longest way.

static void begin(void)
{
    start_refreshable(IMAGES);
}

static void head(void)
{
    assert_true(give_head());
}

static void lost(void)
{
    fake_storage_lose(fake_waiting("create"), 16, true);
}

static void resumed(void)
{
    fake_loop_run_ms(loop, 500);
}

static void rest(void)
{
    answer(206, "content-range: bytes 16-23/24\n" ETAG, " follows");
}

static void renew(void)
{
    fake_loop_run_ms(loop, LEASE_MS / 3);
}

static void gone(void)
{
    answer(404, NULL, NULL);
}

static void (*const steps[])(void) = {begin,         head,   lost,  resumed, rest,
                                      check_is_ours, commit, renew, gone};
enum { STEPS = sizeof steps / sizeof steps[0] };

// Files that came in the answer to a call.

#define KEPT_RESULT                                                                                \
    "{\"sources\":[{\"kind\":\"image\",\"url\":\"kept:0\",\"content_type\":\"image/gif\","         \
    "\"bytes\":24,\"sha256\":\"ab\"}]}"
#define COPY "copy answers/task_1-0 to task-artifacts/2023/11/14/many-1/make/task_1.gif"

static void start_kept(void)
{
    struct task *task = task_of("task_1", "many-1", "", 0);

    free(task->result);
    task->result = mem_str(KEPT_RESULT);
    archive_start(bench, task, clock_mono_ms());
    fake_hold_done(fake_waiting("hold task_1"), true);
    fake_skip();
}

static void copied(const struct err *err)
{
    fake_storage_done(fake_waiting("copy"), err);
}

static void test_a_file_that_is_here(void **state)
{
    (void)state;
    start_kept();
    fake_waiting(COPY);
    copied(NULL);
    fake_expect(
        "change task_1 succeed result={\"artifacts\":[{\"kind\":\"image\",\"key\":"
        "\"task-artifacts/2023/11/14/many-1/make/task_1.gif\","
        "\"content_type\":\"image/gif\",\"bytes\":24,\"sha256\":\"ab\"}]}");
    fake_skip();
    fake_change_done(fake_waiting("change task_1 succeed"), CHANGE_ENDED, false);
    fake_expect("delete answers/task_1-0"); // not before its end is stored
}

static void test_a_file_that_is_elsewhere(void **state)
{
    static const struct {
        enum err_code code;
        const char *wait;
    } cases[] = {{ERR_NOT_FOUND, "wait=link"}, {ERR_IO, "wait=storage"}};
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start_kept();
        err_set(&err, cases[i].code, "the test says so");
        copied(&err);
        assert_non_null(strstr(fake_waiting("change task_1 put off")->line, cases[i].wait));
        assert_int_equal(fake_count("delete"), 0);
        begin_anew();
    }
}

static void test_dropped_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        fake_bench_drop_after(bench, steps, count);
        begin_anew();
    }
}

static void test_drained_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        for (size_t i = 0; i < count; i++)
            steps[i]();
        fake_skip();
        fake_bench_drain(bench);
        fake_expect("hold task_1 ms=0"); // somebody else goes on with it
        check_over();
        begin_anew();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_file),
        TEST(test_what_an_answer_means),
        TEST(test_a_page_in_pieces),
        TEST(test_a_file_without_an_end),
        TEST(test_a_page_before_a_file),
        TEST(test_the_first_refusal_is_noted),
        TEST(test_where_a_link_may_lead),
        TEST(test_redirects),
        TEST(test_one_that_cannot_be_had_holds_up_no_other),
        TEST(test_what_is_done_is_not_done_again),
        TEST(test_one_is_dead),
        TEST(test_some_were_not_made),
        TEST(test_none_is_left),
        TEST(test_a_cover_alone_is_no_success),
        TEST(test_a_variant_that_there_is_not),
        TEST(test_the_variants_that_there_are),
        TEST(test_the_way_to_a_variant),
        TEST(test_a_silent_variant),
        TEST(test_a_variant_alone_is_no_success),
        TEST(test_each_in_its_own_words),
        TEST(test_nothing_to_archive),
        TEST(test_an_account_that_is_not_there),
        TEST(test_a_cut_file_is_resumed),
        TEST(test_a_short_answer_is_resumed_so_often),
        TEST(test_the_storage_has_no_room_for_a_while),
        TEST(test_the_storage_loses_a_part),
        TEST(test_the_storage_fails),
        TEST(test_a_commit_fails_and_is_asked_for_again),
        TEST(test_not_ours_to_store),
        TEST(test_the_lease_is_renewed),
        TEST(test_links_are_asked_for_again),
        TEST(test_links_are_asked_for_by_the_second_request),
        TEST(test_a_link_is_refused_where_the_vendor_can_be_asked),
        TEST(test_the_vendors_link),
        TEST(test_a_host_that_has_enough_to_do),
        TEST(test_a_host_that_has_room_in_a_moment),
        TEST(test_a_host_that_has_no_room_after_all),
        TEST(test_nobody_waits_on_a_drain),
        TEST(test_new_links_are_kept_where_their_host_is_busy),
        TEST(test_a_file_inside_an_answer),
        TEST(test_a_file_that_is_here),
        TEST(test_a_file_that_is_elsewhere),
        TEST(test_dropped_after_each_step),
        TEST(test_drained_after_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
