// A submit's way: each event, and what is asked of the store, the vendor and the storage then.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
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

enum { LEASE_MS = 60000, QUEUE_TIMEOUT_MS = 3600 * 1000, SURE_MS = LEASE_MS / 2 };

#define BEGIN "begin task_1 ms=60000"
#define SEND "vendor POST https://many.example/jobs account=many-1"
#define SEND_ONE "vendor POST https://one.example/jobs account=one-1"
#define RENEW "hold task_1 ms=60000"
#define HANDED_BACK "change task_1 hand back"
#define STORE "change task_1 accept upstream=up-1 look=2000 news"
#define LOOKED_AT "expect many-1 ms=2000"
#define IMAGE "https://client.example/a.gif"
#define FETCH "http GET " IMAGE
#define GIF "GIF89a, and what follows"

static struct account accounts[] = {
    {.name = "many-1", FAKE_MANY, .base_url = "https://many.example"},
    {.name = "one-1", FAKE_ONE, .base_url = "https://one.example"},
    {.name = "calls-1", FAKE_CALLS, .base_url = "https://calls.example"}};
static struct config config;
static struct loop *loop;
static struct bench *bench;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    config = (struct config){.accounts = accounts,
                             .account_count = 3,
                             .lease_ms = LEASE_MS,
                             .queue_timeout_ms = QUEUE_TIMEOUT_MS};
    accounts[0].poll_interval_ms = 0;
    loop = loop_new();
    bench = fake_bench(loop, &config);
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

static struct task *task_of(const char *account)
{
    struct task *task = fake_task("task_1", "dev", TASK_SUBMITTING);

    task->provider = mem_strn(account, strcspn(account, "-"));
    task->account = mem_str(account);
    task->action = mem_str("MAKE");
    task->request = mem_str("{}");
    task->created_ms = clock_wall_ms();
    return task;
}

static void start_task(struct task *task)
{
    submit_start(bench, task, clock_mono_ms());
}

static void start(void)
{
    start_task(task_of("many-1"));
}

static void go(void)
{
    fake_begin_done(fake_waiting("begin"), BEGIN_GO);
}

static void answer(int status, const char *headers, const char *body)
{
    fake_http_answer(fake_waiting("vendor"), status, headers, body);
}

static void accepted(void)
{
    answer(200, NULL, "accepted up-1");
}

static void stored(void)
{
    fake_change_done(fake_waiting("change task_1 accept"), CHANGE_DONE, false);
}

static void check_over(void)
{
    fake_expect_nothing();
    assert_null(bench->jobs);
    assert_int_equal(bench->places[PLACE_SUBMIT].used, 0);
    assert_int_equal(bench->inputs.used, 0);
}

static void test_accepted_and_stored(void **state)
{
    (void)state;
    start();
    fake_expect(BEGIN);
    fake_expect_nothing(); // before Redis has noted it
    go();
    fake_expect(SEND);
    // Never one that was kept: libcurl would send a POST twice.
    assert_true(fake_http_options(fake_waiting("vendor"))->fresh_connection);
    assert_true(fake_vendor_may_send(fake_waiting("vendor")));
    accepted();
    fake_expect(STORE);
    fake_expect_nothing(); // before the id is stored
    assert_non_null(bench->jobs);
    stored();
    fake_expect(LOOKED_AT);
    fake_expect("wake");
    check_over();
}

