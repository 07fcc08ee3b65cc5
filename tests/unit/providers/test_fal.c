// fal: what a request of the unified form becomes, and where requests go. Single quotes stand for
// double ones.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/json_plain.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "tests/support/check.h"

#define ID "024ca5b1-45d3-4afd-883e-ad3abe2a1c4d"
#define LINK "https://e.com/a.png"
#define LAST "https://e.com/b.png"
#define RAW "iVBORw0KGgo="
#define DATA "data:image/png;base64," RAW

static struct config_model model = {.name = (char *)"film"};
static struct account account = {
    .name = (char *)"a", .provider_name = (char *)"fal", .models = &model, .model_count = 1};

// `theirs`: what the account calls the model "film".
static struct task *make(const char *theirs, const char *request, const char *dialect)
{
    struct task *task = task_new();
    json_t *json = json_plain_read(request);
    struct err err;

    assert_non_null(json);
    account.base_url = (char *)"https://queue.fal.run";
    account.dialect_name = (char *)(uintptr_t)dialect;
    assert_true(provider_bind(&account, &err));
    account_set_key(&account, "api_key", "k");
    model.upstream = (char *)(uintptr_t)theirs;
    task->model = mem_str("film");
    task->request = json_dumps(json, 0);
    json_decref(json);
    return task;
}

static int tear_down(void **state)
{
    (void)state;
    account_clear_keys(&account);
    return 0;
}

