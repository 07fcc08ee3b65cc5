// Jimeng: what its operator may choose, what asks about a job, and the signature.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "tests/support/check.h"

static struct config_model film = {.name = (char *)"film"};
static struct account account;

// The account calls the model "film" so; NULL: it lists none.
static int open_account(const char *theirs)
{
    static char name[64];

    account = (struct account){.name = (char *)"a",
                               .base_url = (char *)"https://visual.volcengineapi.com",
                               .provider_name = (char *)"jimeng"};
    if (theirs != NULL) {
        snprintf(name, sizeof name, "%s", theirs);
        film.upstream = name;
        account.models = &film;
        account.model_count = 1;
    }
    account_set_key(&account, "access_key", "AKLTEXAMPLE0001");
    account_set_key(&account, "secret_key", "c2VjcmV0LWV4YW1wbGU=");
    return provider_bind(&account, &(struct err){0}) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    account_clear_keys(&account);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return open_account(NULL);
}

static struct task *make_task(const char *model, const char *request, const char *upstream_id)
{
    struct task *task = task_new();
    char *text = mem_str(request);

    for (char *at = text; at != NULL && (at = strchr(at, '\'')) != NULL;)
        *at = '"';
    task->action = mem_str("generate");
    task->model = mem_str(model);
    task->request = text;
    task->upstream_id = mem_str(upstream_id);
    return task;
}

static void test_models(void **state)
{
    static const struct {
        const char *theirs, *request;
        const char *req_key, *error; // one of them
    } cases[] = {
        {"jimeng-video-3.0", "{'prompt':'x'}", "jimeng_t2v_v30_1080p", NULL},
        {"jimeng-video-3.0-720p", "{'prompt':'x'}", "jimeng_t2v_v30", NULL},
        {"jimeng-video-3.0-720p", "{'image_url':'https://e.com/a'}", "jimeng_i2v_first_v30", NULL},
        {"jimeng-video-3.0-720p", "{'image_urls':['https://e.com/a','https://e.com/b']}",
         "jimeng_i2v_first_tail_v30", NULL},
        {"jimeng-video-3.0-720p",
         "{'image_url':'https://e.com/a','template_id':'handheld','camera_strength':'weak'}",
         "jimeng_i2v_recamera_v30", NULL},
        {"jimeng-video-3.0-720p", "{'prompt':'x','size':'1080P'}", NULL, "size: "},
        {"jimeng-video-3.0-pro", "{'prompt':'x'}", "jimeng_ti2v_v30_pro", NULL},
        {"jimeng-video-3.0-pro", "{'image_url':'https://e.com/a'}", "jimeng_ti2v_v30_pro", NULL},
        {"jimeng-video-3.0-pro", "{'image_urls':['https://e.com/a','https://e.com/b']}", NULL,
         "image_urls: "},
        {"jimeng-video-3.0-pro",
         "{'image_url':'https://e.com/a','template_id':'handheld','camera_strength':'weak'}", NULL,
         "template_id: "},
        {"jimeng-video-3.0-pro", "{'prompt':'x','size':'720P'}", NULL, "size: "},
        // Its own name for a job, of whose limits we know nothing.
        {"jimeng_vgfm_t2v_l20", "{'prompt':'x','duration':7}", "jimeng_vgfm_t2v_l20", NULL},
        // A client may choose what is listed.
        {"jimeng_t2v_v30", "{'prompt':'x','req_key':'film'}", "jimeng_t2v_v30", NULL},
        {"jimeng_t2v_v30", "{'prompt':'x','req_key':'jimeng_t2v_v30'}", NULL, "req_key: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = make_task("film", cases[i].request, NULL);
        struct http_request request = {0};
        struct err err = {0};
        char expected[96];
        bool ok;

        assert_int_equal(open_account(cases[i].theirs), 0);
        ok = account.dialect->check(task, &account, &err);
        if (ok)
            ok = account.dialect->build_submit(task, &account, &request, &err);
        snprintf(expected, sizeof expected, "\"req_key\":\"%s\"",
                 cases[i].req_key == NULL ? "" : cases[i].req_key);
        if (cases[i].req_key != NULL
                ? !ok || strstr(request.body.data, expected) == NULL
                : ok || strncmp(err.message, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s %s: %s%s", cases[i].theirs, cases[i].request, buf_text(&request.body),
                     err.message);
        http_request_clear(&request);
        task_free(task);
        account_clear_keys(&account);
    }
}

// 800 characters, however many bytes.
static void test_a_long_prompt(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct buf text = {0};
        struct task *task;
        struct err err = {0};
        bool ok;

        buf_str(&text, "{'prompt':'");
        for (int i = 0; i < 800 + extra; i++)
            buf_str(&text, "雪");
        buf_str(&text, "'}");
        task = make_task("jimeng-video-3.0", text.data, NULL);
        ok = account.dialect->check(task, &account, &err);
        assert_int_equal(ok, extra == 0);
        if (!ok)
            assert_string_equal(err.message, "prompt: at most 800 characters");
        task_free(task);
        buf_clear(&text);
    }
}

static void test_a_large_image(void **state)
{
    enum { ALLOWED = 4928307 / 3 * 4 };

    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct buf text = {0};
        struct task *task;
        struct err err = {0};
        bool ok;

        buf_str(&text, "{'binary_data_base64':['");
        for (int i = 0; i < ALLOWED + 4 * extra; i++)
            buf_char(&text, 'A');
        buf_str(&text, "']}");
        task = make_task("jimeng-video-3.0", text.data, NULL);
        ok = account.dialect->check(task, &account, &err);
        assert_int_equal(ok, extra == 0);
        if (!ok)
            assert_string_equal(err.message, "binary_data_base64: an image has at most 4.7 MB");
        task_free(task);
        buf_clear(&text);
    }
}