static void test_how_the_beginning_ends(void **state)
{
    static const struct {
        const char *name;
        enum begin_result result;
        bool is_lost;
        const char *first, *second;
    } cases[] = {
        {"go", BEGIN_GO, false, SEND, NULL},
        {"cancelled meanwhile", BEGIN_CANCELLED, false, "delete inputs/task_1.json", "wake"},
        {"somebody else's by now", BEGIN_STALE, false, "wake", NULL},
        {"no answer: it hasn't left", BEGIN_GO, true, HANDED_BACK, "wake"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of("many-1");

        print_message("%s\n", cases[i].name);
        task->is_request_stored = true;
        start_task(task);
        fake_expect(BEGIN);
        if (cases[i].is_lost)
            fake_store_fail(fake_waiting("begin"));
        else
            fake_begin_done(fake_waiting("begin"), cases[i].result);
        fake_expect(cases[i].first);
        if (cases[i].second != NULL)
            fake_expect(cases[i].second);
        fake_expect_nothing();
        begin_anew();
    }
}

static const struct answer_case {
    const char *name;
    int status; // 0: none came, for this reason
    enum err_code failure;
    bool nothing_sent;
    const char *headers, *body, *line, *late_line; // the last: queue_timeout_ms later
} answer_cases[] = {
    {"the vendor is busy", 200, 0, false, NULL, "busy too many",
     "change task_1 refuse by=vendor cool=0 reason=too many",
     "change task_1 give up by=vendor cool=0 reason=too many code=vendor_unavailable"},
    {"and says for how long", 429, 0, false, "retry-after: 7\n", "busy too many",
     "change task_1 refuse by=vendor cool=7000 reason=too many",
     "change task_1 give up by=vendor cool=7000 reason=too many code=vendor_unavailable"},
    {"another account may", 402, 0, false, NULL, "elsewhere no money",
     "change task_1 refuse by=account cool=0 reason=no money",
     "change task_1 give up by=account cool=0 reason=no money code=vendor_unavailable"},
    {"without a reason", 402, 0, false, NULL, "elsewhere",
     "change task_1 refuse by=account cool=0 reason=the vendor gave no reason",
     "change task_1 give up by=account cool=0 reason=the vendor gave no reason "
     "code=vendor_unavailable"},
    {"the key is bad", 401, 0, false, NULL, "bad_key who?",
     "change task_1 refuse by=bad_key cool=0 reason=who?",
     "change task_1 give up by=bad_key cool=0 reason=who? code=vendor_unavailable"},
    {"refused for ever", 400, 0, false, NULL, "refused no cats",
     "change task_1 fail code=vendor_refused message=no cats", NULL},
    {"failed at once", 200, 0, false, NULL, "failed no cats",
     "change task_1 fail code=vendor_refused message=no cats", NULL},
    {"nobody was there", 0, ERR_UPSTREAM, true, NULL, NULL,
     "change task_1 refuse by=unreachable cool=0 reason=the test says so",
     "change task_1 give up by=unreachable cool=0 reason=the test says so code=vendor_unavailable"},
    {"nobody was there in time", 0, ERR_TIMEOUT, true, NULL, NULL,
     "change task_1 refuse by=unreachable cool=0 reason=the test says so",
     "change task_1 give up by=unreachable cool=0 reason=the test says so code=vendor_unavailable"},
    {"no token for this key", 0, ERR_AUTH, true, NULL, NULL,
     "change task_1 refuse by=bad_key cool=0 reason=the test says so",
     "change task_1 give up by=bad_key cool=0 reason=the test says so code=vendor_unavailable"},
    {"no token can be made", 0, ERR_CONFIG, true, NULL, NULL,
     "change task_1 refuse by=bad_key cool=0 reason=the test says so",
     "change task_1 give up by=bad_key cool=0 reason=the test says so code=vendor_unavailable"},
    // What was sent may have been accepted: however long it has waited by now.
    {"the answer is lost", 0, ERR_TIMEOUT, false, NULL, NULL,
     "change task_1 doubt why=the test says so", NULL},
    {"even with such an error", 0, ERR_AUTH, false, NULL, NULL,
     "change task_1 doubt why=the test says so", NULL},
    {"the answer can't be read", 500, 0, false, NULL, "oops", "change task_1 doubt why=unreadable",
     NULL},
    {"the vendor doesn't know itself", 504, 0, false, NULL, "doubt nobody knows",
     "change task_1 doubt why=nobody knows", NULL},
    {"a word of a look", 200, 0, false, NULL, "rendering",
     "change task_1 doubt why=the vendor gave no reason", NULL},
};

static void tell(const struct answer_case *with)
{
    if (with->status != 0)
        answer(with->status, with->headers, with->body);
    else
        fake_http_fail(fake_waiting("vendor"), with->failure, with->nothing_sent);
}

static void test_what_an_answer_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answer_cases / sizeof answer_cases[0]; i++) {
        for (int is_late = 0; is_late < 2; is_late++) {
            const struct answer_case *with = &answer_cases[i];
            struct task *task = task_of("many-1");

            print_message("%s%s\n", with->name, is_late ? ", and it has waited long" : "");
            if (is_late)
                task->created_ms -= QUEUE_TIMEOUT_MS + 1;
            start_task(task);
            go();
            fake_skip();
            tell(with);
            fake_expect(is_late && with->late_line != NULL ? with->late_line : with->line);
            fake_expect("wake");
            check_over();
            begin_anew();
        }
    }
}

