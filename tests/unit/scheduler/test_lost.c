// What is said of paths that nobody serves.
#include "scheduler/lost.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "providers/family.h"
#include "scheduler/pattern.h"
#include "scheduler/routes.h"
#include "tests/support/check.h"

static struct routes *routes;

static int set_up(void **state)
{
    (void)state;
    routes = routes_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    routes_free(routes);
    return 0;
}

static const struct family *explain(enum http_method method, const char *path, struct err *err)
{
    const struct family *family;
    struct pattern_names names;
    unsigned offered;

    assert_null(routes_find(routes, method, path, &names, &offered));
    lost_explain(routes, method, path, true, offered, err, &family);
    return family;
}

enum { GET = HTTP_GET_, HEAD = HTTP_HEAD_, POST = HTTP_POST_, DELETE = HTTP_DELETE_ };

static void test_the_nearest_path(void **state)
{
    static const struct {
        int method;
        const char *path;
        const char *nearest; // NULL: none
        const char *family;  // NULL: our own words
    } cases[] = {
        // A base URL that has it already.
        {POST, "/v1/v1/videos", "POST /v1/videos", "openai_video"},
        {POST, "/v1/v1/video/create", "POST /v1/video/create", "video"},
        {GET, "/v1/v1/tasks", "GET /v1/tasks", NULL},
        {GET, "/v1/v1/tasks/task_1/timeline", "GET /v1/tasks/{id}/timeline", NULL},
        {POST, "/v1/mj/submit/imagine", "POST /mj/submit/imagine", "midjourney"},
        {POST, "/mj/mj/submit/imagine", "POST /mj/submit/imagine", "midjourney"},
        {POST, "/kling/v1/kling/v1/videos/text2video", "POST /kling/v1/videos/text2video", "kling"},
        {POST, "/kling/v1/v1/videos/text2video", "POST /kling/v1/videos/text2video", "kling"},
        {GET, "/v1/healthz", "GET /healthz", NULL},
        {POST, "/v1/fal-ai/nano-banana", "POST /fal-ai/{model...}", "fal"},
        {POST, "/v1/fal-ai/flux-pro/kontext/max", "POST /fal-ai/{model...}", "fal"},
        // One that lacks it.
        {POST, "/videos", "POST /v1/videos", "openai_video"},
        {GET, "/tasks/task_1", "GET /v1/tasks/{id}", NULL},
        {POST, "/tasks/task_1/deliveries/2/redeliver",
         "POST /v1/tasks/{id}/deliveries/{n}/redeliver", NULL},
        {POST, "/kling/videos/text2video", "POST /kling/v1/videos/text2video", "kling"},
        {GET, "/volc/contents/generations/tasks/t", "GET /volc/v1/contents/generations/tasks/{id}",
         "seedance"},
        // Slashes.
        {POST, "/fal-ai//nano-banana/edit", "POST /fal-ai/{model...}", "fal"},
        {POST, "/v1/videos/", "POST /v1/videos", "openai_video"},
        {POST, "/mj/submit/imagine/", "POST /mj/submit/imagine", "midjourney"},
        {POST, "//mj///submit/imagine", "POST /mj/submit/imagine", "midjourney"},
        {GET, "/v1/tasks/task_1//", "GET /v1/tasks/{id}", NULL},
        {GET, "/v1//tasks", "GET /v1/tasks", NULL},
        {POST, "/v1/v1/videos//", "POST /v1/videos", "openai_video"},
        // Another method, where the path isn't right either.
        {GET, "/v1/v1/videos", "GET /v1/videos", "openai_video"},
        {DELETE, "/v1/tasks/", "GET /v1/tasks", NULL},
        {HEAD, "/v1/v1/tasks", "GET /v1/tasks", NULL},
        {POST, "/suno/fetch/", "POST /suno/fetch", "suno"},
        // A letter or two.
        {POST, "/mj/submit/imagin", "POST /mj/submit/imagine", "midjourney"},
        {POST, "/mj/submit/Imagine", "POST /mj/submit/imagine", "midjourney"},
        {POST, "/mj-fast/mj/submit/imagne", "POST /mj-fast/mj/submit/imagine", "midjourney"},
        {POST, "/sumo/submit/music", "POST /suno/submit/music", "suno"},
        {POST, "/suno/submit/lyric", "POST /suno/submit/lyrics", "suno"},
        {POST, "/v1/vidoe/create", "POST /v1/video/create", "video"},
        {GET, "/v1/task/task_1", "GET /v1/tasks/{id}", NULL},
        {GET, "/v1/video/task_1", "GET /v1/videos/{id}", "video"},
        {GET, "/health", "GET /healthz", NULL},
        {GET, "/v1/v1/task/task_1/", "GET /v1/tasks/{id}", NULL},
        // Those of a family that have nothing near, and nothing at all.
        {POST, "/mj/submit/teleport", NULL, "midjourney"},
        {GET, "/mj", NULL, "midjourney"},
        {POST, "/kling/v1/videos/lipsync/of/something", NULL, "kling"},
        {POST, "/suno/", NULL, "suno"},
        {POST, "/v1/video/upscale/twice", NULL, "video"},
        {POST, "/mjx", NULL, NULL},
        {GET, "/none", NULL, NULL},
        {GET, "/v1", NULL, NULL},
        {GET, "//", NULL, NULL},
        {GET, "/v2/tasks/task_1", NULL, NULL},
        {POST, "/v1/chat/completions", NULL, NULL},
        {GET, "/index.html", NULL, NULL},
        {GET, "/pages/main.js", NULL, NULL},
        // What is given out isn't told of, and a file is nobody's guess.
        {POST, "/v1/callback/abc", NULL, NULL},
        {GET, "/v1/media/a.png", NULL, NULL},
        {GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum http_method method = (enum http_method)cases[i].method;
        struct err err;
        const struct family *family = explain(method, cases[i].path, &err);
        struct buf expected = {0};

        buf_fmt(&expected, "there is no %s %s", http_method_name(method), cases[i].path);
        if (cases[i].nearest != NULL)
            buf_fmt(&expected, "; did you mean %s?", cases[i].nearest);
        if (err.code != ERR_PATH || strcmp(err.message, expected.data) != 0 ||
            strcmp(family == NULL ? "" : family->name,
                   cases[i].family == NULL ? "" : cases[i].family) != 0)
            fail_msg("%s: %d %s %s", cases[i].path, err.code, err.message,
                     family == NULL ? "(our own)" : family->name);
        buf_clear(&expected);
    }
}

// Where the operators' paths are served on a listener of their own, nobody is sent to them.
static void test_the_operators_paths(void **state)
{
    static const char *const paths[] = {"/metrics", "/metric", "/admin/v1/overview",
                                        "/admin/v1/account"};
    const struct family *family;
    struct err here, elsewhere;

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        lost_explain(routes, HTTP_GET_, paths[i], true, 0, &here, &family);
        lost_explain(routes, HTTP_GET_, paths[i], false, 0, &elsewhere, &family);
        assert_non_null(strstr(here.message, "; did you mean GET "));
        assert_null(strstr(elsewhere.message, "did you mean"));
        assert_int_equal(elsewhere.code, ERR_PATH);
    }
}