static void test_bodies(void **state)
{
#define KLING "fal-ai/kling-video/v2/master/text-to-video"
#define HAILUO "fal-ai/minimax/hailuo-02/standard/image-to-video"
#define LUMA "fal-ai/luma-dream-machine/ray-2"
#define VEO "fal-ai/veo3/fast"
#define WAN "fal-ai/wan/v2.2-a14b/text-to-video"
#define OTHER "fal-ai/ltx-video"
    static const struct {
        const char *theirs, *request;
        const char *sent;  // NULL: it is refused,
        const char *error; // and this is how what is said of it begins
    } cases[] = {
        {KLING, "{'model':'film','prompt':'x'}", "{'prompt':'x'}", NULL},
        {KLING,
         "{'prompt':'x','duration':5,'aspect_ratio':'16:9','negative_prompt':'n','cfg_scale':0.5,"
         "'notifyHook':'http://h','callback_url':'http://h','sync_mode':true,'private':true,"
         "'google':{'a':1}}",
         "{'prompt':'x','duration':'5','aspect_ratio':'16:9','negative_prompt':'n',"
         "'cfg_scale':0.5}",
         NULL},
        {KLING, "{'prompt':'x','duration':'10','size':'720x1280'}",
         "{'prompt':'x','duration':'10','aspect_ratio':'9:16'}", NULL},
        {KLING, "{'prompt':'x','size':'720P'}", NULL, "size: is not supported by film"},
        {KLING, "{'prompt':'x','size':'wide'}", NULL, "size: must be"},
        {KLING, "{'prompt':'x','size':'1280x720','aspect_ratio':'9:16'}", NULL, "aspect_ratio: "},
        {KLING, "{'images':['" LINK "']}", "{'image_url':'" LINK "'}", NULL},
        {KLING, "{'images':['" LINK "','" RAW "']}",
         "{'image_url':'" LINK "','tail_image_url':'" DATA "'}", NULL},
        {KLING, "{'images':['" LINK "','" LAST "','" LINK "']}", NULL, "images: at most 2"},
        {KLING, "{'prompt':'x','images':['',null],'negative_prompt':'','duration':null}",
         "{'prompt':'x'}", NULL},
        {KLING, "{'prompt':'x','storyboard':[{'prompt':'y'}]}", NULL, "storyboard: is not"},
        {HAILUO, "{'prompt':'x','images':['" RAW "','" LAST "'],'duration':6,'size':'768p'}",
         "{'prompt':'x','image_url':'" DATA "','end_image_url':'" LAST "','duration':'6',"
         "'resolution':'768P'}",
         NULL},
        {HAILUO, "{'prompt':'x','aspect_ratio':'16:9'}", NULL, "aspect_ratio: is not supported"},
        {HAILUO, "{'prompt':'x','negative_prompt':'n'}", NULL, "negative_prompt: is not"},
        {LUMA, "{'prompt':'x','duration':9,'size':'1920x1080','loop':true}",
         "{'prompt':'x','duration':'9s','aspect_ratio':'16:9','resolution':'1080p','loop':true}",
         NULL},
        {LUMA, "{'prompt':'x','negative_prompt':'n'}", NULL, "negative_prompt: is not"},
        {VEO, "{'prompt':'x','duration':'8','size':'4k','negative_prompt':'n'}",
         "{'prompt':'x','duration':'8s','resolution':'4k','negative_prompt':'n'}", NULL},
        {VEO, "{'images':['" LINK "','" LAST "']}", NULL, "images: at most 1 for film"},
        {WAN, "{'prompt':'x','num_frames':81,'size':'720P','aspect_ratio':'1:1'}",
         "{'prompt':'x','num_frames':81,'resolution':'720p','aspect_ratio':'1:1'}", NULL},
        {WAN, "{'prompt':'x','duration':5}", NULL, "duration: is not supported by film"},
        {"fal-ai/wan-25-preview/text-to-video", "{'prompt':'x','duration':5}",
         "{'prompt':'x','duration':'5'}", NULL},
        {"fal-ai/bytedance/seedance/v1/pro/text-to-video", "{'prompt':'x','duration':12}",
         "{'prompt':'x','duration':'12'}", NULL},
        {"fal-ai/sora-2/text-to-video", "{'prompt':'x','duration':'8'}",
         "{'prompt':'x','duration':8}", NULL},
        // The plain names.
        {OTHER, "{'prompt':'x','images':['" LINK "'],'duration':8,'size':'1280x720'}",
         "{'prompt':'x','image_url':'" LINK "','duration':8,'aspect_ratio':'16:9',"
         "'resolution':'720p'}",
         NULL},
        {OTHER, "{'prompt':'x','duration':'8','resolution':'high','image_urls':['" LINK "']}",
         "{'prompt':'x','duration':'8','resolution':'high','image_urls':['" LINK "']}", NULL},
        {"master", "{'prompt':'x'}", NULL, "model: film stands for no endpoint"},
        {"fal-ai/", "{'prompt':'x'}", NULL, "model: film stands for no endpoint"},
        {"fal-ai//x", "{'prompt':'x'}", NULL, "model: film stands for no endpoint"},
        {"fal-ai/../x", "{'prompt':'x'}", NULL, "model: film stands for no endpoint"},
        {"workflows/me", "{'prompt':'x'}", NULL, "model: film stands for no endpoint"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = make(cases[i].theirs, cases[i].request, NULL);
        struct http_request request = {0};
        json_t *sent = NULL, *expected = NULL;
        struct err err = {0};

        if (account.dialect->check(task, &account, &err)) {
            assert_true(account.dialect->build_submit(task, &account, &request, &err));
            sent = json_loads(request.body.data, 0, NULL);
        } else if (cases[i].error == NULL || err.code != ERR_INVALID ||
                   strncmp(err.message, cases[i].error, strlen(cases[i].error)) != 0) {
            fail_msg("%s: %s", cases[i].request, err.message);
        }
        if (cases[i].sent != NULL) {
            expected = json_plain_read(cases[i].sent);
            assert_non_null(expected);
        }
        if ((sent == NULL) != (expected == NULL) || (sent != NULL && !json_equal(sent, expected)))
            fail_msg("%s: %s", cases[i].request, buf_text(&request.body));
        json_decref(sent);
        json_decref(expected);
        http_request_clear(&request);
        task_free(task);
        tear_down(state);
    }
}

static void check_request(const struct http_request *request, enum http_method method,
                          const char *url)
{
    assert_int_equal(request->method, method);
    assert_string_equal(request->url, url);
    assert_non_null(strstr(request->headers.data, "Authorization: Key k\n"));
    assert_null(strstr(request->headers.data, "Bearer"));
}

static void test_submit(void **state)
{
    struct task *task = make("fal-ai/nano b/x?y", "{'prompt':'x'}", NULL);
    struct http_request request = {0};
    struct err err;

    (void)state;
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    check_request(&request, HTTP_POST_, "https://queue.fal.run/fal-ai/nano%20b/x%3Fy");
    http_request_clear(&request);
    task->callback_url = mem_str("https://s.example/v1/callbacks/task_1.ab?c=d&e");
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    check_request(&request, HTTP_POST_,
                  "https://queue.fal.run/fal-ai/nano%20b/x%3Fy?fal_webhook="
                  "https%3A%2F%2Fs.example%2Fv1%2Fcallbacks%2Ftask_1.ab%3Fc%3Dd%26e");
    assert_string_equal(request.body.data, "{\"prompt\":\"x\"}");
    http_request_clear(&request);
    task_free(task);
}

// Where a job is asked for: by its path, or, for one that an operator has named, by the model.
static void test_paths(void **state)
{
#define HOST "https://queue.fal.run/"
    static const struct {
        const char *theirs, *upstream_id, *path; // NULL: it can't be asked for
    } cases[] = {
        {KLING, "fal-ai/kling-video/requests/" ID, HOST "fal-ai/kling-video/requests/" ID},
        {NULL, "fal-ai/kling-video/requests/" ID, HOST "fal-ai/kling-video/requests/" ID},
        {NULL, "fal-ai/a%20b/requests/x%2Fy", HOST "fal-ai/a%20b/requests/x%2Fy"},
        {KLING, ID, HOST "fal-ai/kling-video/requests/" ID},
        {"fal-ai/fast-svd", ID, HOST "fal-ai/fast-svd/requests/" ID},
        {"workflows/me/film/x", ID, HOST "workflows/me/film/requests/" ID},
        {"comfy/me/film", ID, HOST "comfy/me/film/requests/" ID},
        {KLING, "../../x", HOST "fal-ai/kling-video/requests/..%2F..%2Fx"},
        {KLING, "a/../requests/x", HOST "fal-ai/kling-video/requests/a%2F..%2Frequests%2Fx"},
        {KLING, "a//requests/x", HOST "fal-ai/kling-video/requests/a%2F%2Frequests%2Fx"},
        {KLING, "/a/requests/x", HOST "fal-ai/kling-video/requests/%2Fa%2Frequests%2Fx"},
        {KLING, "a/requests/x?y", HOST "fal-ai/kling-video/requests/a%2Frequests%2Fx%3Fy"},
        {KLING, "a/requests/x#y", HOST "fal-ai/kling-video/requests/a%2Frequests%2Fx%23y"},
        {KLING, "a/requests/", HOST "fal-ai/kling-video/requests/a%2Frequests%2F"},
        {NULL, ID, NULL},
        {"master", ID, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = make(cases[i].theirs, "{}", NULL);
        const struct dialect *dialect = account.dialect;
        struct http_request requests[3] = {0};
        static const char *const behind[] = {"/status", "", "/cancel"};
        struct err err;
        bool ok;

        mem_set_str(&task->upstream_id, cases[i].upstream_id);
        if (cases[i].theirs == NULL)
            mem_set_str(&task->model, "gone"); // the account doesn't list it any more
        ok = dialect->build_poll(task, &account, &requests[0], &err) &&
             dialect->build_next(task, &account, "result", &requests[1], &err) &&
             dialect->build_cancel(task, &account, &requests[2], &err);
        assert_int_equal(ok, cases[i].path != NULL);
        for (size_t k = 0; ok && k < 3; k++) {
            struct buf url = {0};

            buf_fmt(&url, "%s%s", cases[i].path, behind[k]);
            check_request(&requests[k], k == 2 ? HTTP_PUT_ : HTTP_GET_, url.data);
            buf_clear(&url);
        }
        for (size_t k = 0; k < 3; k++)
            http_request_clear(&requests[k]);
        task_free(task);
        tear_down(state);
    }
}

// A relay gets the unified form as it came.
static void test_relay(void **state)
{
    struct task *task =
        make(KLING, "{'model':'film','prompt':'x','duration':5,'size':'720P'}", "relay");
    struct http_request request = {0};
    struct err err;

    (void)state;
    assert_true(account.dialect->build_submit(task, &account, &request, &err));
    assert_string_equal(request.url, "https://queue.fal.run/v1/video/generations");
    assert_non_null(strstr(request.headers.data, "Authorization: Bearer k\n"));
    assert_string_equal(request.body.data, "{\"model\":\"" KLING
                                           "\",\"prompt\":\"x\","
                                           "\"duration\":5,\"size\":\"720P\"}");
    http_request_clear(&request);
    task_free(task);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_bodies),
        TEST(test_submit),
        TEST(test_paths),
        TEST(test_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