static void start_without_the_model(const char *line)
{
    start_task(task_of("many-1"));
    go();
    fake_skip();
    answer(404, NULL, "no_model not here");
    fake_expect(line);
    fake_expect("wake");
    check_over();
}

static void test_another_account_may_have_the_model(void **state)
{
    struct account two[] = {accounts[0], accounts[0]};

    (void)state;
    two[1].name = "many-2";
    config.accounts = two;
    config.account_count = 2;
    start_without_the_model("change task_1 move to=many-2 reason=not here");
    begin_anew();
    config.account_count = 1;
    start_without_the_model("change task_1 fail code=model_not_found message=not here");
}

static void test_waiting_without_an_end(void **state)
{
    struct task *task = task_of("many-1");

    (void)state;
    config.queue_timeout_ms = 0;
    task->created_ms = 1;
    start_task(task);
    go();
    fake_skip();
    tell(&answer_cases[0]);
    fake_expect(answer_cases[0].line);
}

// A question costs nothing: where it got no answer it is asked again, as long as somebody waits.
static void test_questions(void **state)
{
    static const struct {
        const char *name;
        int64_t age_ms;
        int status;
        const char *body, *line;
    } cases[] = {
        {"answered", 0, 200, "succeeded text=yes",
         "change task_1 succeed result={\"sources\":[{\"kind\":\"text\",\"url\":\"yes\"}]}"},
        {"answered late", 90000, 200, "succeeded text=yes",
         "change task_1 succeed result={\"sources\":[{\"kind\":\"text\",\"url\":\"yes\"}]}"},
        {"lost", 0, 500, "oops", "change task_1 ask again why=unreadable"},
        {"lost, nobody waits any more", 60001, 500, "oops",
         "change task_1 fail code=vendor_no_answer message=unreadable"},
        {"busy", 60000, 429, "busy wait", "change task_1 refuse by=vendor cool=0 reason=wait"},
        {"busy, nobody waits any more", 60001, 429, "busy wait",
         "change task_1 fail code=vendor_no_answer message=wait"},
        {"the key is bad, whoever waits", 60001, 401, "bad_key who?",
         "change task_1 refuse by=bad_key cool=0 reason=who?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of("many-1");

        print_message("%s\n", cases[i].name);
        task->is_ask = true;
        task->created_ms -= cases[i].age_ms;
        start_task(task);
        go();
        fake_skip();
        answer(cases[i].status, NULL, cases[i].body);
        fake_expect(cases[i].line);
        fake_expect("wake");
        check_over();
        begin_anew();
    }
}

static void test_what_storing_the_id_tells(void **state)
{
    static const struct {
        const char *name;
        enum change_result result;
        bool is_cancel_asked, is_lost;
        const char *lines[4];
    } cases[] = {
        {"done", CHANGE_DONE, false, false, {LOOKED_AT, "delete inputs/task_1.json", "wake", NULL}},
        {"a cancel is asked for: looked at at once",
         CHANGE_DONE,
         true,
         false,
         {LOOKED_AT, "delete inputs/task_1.json", "expect many-1 ms=0", "wake"}},
        {"somebody else's by now", CHANGE_STALE, false, false, {"wake", NULL}},
        {"never", CHANGE_DONE, false, true, {"wake", NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of("many-1");

        print_message("%s\n", cases[i].name);
        task->is_request_stored = true;
        start_task(task);
        go();
        accepted();
        fake_skip();
        if (cases[i].is_lost)
            fake_store_fail(fake_waiting("change"));
        else
            fake_change_done(fake_waiting("change"), cases[i].result, cases[i].is_cancel_asked);
        for (size_t k = 0; k < 4 && cases[i].lines[k] != NULL; k++)
            fake_expect(cases[i].lines[k]);
        check_over();
        begin_anew();
    }
}

static void test_what_is_stored_of_an_acceptance(void **state)
{
    (void)state;
    start();
    go();
    fake_skip();
    answer(200, NULL, "modal_accepted up-1");
    fake_expect("change task_1 accept upstream=up-1 modal look=2000 news");
    begin_anew();

    accounts[0].poll_interval_ms = 700; // the operator's word
    start();
    go();
    fake_skip();
    accepted();
    fake_expect("change task_1 accept upstream=up-1 look=700 news");
}

static void test_no_request_can_be_made(void **state)
{
    struct task *task = task_of("many-1");

    (void)state;
    mem_set_str(&task->request, NULL);
    start_task(task);
    go();
    fake_expect(BEGIN);
    fake_expect("change task_1 fail code=internal_error message=no request");
    fake_expect("wake");
    check_over();
    begin_anew();

    task = task_of("many-1"); // it is the client's fault
    mem_set_str(&task->request, "{\"unfit\":1}");
    start_task(task);
    go();
    fake_expect(BEGIN);
    fake_expect("change task_1 fail code=invalid_request message=image: is unfit");
    fake_expect("wake");
    check_over();
}

// The lease.

static void test_the_lease_is_renewed_until_the_answer(void **state)
{
    (void)state;
    start();
    fake_expect(BEGIN); // which asks for a lease, too
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect_nothing();
    go();
    fake_skip();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect_nothing(); // one at a time
    fake_hold_done(fake_waiting("hold"), true);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW);
    fake_hold_done(fake_waiting("hold"), false); // lost: an id is stored all the same
    accepted();
    fake_expect(STORE);
    fake_loop_run_ms(loop, LEASE_MS);
    fake_expect_nothing();
}

static void test_never_sent_late(void **state)
{
    struct fake_call *call;

    (void)state;
    submit_start(bench, task_of("many-1"), clock_mono_ms() - SURE_MS); // a slow claim
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();

    start();
    fake_expect(BEGIN);
    fake_clock_pass_ms(SURE_MS); // the worker was stopped
    go();
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();

    start();
    fake_clock_pass_ms(SURE_MS - 1);
    go();
    fake_expect(BEGIN);
    fake_expect(SEND);
    call = fake_waiting("vendor"); // waits for a token
    assert_true(fake_vendor_may_send(call));
    fake_clock_pass_ms(1);
    assert_false(fake_vendor_may_send(call));
    // That is nobody's fault, least of all the account's.
    fake_http_fail(call, ERR_TIMEOUT, true);
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();
}

static void test_a_renewed_lease_may_be_sent_under(void **state)
{
    struct fake_call *call;

    (void)state;
    start();
    go();
    call = fake_waiting("vendor");
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_hold_done(fake_waiting("hold"), true);
    fake_clock_pass_ms(SURE_MS - 1);
    assert_true(fake_vendor_may_send(call));
    fake_clock_pass_ms(1);
    assert_false(fake_vendor_may_send(call));
}

// Inputs.

static void start_with_inputs(void)
{
    struct task *task = task_of("one-1");

    task->has_inputs = true;
    task->is_request_stored = true;
    mem_set_str(&task->request, NULL);
    start_task(task);
}

static void give_request(void)
{
    fake_storage_give(fake_waiting("fetch inputs/task_1.json"), "{\"image\":\"" IMAGE "\"}");
}

static void give_image(void)
{
    fake_http_answer(fake_waiting("http"), 200, NULL, GIF);
}

static void store_one(void)
{
    fake_change_done(fake_waiting("change task_1 accept"), CHANGE_DONE, false);
}

static void test_inputs_come_first(void **state)
{
    (void)state;
    start_with_inputs();
    fake_expect("fetch inputs/task_1.json");
    fake_expect_nothing();
    give_request();
    fake_expect(FETCH);
    fake_expect_nothing();
    give_image();
    fake_expect(BEGIN);
    go();
    fake_expect(SEND_ONE);
    // The vendor gets the file's type, and the path it may call back on.
    assert_string_equal(fake_http_request(fake_waiting("vendor"))->body.data,
                        "{\"image\":\"" IMAGE
                        "\"} image/gif "
                        "https://spool.example/callbacks/task_1");
    accepted();
    fake_expect(STORE);
    store_one();
    fake_expect("expect one-1 ms=2000");
    fake_expect("delete inputs/task_1.json");
    fake_expect("wake");
    check_over();
}

static void test_the_stored_request(void **state)
{
    (void)state;
    start_with_inputs();
    fake_skip();
    fake_storage_give(fake_waiting("fetch"), NULL);
    fake_expect("change task_1 fail code=input_lost message=the stored request is gone");
    fake_expect("wake");
    check_over();

    start_with_inputs();
    fake_skip();
    fake_late(); // the storage has failed
    fake_expect("change task_1 await storage why=too late");
    fake_expect("wake");
    check_over();
}

#define UNFETCHED "input image 0 can't be fetched"
#define LATER(why) "change task_1 await inputs why=" why
#define NEVER(why) "change task_1 fail code=invalid_request message=" why

static void test_what_becomes_of_a_link(void **state)
{
    static const struct {
        const char *name;
        int status; // 0: no answer
        enum err_code failure;
        int tries;
        const char *headers, *body, *line;
    } cases[] = {
        {"the image", 200, 0, 4, NULL, GIF, BEGIN},
        {"elsewhere", 302, 0, 0, "location: https://cdn.example/b.gif\n", "",
         "http GET https://cdn.example/b.gif"},
        {"nowhere", 302, 0, 0, NULL, "", NEVER(UNFETCHED ": its link answers HTTP 302")},
        {"not there", 404, 0, 0, NULL, "", NEVER(UNFETCHED ": its link answers HTTP 404")},
        {"a failure there", 503, 0, 0, NULL, "", LATER(UNFETCHED ": its link answers HTTP 503")},
        {"too often", 429, 0, 0, NULL, "", LATER(UNFETCHED ": its link answers HTTP 429")},
        {"the fifth time", 503, 0, 4, NULL, "", NEVER(UNFETCHED ": its link answers HTTP 503")},
        {"no image", 200, 0, 0, NULL, "<html>", NEVER("input image 0 is no image that we know")},
        {"another file", 200, 0, 0, NULL, "ID3, a song",
         NEVER("input image 0 is no image that we know")},
        {"empty", 200, 0, 0, NULL, NULL, NEVER("input image 0 is no image that we know")},
        {"no answer", 0, ERR_TIMEOUT, 3, NULL, NULL, LATER(UNFETCHED)},
        {"no answer the fifth time", 0, ERR_UPSTREAM, 4, NULL, NULL, NEVER(UNFETCHED)},
        {"where we don't go", 0, ERR_REFUSED, 0, NULL, NULL, NEVER(UNFETCHED)},
        {"too large", 0, ERR_TOO_LARGE, 0, NULL, NULL, NEVER(UNFETCHED)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of("one-1");

        print_message("%s\n", cases[i].name);
        mem_set_str(&task->request, "{\"image\":\"" IMAGE "\"}");
        task->has_inputs = true;
        task->link_tries = cases[i].tries;
        start_task(task);
        fake_expect(FETCH);
        if (cases[i].status != 0)
            fake_http_answer(fake_waiting("http"), cases[i].status, cases[i].headers,
                             cases[i].body);
        else
            fake_http_fail(fake_waiting("http"), cases[i].failure, false);
        fake_expect(cases[i].line);
        begin_anew();
    }
}

// A vendor that takes links alone gets one, to where the file was put.
static void test_a_file_becomes_a_link(void **state)
{
#define PUT "uploads/1970/01/01/task_1-image.gif"
    static const struct {
        const char *name, *request, *line;
    } cases[] = {
        {"the file", "{\"image\":\"data:image/gif;base64,R0lGODlhYQ==\",\"n\":1}", "put " PUT},
        {"no storage", "{\"image\":\"R0lGODlhYQ==\"}", "put " PUT},
        {"dropped", "{\"image\":\"R0lGODlhYQ==\"}", "put " PUT},
        {"a page", "{\"image\":\"PGh0bWw+PC9odG1sPg==\"}", NEVER("image: is no file that we know")},
        {"a link", "{\"image\":\"" IMAGE "\"}", BEGIN},
    };
    static char base[] = "https://media.example";

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task;

        print_message("%s\n", cases[i].name);
        begin_anew();
        accounts[0].dialect = &fake_links_dialect;
        config.links.base = base;
        task = task_of("many-1");
        task->created_ms = 1;
        mem_set_str(&task->request, cases[i].request);
        task->has_inputs = true;
        start_task(task);
        fake_loop_run_ms(loop, 0);
        fake_expect(cases[i].line);
        if (i == 0) {
            fake_expect_nothing();
            fake_storage_done(fake_waiting("put"), NULL);
            fake_expect(BEGIN);
            go();
            fake_expect(SEND);
            assert_string_equal(fake_http_request(fake_waiting("vendor"))->body.data,
                                "{\"image\":\"https://media.example/" PUT "\",\"n\":1}");
        } else if (i == 1) {
            fake_late(); // the storage has failed
            fake_expect("change task_1 await storage why=too late");
        }
    }
    begin_anew();
    accounts[0].dialect = &fake_many_dialect;
    config.links.base = NULL;
}

static bool may_connect(const char *address)
{
    const struct http_options *options = fake_http_options(fake_waiting("http"));
    struct sockaddr_in at = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    return options->on_address((struct sockaddr *)&at, options->ctx);
}

// A client names it: not into our network, unless it is what we gave out ourselves.
static void test_where_a_link_may_lead(void **state)
{
    static char other[] = "https://10.0.0.2", ours[] = "https://10.0.0.1";
    struct task *task = task_of("one-1");

    (void)state;
    mem_set_str(&task->request, "{\"image\":\"https://10.0.0.1/uploads/a.gif\"}");
    task->has_inputs = true;
    start_task(task);
    config.links.base = other;
    assert_true(may_connect("1.1.1.1"));
    assert_false(may_connect("10.0.0.1"));
    assert_false(may_connect("127.0.0.1"));
    config.links.base = ours;
    assert_true(may_connect("10.0.0.1"));
}

static void test_redirects_have_an_end(void **state)
{
    struct task *task = task_of("one-1");

    (void)state;
    mem_set_str(&task->request, "{\"image\":\"" IMAGE "\"}");
    task->has_inputs = true;
    start_task(task);
    for (int i = 0; i < 4; i++) {
        fake_expect(FETCH);
        fake_http_answer(fake_waiting("http"), 302, "location: " IMAGE "\n", NULL);
    }
    fake_expect(NEVER(UNFETCHED ": its link answers HTTP 302"));
}

// Who has a little in hand may have more; what would be too much for all waits.
static void test_inputs_wait_for_room(void **state)
{
    struct share share = {0};

    (void)state;
    assert_true(budget_take(&bench->inputs, &share, "other", bench->inputs.max, NULL, NULL));
    start_with_inputs();
    fake_expect_nothing();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW); // it keeps its lease meanwhile
    budget_give_back(&share);
    fake_expect("fetch inputs/task_1.json");
    assert_true(bench->inputs.used > 0);
    give_request();
    give_image();
    assert_int_equal(bench->inputs.used, strlen("{\"image\":\"" IMAGE "\"}") + strlen(GIF));
    go();
    bench_drop_jobs(bench);
    assert_int_equal(bench->inputs.used, 0);
}

static void test_nothing_is_fetched_in_a_drain(void **state)
{
    struct share share = {0};

    (void)state;
    assert_true(budget_take(&bench->inputs, &share, "other", bench->inputs.max, NULL, NULL));
    start_with_inputs();
    bench->is_draining = true;
    budget_give_back(&share);
    fake_expect_nothing();
    fake_bench_drain(bench);
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();
}

// Its longest way.
static void (*const steps[])(void) = {start_with_inputs, give_request, give_image, go, accepted};
enum { STEPS = sizeof steps / sizeof steps[0], SENT_AFTER = 4 };

static void test_dropped_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        fake_bench_drop_after(bench, steps, count);
        begin_anew();
    }
}

