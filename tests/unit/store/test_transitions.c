// Each verb, as it goes to its script, and what the script's answer means.
#include "core/store/transitions.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/store/record.h"
#include "core/store/store.h"
#include "tests/support/check.h"

enum { NOW_MS = 100000 }; // by the scripts' clock

// The store underneath: it keeps the last call.

static struct {
    enum script script;
    char *item; // its arguments, a bar behind each
    int64_t deadline_ms;
    store_answer_fn fn;
    store_then_fn then;
    void *ctx;
} sent;

void args_str(struct args *args, const char *text)
{
    buf_fmt(&args->bytes, "%s|", text == NULL ? "" : text);
    args->count++;
}

void args_int(struct args *args, int64_t number)
{
    buf_fmt(&args->bytes, "%lld|", (long long)number);
    args->count++;
}

// A change has no such facts.
size_t args_begin(struct args *args)
{
    (void)args;
    fail();
    return 0;
}

void args_end(struct args *args, size_t begun)
{
    (void)args, (void)begun;
    fail();
}

static const char *name_of(const char *letter)
{
#define X(its_letter, name, member, kind, writer)                                                  \
    if (strcmp(letter, #its_letter) == 0)                                                          \
        return #name;
    RECORD_FIELDS(X)
#undef X
    return letter;
}

void args_field(struct args *args, const char *name, const char *value)
{
    if (value == NULL)
        return;
    args_str(args, name_of(name));
    args_str(args, value);
}

struct store_call *store_call(struct store *store, enum script script, struct args *args,
                              int64_t deadline_ms, store_answer_fn fn, store_then_fn then,
                              void *ctx)
{
    (void)store;
    sent.script = script;
    mem_set_str(&sent.item, args->bytes.data);
    sent.deadline_ms = deadline_ms;
    sent.fn = fn;
    sent.then = then;
    sent.ctx = ctx;
    buf_clear(&args->bytes);
    return NULL;
}

int64_t store_now_ms(const struct store *store)
{
    (void)store;
    return NOW_MS;
}

static struct task *task_of(enum task_phase phase)
{
    struct task *task = task_new();

    snprintf(task->id, sizeof task->id, "task_1");
    task->phase = phase;
    task->version = 7;
    task->counter = 3;
    task->account = mem_str("many-1");
    return task;
}

static const struct listener nobody;
static const struct account account = {.name = "many-1", .max_concurrency = 4};

// The items, by the scripts' own heads: change.lua's is id, v, n, phase, flags, delay, cool, watch,
// word, detail, first look, wait, its words, result, then fields and values.

static void accept(const struct task *task)
{
    transition_accept(NULL, task, "up-1", false, 2000, true, nobody);
}

static void accept_modal(const struct task *task)
{
    transition_accept(NULL, task, "up-1", true, 700, false, nobody);
}

static void refuse(const struct task *task)
{
    transition_refuse(NULL, task, &(struct refusal){REFUSAL_VENDOR, "busy", 7000}, nobody);
}

static void refuse_elsewhere(const struct task *task)
{
    transition_refuse(NULL, task, &(struct refusal){REFUSAL_ACCOUNT, "poor", 0}, nobody);
}

static void refuse_unreachable(const struct task *task)
{
    transition_refuse(NULL, task, &(struct refusal){REFUSAL_UNREACHABLE, "away", 0}, nobody);
}

static void refuse_key(const struct task *task)
{
    transition_refuse(NULL, task, &(struct refusal){REFUSAL_BAD_KEY, "who?", 0}, nobody);
}

static void move_on(const struct task *task)
{
    transition_move(NULL, task, "many-2", "no such model", nobody);
}

static void give_up(const struct task *task)
{
    transition_give_up(NULL, task, &(struct refusal){REFUSAL_ACCOUNT, "poor", 7000}, "x", nobody);
}

static void give_up_key(const struct task *task)
{
    transition_give_up(NULL, task, &(struct refusal){REFUSAL_BAD_KEY, "who?", 0}, "x", nobody);
}

static void hand_back(const struct task *task)
{
    transition_hand_back(NULL, task, nobody);
}

static void ask_again(const struct task *task)
{
    transition_ask_again(NULL, task, "lost", nobody);
}

static void await_inputs(const struct task *task)
{
    transition_await_inputs(NULL, task, "gone", nobody);
}

static void await_storage(const struct task *task)
{
    transition_await_storage(NULL, task, "full", nobody);
}

static void doubt(const struct task *task)
{
    transition_doubt(NULL, task, "lost", nobody);
}

static void adopt(const struct task *task)
{
    transition_adopt(NULL, task, "up-1", true, nobody);
}

static void disprove(const struct task *task)
{
    transition_disprove(NULL, task, nobody);
}

static void retry_unknown(const struct task *task)
{
    transition_retry_unknown(NULL, task, nobody);
}

static void fail_unknown(const struct task *task)
{
    transition_fail_unknown(NULL, task, &account, 60000, nobody);
}

static void progress(const struct task *task)
{
    transition_progress(NULL, task, 42, nobody);
}

static void see_more(const struct task *task)
{
    transition_see(NULL, task, &(struct sighting){TASK_RENDERING, 5, true}, true, nobody);
}

static void see_same(const struct task *task)
{
    transition_see(NULL, task, &(struct sighting){TASK_RENDERING, 0, false}, false, nobody);
}

static void miss(const struct task *task)
{
    transition_miss(NULL, task, 1700000000000, nobody);
}

static void archive(const struct task *task)
{
    transition_archive(NULL, task, "{}", true, nobody);
}

static void time_out(const struct task *task)
{
    transition_time_out(NULL, task, "x", "late", 1200000, nobody);
}

static void cancel(const struct task *task)
{
    transition_cancel(NULL, task, "x", "there", nobody);
}

static void put_off(const struct task *task)
{
    transition_put_off(NULL, task, "{}", 1500, "link", "404", nobody);
}

static void go_on(const struct task *task)
{
    transition_go_on(NULL, task, "{}", 1500, nobody);
}

static void succeed(const struct task *task)
{
    transition_succeed(NULL, task, "{}", nobody);
}

static void fail_it(const struct task *task)
{
    transition_fail(NULL, task, "x", "no cats", nobody);
}

static const struct {
    const char *name;
    enum task_phase from;
    void (*verb)(const struct task *task);
    const char *item; // behind "1|7|3|"
} cases[] = {
    {"accept", TASK_SUBMITTING, accept, "submitted|NW|0|0||submitted|up-1|2000||||upstream|up-1|"},
    {"accept, modal", TASK_SUBMITTING, accept_modal,
     "submitted|W|0|0||submitted|up-1|700||||upstream|up-1|sub|MODAL|"},
    {"refuse", TASK_SUBMITTING, refuse, "queued|CT|-1|7000||refused|busy|0|vendor_refused|busy||"},
    {"refuse, another account may", TASK_SUBMITTING, refuse_elsewhere,
     "queued|CT|1|0||refused|poor|0|vendor_refused|poor||"},
    {"refuse, nobody was there", TASK_SUBMITTING, refuse_unreachable,
     "queued|CT|-1|0||refused|away|0|vendor_unreachable|away||"},
    {"refuse, the key is bad", TASK_SUBMITTING, refuse_key,
     "queued|OT|-1|0||refused|who?|0|bad_key|who?||"},
    {"another account", TASK_SUBMITTING, move_on,
     "queued||0|0||refused|no such model|0||||lane|?@many-2|account|many-2|moved|many-1|"},
    {"give up", TASK_SUBMITTING, give_up, "failed|NC|0|7000||failed|poor|0||||code|x|error|poor|"},
    {"give up, the key is bad", TASK_SUBMITTING, give_up_key,
     "failed|NO|0|0||failed|who?|0||||code|x|error|who?|"},
    {"hand back", TASK_SUBMITTING, hand_back, "queued||0|0||handed_back||0||||"},
    {"ask again", TASK_SUBMITTING, ask_again, "queued|T|-1|0||refused|lost|0||||"},
    {"await inputs", TASK_SUBMITTING, await_inputs,
     "queued|L|-1|0||input_failed|gone|0|inputs|gone||"},
    {"await storage", TASK_SUBMITTING, await_storage,
     "queued|T|-1|0||input_failed|full|0|storage|full||"},
    {"doubt", TASK_SUBMITTING, doubt, "in_doubt||0|0||in_doubt|lost|0||||"},
    {"adopt", TASK_IN_DOUBT, adopt, "submitted|N|0|0||found|up-1|0||||upstream|up-1|"},
    {"disprove", TASK_IN_DOUBT, disprove, "queued|T|-1|0||not_found||0||||"},
    {"retry", TASK_IN_DOUBT, retry_unknown,
     "queued|T|-1|0||retried_unknown|submit_outcome_unknown|0||||"},
    {"fail, unknown", TASK_IN_DOUBT, fail_unknown,
     "failed|N|0|0|doubt 60000 4|failed|submit_outcome_unknown|0||||code|submit_outcome_unknown|"
     "error|the vendor's answer to the submit was lost: it may have been accepted and billed, and "
     "was not sent again|"},
    {"progress", TASK_RENDERING, progress, "rendering|P|0|0||||0||||progress|42|"},
    {"see, all is new", TASK_SUBMITTED, see_more,
     "rendering|N|0|0||rendering||0||||sub|MODAL|progress|5|"},
    {"see, nothing is", TASK_RENDERING, see_same, "rendering||0|0||||0||||"},
    {"miss", TASK_SUBMITTED, miss, "submitted||0|0||missing||0||||missing|1700000000000|"},
    {"archive", TASK_RENDERING, archive, "archiving|N|0|0||rendered||0|||{}|progress|99|"},
    {"time out", TASK_RENDERING, time_out,
     "failed|N|0|0|1200000|failed|late|0||||code|x|error|late|"},
    {"cancel", TASK_RENDERING, cancel, "cancelled|N|0|0||cancelled|there|0||||code|x|error|there|"},
    {"put off", TASK_ARCHIVING, put_off, "archiving||1500|0||archive_failed|404|0|link|404|{}|"},
    {"go on", TASK_ARCHIVING, go_on, "archiving||1500|0||||0|||{}|"},
    {"succeed", TASK_SUBMITTING, succeed, "succeeded|N|0|0||succeeded||0|||{}|"},
    {"succeed, archived", TASK_ARCHIVING, succeed, "succeeded|N|0|0||archived||0|||{}|"},
    {"fail", TASK_RENDERING, fail_it, "failed|N|0|0||failed|no cats|0||||code|x|error|no cats|"},
};

static int tear_down(void **state)
{
    (void)state;
    mem_set_str(&sent.item, NULL);
    return 0;
}

static void test_what_is_sent(void **state)
{
    static const char head[] = "1|7|3|";

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of(cases[i].from);

        print_message("%s\n", cases[i].name);
        cases[i].verb(task);
        assert_int_equal(sent.script, SCRIPT_change);
        assert_int_equal(sent.deadline_ms, STORE_FOR_EVER);
        assert_int_equal(strncmp(sent.item, head, strlen(head)), 0);
        assert_string_equal(sent.item + strlen(head), cases[i].item);
        task_free(task);
    }
}

// What was so and isn't any more is ended; a number that goes back isn't written.
static void test_what_is_over(void **state)
{
    struct task *task = task_of(TASK_RENDERING);

    (void)state;
    task->substate = mem_str("MODAL");
    task->missing_ms = 5;
    task->progress = 40;
    see_same(task);
    assert_string_equal(sent.item, "1|7|3|rendering||0|0||||0||||sub||missing||");
    task_free(task);
}

static void test_leases(void **state)
{
    struct task *task = task_of(TASK_SUBMITTING);

    (void)state;
    transition_begin(NULL, task, 60000, NULL, NULL);
    assert_int_equal(sent.script, SCRIPT_begin);
    assert_string_equal(sent.item, "1|3|60000|||");
    assert_true(sent.deadline_ms > 0);
    task->likeness = mem_str("many:ab12");
    transition_begin(NULL, task, 60000, NULL, NULL);
    assert_string_equal(sent.item, "1|3|60000|many:ab12||");
    transition_choose(NULL, task, (const char *const[]){"up-1", "up-2"}, 2, NULL, NULL);
    assert_int_equal(sent.script, SCRIPT_alike);
    assert_string_equal(sent.item, "1|3|many:ab12|up-1|up-2|");
    transition_hold(NULL, task, 500, NULL, NULL);
    assert_int_equal(sent.script, SCRIPT_hold);
    assert_string_equal(sent.item, "1|3|500|||");
    transition_unwatch(NULL, task);
    assert_int_equal(sent.script, SCRIPT_hold);
    assert_string_equal(sent.item, "1|3|-1|||");
    task_free(task);
}

// The answers.

static struct {
    enum change_result result;
    bool is_cancel_asked, is_lost;
    int count;
} heard;

static void hear(void *ctx, enum change_result result, bool is_cancel_asked, const struct err *err)
{
    assert_ptr_equal(ctx, &heard);
    heard.result = result;
    heard.is_cancel_asked = is_cancel_asked;
    heard.is_lost = err != NULL;
    heard.count++;
}

static void answer(const char *word, int cancel)
{
    redisReply parts[] = {
        {.type = REDIS_REPLY_STRING, .str = (char *)word, .len = strlen(word)},
        {.type = REDIS_REPLY_INTEGER, .integer = 8},
        {.type = REDIS_REPLY_INTEGER, .integer = cancel},
    };
    redisReply *elements[] = {&parts[0], &parts[1], &parts[2]};
    redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 3, .element = elements};

    sent.fn(sent.ctx, sent.then, &reply, NULL);
}