static void test_another_method(void **state)
{
    static const struct {
        int method;
        const char *path, *methods, *allow, *family;
    } cases[] = {
        {POST, "/v1/tasks", "GET", "GET, HEAD", NULL},
        {DELETE, "/v1/videos", "GET and POST", "GET, HEAD, POST", "openai_video"},
        {GET, "/mj/submit/imagine", "POST", "POST", "midjourney"},
        {HEAD, "/v1/tasks/t/cancel", "POST", "POST", NULL},
        {GET, "/v1/files/uploads/url", "POST and PUT", "POST, PUT", NULL},
        {POST, "/media/a.png", "GET", "GET, HEAD", NULL},
        {DELETE, "/suno/fetch/t", "GET", "GET, HEAD", "suno"},
    };
    struct pattern_names names;
    unsigned offered;
    char allow[LOST_ALLOW_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum http_method method = (enum http_method)cases[i].method;
        struct err err;
        const struct family *family = explain(method, cases[i].path, &err);
        char expected[200];

        snprintf(expected, sizeof expected, "there is no %s %s, only %s", http_method_name(method),
                 cases[i].path, cases[i].methods);
        if (err.code != ERR_METHOD || strcmp(err.message, expected) != 0 ||
            strcmp(family == NULL ? "" : family->name,
                   cases[i].family == NULL ? "" : cases[i].family) != 0)
            fail_msg("%s: %s", cases[i].path, err.message);
        routes_find(routes, method, cases[i].path, &names, &offered);
        lost_allow(offered, allow);
        assert_string_equal(allow, cases[i].allow);
    }
}