// What hasn't left is handed back; the answer to what has is waited for.
static void test_drained_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        for (size_t i = 0; i < count; i++)
            steps[i]();
        fake_skip();
        fake_bench_drain(bench);
        if (count < SENT_AFTER) {
            fake_expect(HANDED_BACK);
            fake_expect("wake");
            check_over();
        } else {
            fake_expect_nothing();
            for (size_t i = count; i < STEPS; i++)
                steps[i]();
            store_one();
            assert_null(bench->jobs);
        }
        begin_anew();
    }
}

static void test_started_in_a_drain(void **state)
{
    (void)state;
    bench->is_draining = true;
    start();
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();
}

// A drain may begin between the note and its answer, where nobody hands back any more.
static void test_begun_in_a_drain(void **state)
{
    (void)state;
    start();
    bench->is_draining = true;
    go();
    fake_expect(BEGIN);
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();
}

static void test_an_account_that_is_not_there(void **state)
{
    struct task *task = task_of("many-1");

    (void)state;
    mem_set_str(&task->account, "gone");
    start_task(task);
    fake_expect(HANDED_BACK);
    fake_expect("wake");
    check_over();
}

// Calls: the answer is the result.

#define CALL "vendor POST https://calls.example/jobs account=calls-1"
#define GIF64 "\"file\":\"R0lGODlhLCBhbmQgd2hhdCBmb2xsb3dz\""
#define KEPT "answers/task_1-0"
#define ANSWERED                                                                                   \
    "change task_1 answer result={\"sources\":[{\"kind\":\"image\",\"url\":\"kept:0\","            \
    "\"bytes\":24,\"sha256\":"