static void test_what_an_answer_means(void **state)
{
    static const struct {
        const char *name, *word;
        int cancel;
        enum change_result requeued, doubted, ended;
    } answers[] = {
        {"done", "done", 0, CHANGE_DONE, CHANGE_DONE, CHANGE_ENDED},
        {"done before", "again", 0, CHANGE_DONE, CHANGE_DONE, CHANGE_ENDED},
        // What is queued again with a cancel asked for is cancelled by that; a doubt isn't.
        {"with a cancel", "done", 1, CHANGE_ENDED, CHANGE_DONE, CHANGE_ENDED},
        {"too late", "stale", 0, CHANGE_STALE, CHANGE_STALE, CHANGE_STALE},
        {"too late for the cancel, too", "stale", 1, CHANGE_STALE, CHANGE_STALE, CHANGE_STALE},
        {"it isn't there", "missing", 0, CHANGE_GONE, CHANGE_GONE, CHANGE_GONE},
    };
    struct listener listener = {hear, &heard};
    struct task *task = task_of(TASK_SUBMITTING);
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        print_message("%s\n", answers[i].name);
        transition_hand_back(NULL, task, listener);
        answer(answers[i].word, answers[i].cancel);
        assert_int_equal(heard.result, answers[i].requeued);
        assert_int_equal(heard.is_cancel_asked, answers[i].cancel == 1);
        assert_false(heard.is_lost);
        transition_doubt(NULL, task, "lost", listener);
        answer(answers[i].word, answers[i].cancel);
        assert_int_equal(heard.result, answers[i].doubted);
        transition_fail(NULL, task, "x", "no", listener);
        answer(answers[i].word, answers[i].cancel);
        assert_int_equal(heard.result, answers[i].ended);
    }
    assert_int_equal(heard.count, 3 * sizeof answers / sizeof answers[0]);
    err_set(&err, ERR_UNAVAILABLE, "away");
    sent.fn(sent.ctx, sent.then, NULL, &err);
    assert_true(heard.is_lost);
    assert_int_equal(heard.result, CHANGE_STALE);
    transition_fail(NULL, task, "x", "no", nobody);
    answer("done", 0); // nobody listens
    task_free(task);
}

// How long the stages took that have ended.
static void test_what_is_observed(void **state)
{
    struct task *task = task_of(TASK_ARCHIVING);
    struct buf text = {0};

    (void)state;
    mem_set_str(&task->provider, "kling");
    task->created_ms = NOW_MS - 90000;
    task->archive_ms = NOW_MS - 3000;
    transition_succeed(NULL, task, "{}", nobody);
    transition_fail(NULL, task, "archive_failed", "gone", nobody);
    transition_put_off(NULL, task, "{}", 5, "link", "gone", nobody);
    metrics_write(&text);
    assert_non_null(
        strstr(text.data, "\nspool_stage_seconds_sum{provider=\"kling\",stage=\"archive\"} 3\n"));
    assert_non_null(
        strstr(text.data, "\nspool_stage_seconds_sum{provider=\"kling\",stage=\"whole\"} 90\n"));
    buf_clear(&text);
    task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_observed),
        cmocka_unit_test_teardown(test_what_is_sent, tear_down),
        cmocka_unit_test_teardown(test_what_is_over, tear_down),
        cmocka_unit_test_teardown(test_leases, tear_down),
        cmocka_unit_test_teardown(test_what_an_answer_means, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