// Whatever strangers send: it fits, and is text.
static void test_what_is_shown_of_a_path(void **state)
{
    static const struct {
        const char *path, *shown;
    } cases[] = {
        {"/a b", "/a%20b"},
        {"/a%\"<\\\n\x7f", "/a%25%22%3C%5C%0A%7F"},
        {"/\xc3\xa9\xff", "/%C3%A9%FF"},
        {"/{id}", "/%7Bid%7D"},
    };
    char path[4000], expected[200];
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        explain(HTTP_GET_, cases[i].path, &err);
        snprintf(expected, sizeof expected, "there is no GET %s", cases[i].shown);
        assert_string_equal(err.message, expected);
    }
    for (size_t len = 70; len < sizeof path; len += len < 100 ? 1 : 1000) {
        memset(path, ' ', len);
        path[0] = '/';
        path[len] = '\0';
        explain(HTTP_DELETE_, path, &err);
        assert_true(strlen(err.message) < 110);
        assert_string_equal(err.message + strlen(err.message) - 3, "...");
    }
    // A long one that has something near is told in full.
    memset(path, 'x', 100);
    snprintf(path + 100, sizeof path - 100, "/deliveries/2/redeliver");
    memcpy(path, "/tasks/", 7);
    explain(HTTP_POST_, path, &err);
    assert_non_null(strstr(err.message,
                           "...; did you mean POST "
                           "/v1/tasks/{id}/deliveries/{n}/redeliver?"));
}

// In the shape of each.
static void test_in_the_family_s_words(void **state)
{
    static const struct {
        int method;
        const char *path;
        int status;
        const char *json;
    } cases[] = {
        {POST, "/mj/submit/imagine/", 404,
         "{\"code\":3,\"description\":\"there is no POST /mj/submit/imagine/; did you mean POST "
         "/mj/submit/imagine?\"}"},
        {GET, "/mj/submit/imagine", 405,
         "{\"code\":4,\"description\":\"there is no GET /mj/submit/imagine, only POST\"}"},
        {POST, "/suno/submit/musc", 404,
         "{\"code\":\"not_found\",\"message\":\"there is no POST /suno/submit/musc; did you mean "
         "POST /suno/submit/music?\",\"data\":null}"},
        {POST, "/kling/v1/nothing", 404,
         "{\"code\":\"not_found\",\"message\":\"there is no POST "
         "/kling/v1/nothing\",\"data\":null}"},
        {DELETE, "/kling/v1/videos/text2video", 405,
         "{\"code\":\"method_not_allowed\",\"message\":\"there is no DELETE "
         "/kling/v1/videos/text2video, only POST\",\"data\":null}"},
        {POST, "/v1/v1/videos", 404,
         "{\"error\":{\"message\":\"there is no POST /v1/v1/videos; did you mean POST "
         "/v1/videos?\","
         "\"type\":\"invalid_request_error\",\"code\":\"not_found\"}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        const struct family *family =
            explain((enum http_method)cases[i].method, cases[i].path, &err);
        struct buf json = {0};

        assert_non_null(family);
        assert_int_equal(family->refuse(&err, &json), cases[i].status);
        assert_string_equal(json.data, cases[i].json);
        buf_clear(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_nearest_path),
        cmocka_unit_test(test_the_operators_paths),
        cmocka_unit_test(test_another_method),
        cmocka_unit_test(test_what_is_shown_of_a_path),
        cmocka_unit_test(test_in_the_family_s_words),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