static void start_call(void)
{
    start_task(task_of("calls-1"));
    go();
    fake_skip();
}

static void begin_answer(void)
{
    assert_true(fake_http_piece(fake_waiting("vendor"), 200, "succeeded image=inline:0 " GIF64));
}

static void end_answer(void)
{
    answer(200, NULL, "");
}

static void committed(void)
{
    fake_storage_done(fake_waiting("commit"), NULL);
}

static void answered(void)
{
    fake_change_done(fake_waiting("change task_1 answer"), CHANGE_DONE, false);
}

static void test_a_call(void **state)
{
    (void)state;
    start_call();
    begin_answer();
    fake_expect("create " KEPT);
    fake_expect("commit " KEPT);
    end_answer();
    fake_expect_nothing(); // before the file is there
    committed();
    fake_expect("drop " KEPT);
    assert_int_equal(fake_count(ANSWERED), 1);
    fake_skip();
    answered();
    fake_expect("archive task_1"); // by us: the file is here
    fake_expect("wake");
    check_over();
}

static void test_what_a_call_is_answered_with(void **state)
{
    static const struct {
        const char *name, *body, *line;
    } cases[] = {
        {"a link", "succeeded image=https://vendor.example/a.gif", "change task_1 answer"},
        {"texts", "succeeded text=hello",
         "change task_1 succeed result={\"artifacts\":[{\"kind\":\"text\",\"text\":\"hello\"}]}"},
        {"nothing", "succeeded",
         "change task_1 fail code=vendor_failed message=the vendor's answer has no result"},
        {"a file that isn't there", "succeeded image=inline:0", "change task_1 answer"},
        {"a refusal", "refused no cats", "change task_1 fail code=vendor_refused message=no cats"},
        {"too much to do", "busy", "change task_1 refuse"},
        {"nobody knows", "?", "change task_1 doubt why=unreadable"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        start_call();
        answer(200, NULL, cases[i].body);
        assert_int_equal(fake_count(cases[i].line), 1);
        begin_anew();
    }
}

static void test_a_call_is_cut(void **state)
{
    (void)state;
    start_call();
    begin_answer();
    committed();
    fake_skip();
    fake_http_fail(fake_waiting("vendor"), ERR_UPSTREAM, false);
    fake_expect("change task_1 doubt why=the test says so");
    fake_expect("delete " KEPT);
    fake_expect("wake");
    check_over();
}

// The vendor's name of the request is all that is left of it.
static void test_a_doubt_names_the_request(void **state)
{
    (void)state;
    start_call();
    answer(500, "x-request-id: req_7\n", "doubt who knows");
    fake_expect("change task_1 doubt why=who knows (request req_7)");
}

static void test_a_call_is_cancelled(void **state)
{
    (void)state;
    start_call();
    begin_answer();
    fake_skip();
    bench_end_cancelled(bench, "task_2");
    fake_expect_nothing();
    bench_end_cancelled(bench, "task_1");
    fake_expect("drop " KEPT);
    fake_expect("wake");
    check_over();
    // What is no call finds that out by itself.
    begin_anew();
    start();
    go();
    bench_end_cancelled(bench, "task_1");
    assert_non_null(bench->jobs);
}

static void test_a_result_that_comes_too_late(void **state)
{
    (void)state;
    start_call();
    begin_answer();
    committed();
    end_answer();
    fake_skip();
    fake_change_done(fake_waiting("change task_1 answer"), CHANGE_STALE, false);
    fake_expect("delete " KEPT);
    fake_expect("wake");
    check_over();
}

static void test_answered_in_a_drain(void **state)
{
    (void)state;
    start_call();
    begin_answer();
    committed();
    fake_bench_drain(bench);
    assert_non_null(bench->jobs); // it is worth money
    end_answer();
    fake_skip();
    answered();
    fake_expect("hold task_1 ms=0"); // for whoever comes next
    fake_expect("wake");
    check_over();
}

static void test_a_call_is_dropped_after_each_step(void **state)
{
    static void (*const call_steps[])(void) = {start_call, begin_answer, committed, end_answer};

    (void)state;
    for (size_t count = 1; count <= sizeof call_steps / sizeof call_steps[0]; count++) {
        fake_bench_drop_after(bench, call_steps, count);
        begin_anew();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_accepted_and_stored),
        TEST(test_how_the_beginning_ends),
        TEST(test_what_an_answer_means),
        TEST(test_another_account_may_have_the_model),
        TEST(test_waiting_without_an_end),
        TEST(test_questions),
        TEST(test_what_storing_the_id_tells),
        TEST(test_what_is_stored_of_an_acceptance),
        TEST(test_no_request_can_be_made),
        TEST(test_the_lease_is_renewed_until_the_answer),
        TEST(test_never_sent_late),
        TEST(test_a_renewed_lease_may_be_sent_under),
        TEST(test_inputs_come_first),
        TEST(test_the_stored_request),
        TEST(test_what_becomes_of_a_link),
        TEST(test_a_file_becomes_a_link),
        TEST(test_where_a_link_may_lead),
        TEST(test_redirects_have_an_end),
        TEST(test_inputs_wait_for_room),
        TEST(test_nothing_is_fetched_in_a_drain),
        TEST(test_dropped_after_each_step),
        TEST(test_drained_after_each_step),
        TEST(test_started_in_a_drain),
        TEST(test_begun_in_a_drain),
        TEST(test_an_account_that_is_not_there),
        TEST(test_a_call),
        TEST(test_what_a_call_is_answered_with),
        TEST(test_a_call_is_cut),
        TEST(test_a_doubt_names_the_request),
        TEST(test_a_call_is_cancelled),
        TEST(test_a_result_that_comes_too_late),
        TEST(test_answered_in_a_drain),
        TEST(test_a_call_is_dropped_after_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