// A job is asked for by the req_key that it was submitted with, whatever the account's models are
// by now.
static void test_questions(void **state)
{
    static const struct {
        const char *upstream_id, *body;
    } cases[] = {
        {"jimeng_i2v_first_v30/7392616336519610409",
         "{\"req_key\":\"jimeng_i2v_first_v30\",\"task_id\":\"7392616336519610409\"}"},
        {"jimeng_t2v_v30/a/b\"c", "{\"req_key\":\"jimeng_t2v_v30\",\"task_id\":\"a/b\\\"c\"}"},
        // An operator's, as the vendor shows it.
        {"7392616336519610409",
         "{\"req_key\":\"jimeng_t2v_v30_1080p\",\"task_id\":\"7392616336519610409\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = make_task("jimeng-video-3.0", NULL, cases[i].upstream_id);
        struct http_request request = {0};
        struct err err;

        assert_true(account.dialect->build_poll(task, &account, &request, &err));
        assert_int_equal(request.method, HTTP_POST_);
        assert_string_equal(request.url,
                            "https://visual.volcengineapi.com/"
                            "?Action=CVSync2AsyncGetResult&Version=2022-08-31");
        assert_string_equal(request.body.data, cases[i].body);
        assert_true(request.wants_signature);
        http_request_clear(&request);
        assert_true(account.dialect->build_cancel(task, &account, &request, &err));
        assert_string_equal(request.url,
                            "https://visual.volcengineapi.com/"
                            "?Action=CVCancelTask&Version=2024-06-06");
        assert_string_equal(request.body.data, cases[i].body);
        assert_true(request.wants_signature);
        http_request_clear(&request);
        task_free(task);
    }
}

static void test_signature(void **state)
{
    static const struct {
        int64_t now_ms;
        const char *date, *scope;
    } cases[] = {
        {1795168800000, "X-Date: 20261120T100000Z\n",
         "Credential=AKLTEXAMPLE0001/20261120/cn-north-1/cv/request, "},
        {1795168800999, "X-Date: 20261120T100000Z\n", "/20261120/cn-north-1/cv/request, "},
        {1795219200000, "X-Date: 20261121T000000Z\n", "/20261121/cn-north-1/cv/request, "},
    };
    struct task *task = make_task("jimeng-video-3.0", "{'prompt':'x'}", NULL);
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request = {0};

        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        assert_null(strstr(request.headers.data, "Authorization"));
        assert_true(provider_sign(&account, cases[i].now_ms, &request, &err));
        assert_non_null(strstr(request.headers.data, cases[i].date));
        assert_non_null(strstr(request.headers.data, cases[i].scope));
        assert_non_null(strstr(request.headers.data,
                               "SignedHeaders=content-type;host;x-content-sha256;x-date,"));
        assert_null(strstr(request.headers.data, "X-Security-Token"));
        http_request_clear(&request);
    }
    account_set_key(&account, "session_token", "STSTOKEN");
    {
        struct http_request request = {0};

        assert_true(account.dialect->build_submit(task, &account, &request, &err));
        assert_true(provider_sign(&account, 1795168800000, &request, &err));
        assert_non_null(strstr(request.headers.data, "X-Security-Token: STSTOKEN\n"));
        http_request_clear(&request);
    }
    task_free(task);
}

static void test_unified(void **state)
{
    static const struct {
        const char *unified;
        const char *own, *error; // one of them
    } cases[] = {
        {"{'prompt':'x','aspect_ratio':'9:16','duration':'10'}",
         "{'prompt':'x','aspect_ratio':'9:16','duration':10}", NULL},
        {"{'prompt':'x','size':'1280x720'}",
         "{'prompt':'x','size':'1280x720','aspect_ratio':'16:9'}", NULL},
        {"{'prompt':'x','images':['','https://e.com/a']}",
         "{'prompt':'x','image_urls':['https://e.com/a']}", NULL},
        {"{'prompt':'x','images':[],'negative_prompt':''}", "{'prompt':'x','negative_prompt':''}",
         NULL},
        {"{'prompt':'x','images':['a','b','c']}", NULL, "images: must have at most 2 items"},
        {"{'prompt':'x','negative_prompt':'y'}", NULL, "negative_prompt: is not supported"},
        {"{'prompt':'x','storyboard':[{'prompt':'y'}]}", NULL, "storyboard: is not supported"},
        {"{'prompt':'x','size':'tall'}", NULL, "size: "},
        {"{'prompt':'x','size':'1280x720','aspect_ratio':'1:1'}", NULL, "aspect_ratio: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = make_task("jimeng-video-3.0", cases[i].unified, NULL);
        struct task *own = make_task(NULL, cases[i].own, NULL);
        struct err err = {0};
        json_t *is, *should;
        bool ok;

        mem_set_str(&task->action, "video");
        ok = provider_find("jimeng")->from_unified(task, &err);
        if (ok != (cases[i].own != NULL) ||
            (!ok && strncmp(err.message, cases[i].error, strlen(cases[i].error)) != 0))
            fail_msg("%s: %s", cases[i].unified, ok ? task->request : err.message);
        if (ok) {
            is = json_loads(task->request, 0, NULL);
            should = json_loads(own->request, 0, NULL);
            if (json_equal(is, should) != 1)
                fail_msg("%s: %s", cases[i].unified, task->request);
            assert_string_equal(task->action, "generate");
            json_decref(is);
            json_decref(should);
        }
        task_free(task);
        task_free(own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test_setup_teardown(test_a_long_prompt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_large_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unified, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
