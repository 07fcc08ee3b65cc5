// Who serves a path: the patterns, and the table of all routes.
#include "scheduler/routes.h"

#include <stdio.h>
#include <string.h>

#include "providers/family.h"
#include "scheduler/handlers.h"
#include "scheduler/pattern.h"
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

// Paths come decoded: what was "%7B" is a brace, and what was "%2F" parts segments.
static void test_patterns(void **state)
{
    static const struct {
        const char *pattern, *path;
        const char *first, *second; // NULL: it doesn't match
    } cases[] = {
        {"/v1/tasks", "/v1/tasks", "", ""},
        {"/v1/tasks", "/v1/tasks/", NULL, NULL},
        {"/v1/tasks", "/v1/task", NULL, NULL},
        {"/v1/tasks", "/v1/tasksx", NULL, NULL},
        {"/v1/tasks", "/V1/tasks", NULL, NULL},
        {"/v1/tasks", "", NULL, NULL},
        {"/v1/tasks/{id}", "/v1/tasks/abc", "abc", ""},
        {"/v1/tasks/{id}", "/v1/tasks/", NULL, NULL},
        {"/v1/tasks/{id}", "/v1/tasks", NULL, NULL},
        {"/v1/tasks/{id}", "/v1/tasks/abc/", NULL, NULL},
        {"/v1/tasks/{id}", "/v1/tasks/a/b", NULL, NULL},
        {"/v1/tasks/{id}", "/v1/tasks/{id}", "{id}", ""},
        {"/v1/tasks/{id}", "/v1/tasks/a b%\xc3\xa9\xff", "a b%\xc3\xa9\xff", ""},
        {"/mj/task/{id}/fetch", "/mj/task/abc/fetch", "abc", ""},
        {"/mj/task/{id}/fetch", "/mj/task//fetch", NULL, NULL},
        {"/mj/task/{id}/fetch", "/mj/task/abc/fetch/", NULL, NULL},
        {"/mj/task/{id}/fetch", "/mj/task/abc", NULL, NULL},
        {"/t/{id}/d/{n}/redeliver", "/t/abc/d/7/redeliver", "abc", "7"},
        {"/t/{id}/d/{n}/redeliver", "/t/abc/d//redeliver", NULL, NULL},
        {"/t/{id}/d/{n}/redeliver", "/t//d/7/redeliver", NULL, NULL},
        {"/t/{id}/d/{n}/redeliver", "/t/a/d/d/d/redeliver", NULL, NULL},
        {"/t/{id}/d/{n}/redeliver", "/t/d/d/d/redeliver", "d", "d"},
        {"/t/{id}/d/{n}", "/t/abc/d/7", "abc", "7"},
        {"/m/{id}:go", "/m/veo-3.1:go", "veo-3.1", ""},
        {"/m/{id}:go", "/m/a:b:go", "a:b", ""},
        {"/m/{id}:go", "/m/:go", NULL, NULL},
        {"/m/{id}:go", "/m/veo", NULL, NULL},
        {"/m/{id}:go", "/m/veo:gone", NULL, NULL},
        {"/m/{model}/o/{id}", "/m/veo/o/x", "veo", "x"},
        {"/f/{model...}", "/f/nano", "nano", ""},
        {"/f/{model...}", "/f/flux-pro/kontext/max", "flux-pro/kontext/max", ""},
        {"/f/{model...}", "/f/{model...}", "{model...}", ""},
        {"/f/{model...}", "/f/", NULL, NULL},
        {"/f/{model...}", "/f", NULL, NULL},
        {"/f/{model...}", "/f//nano", NULL, NULL},
        {"/f/{model...}", "/f/nano/", NULL, NULL},
        {"/f/{model...}", "/f/nano//edit", NULL, NULL},
        {"/f/{model...}", "/g/nano", NULL, NULL},
        {"/f/{a}/{model...}", "/f/x/nano/edit", "x", "nano/edit"},
        {"/f/{a}/{model...}", "/f/x", NULL, NULL},
        {"/v1/tasks", "/v1/tasks ", "", ""},
        {"/v1/tasks", "/v1/ tasks", NULL, NULL},
        {"/v1/tasks/{id}", "/v1/tasks /abc", "abc", ""},
        {"/v1/tasks/{id}", "/v1/tasks ", NULL, NULL},
        {"/media/*", "/media/a/b/c.png", "", ""},
        {"/media/*", "/media/", "", ""},
        {"/media/*", "/media", NULL, NULL},
    };
    struct pattern_names names;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is = pattern_matches(cases[i].pattern, cases[i].path, &names);

        if (is != (cases[i].first != NULL) || (is && (strcmp(names.at[0], cases[i].first) != 0 ||
                                                      strcmp(names.at[1], cases[i].second) != 0)))
            fail_msg("%s of %s: %d \"%s\" \"%s\"", cases[i].path, cases[i].pattern, is, names.at[0],
                     names.at[1]);
    }
}

// It is as unknown as the whole.
static void test_a_long_name_is_cut(void **state)
{
    struct pattern_names names;
    char path[400];

    (void)state;
    snprintf(path, sizeof path, "/t/%0250d/d/%063d", 0, 0);
    assert_true(pattern_matches("/t/{id}/d/{n}", path, &names));
    assert_int_equal(strlen(names.at[0]), PATTERN_NAME_SIZE - 1);
    assert_int_equal(strlen(names.at[1]), 63);
    assert_true(pattern_matches("/t/{model...}", path, &names));
    assert_int_equal(strlen(names.at[0]), PATTERN_NAME_SIZE - 1);
}

static void test_who_serves(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
        void (*handle)(struct request *request);
        const char *family, *mode, *first, *second;
    } cases[] = {
        {HTTP_GET_, "/v1/tasks", tasks_index, NULL, NULL, "", ""},
        {HTTP_HEAD_, "/v1/tasks", tasks_index, NULL, NULL, "", ""},
        {HTTP_GET_, "/v1/tasks/t1", tasks_show, NULL, NULL, "t1", ""},
        {HTTP_POST_, "/v1/tasks/t1/cancel", tasks_cancel_one, NULL, NULL, "t1", ""},
        {HTTP_GET_, "/v1/tasks/t1/deliveries", deliveries_show, NULL, NULL, "t1", ""},
        {HTTP_POST_, "/v1/tasks/t1/deliveries/2/redeliver", deliveries_send_again, NULL, NULL, "t1",
         "2"},
        {HTTP_POST_, "/v1/files/uploads/url", uploads_link, NULL, NULL, "", ""},
        {HTTP_PUT_, "/v1/files/uploads/url", uploads_take, NULL, NULL, "url", ""},
        {HTTP_GET_, "/v1/tasks/t1/request", tasks_show_request, NULL, NULL, "t1", ""},
        {HTTP_GET_, "/", page_show, NULL, NULL, "", ""},
        {HTTP_HEAD_, "/page/main.js", page_show_file, NULL, NULL, "main.js", ""},
        {HTTP_HEAD_, "/media/a/b", media_serve, NULL, NULL, "", ""},
        {HTTP_POST_, "/v1/videos", submit_handle, "openai_video", NULL, "", ""},
        {HTTP_GET_, "/v1/videos/t1/content", content_serve, "openai_video", NULL, "t1", ""},
        {HTTP_GET_, "/v1/video/query", query_fetch, "video", NULL, "", ""},
        {HTTP_POST_, "/suno/fetch", query_list, "suno", NULL, "", ""},
        {HTTP_POST_, "/mj/submit/imagine", submit_handle, "midjourney", NULL, "", ""},
        {HTTP_POST_, "/mj-fast/mj/submit/imagine", submit_handle, "midjourney", "fast", "", ""},
        {HTTP_GET_, "/mj-relax/mj/task/t1/image-seed", submit_ask, "midjourney", "relax", "t1", ""},
    };
    struct pattern_names names;
    unsigned offered;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct served *served =
            routes_find(routes, cases[i].method, cases[i].path, &names, &offered);
        const char *family = served == NULL || served->family == NULL ? "" : served->family->name;
        const char *mode = served == NULL || served->mode == NULL ? "" : served->mode;

        if (served == NULL || served->handle != cases[i].handle ||
            strcmp(family, cases[i].family == NULL ? "" : cases[i].family) != 0 ||
            strcmp(mode, cases[i].mode == NULL ? "" : cases[i].mode) != 0 ||
            strcmp(names.at[0], cases[i].first) != 0 || strcmp(names.at[1], cases[i].second) != 0)
            fail_msg("%s: %s %s \"%s\" \"%s\"", cases[i].path, family, mode, names.at[0],
                     names.at[1]);
    }
}

// Two families share a path where they share a surface: the first of them knows the other.
static void test_the_first_of_the_table_serves(void **state)
{
    const struct served *served, *first;
    struct pattern_names names;
    unsigned offered, shared = 0;

    (void)state;
    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++) {
        if (strpbrk(served->pattern, "{*") != NULL)
            continue;
        for (size_t k = 0;
             first = routes_at(routes, k), first->method != served->method ||
                                               strcmp(first->pattern, served->pattern) != 0;)
            k++;
        shared += first != served;
        assert_ptr_equal(routes_find(routes, served->method, served->pattern, &names, &offered),
                         first);
    }
    assert_true(shared > 0);
}

static void test_another_method_and_no_such_path(void **state)
{
    enum { GET = 1 << HTTP_GET_, POST = 1 << HTTP_POST_, PUT = 1 << HTTP_PUT_ };
    static const struct {
        enum http_method method;
        const char *path;
        unsigned offered; // 0: there is no such path
    } cases[] = {
        {HTTP_POST_, "/v1/tasks", GET},
        {HTTP_HEAD_, "/v1/tasks/t1/cancel", POST},
        {HTTP_GET_, "/v1/tasks/t1/deliveries/2/redeliver", POST},
        {HTTP_GET_, "/v1/files/uploads/url", POST | PUT},
        {HTTP_DELETE_, "/suno/fetch", POST},
        {HTTP_GET_, "/mj-turbo/mj/submit/imagine", POST},
        {HTTP_POST_, "/media/a", GET},
        {HTTP_POST_, "/mj-turbo/submit/imagine", 0},
        {HTTP_POST_, "/mj-slow/mj/submit/imagine", 0},
        {HTTP_POST_, "/mj-fast/suno/submit/music", 0},
        {HTTP_POST_, "/", GET},
        {HTTP_DELETE_, "/page/main.js", GET},
        {HTTP_GET_, "/page", 0},
        {HTTP_GET_, "/page/a/b", 0},
        {HTTP_GET_, "/v1/v1/tasks", 0},
    };
    struct pattern_names names;
    unsigned offered;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (routes_find(routes, cases[i].method, cases[i].path, &names, &offered) != NULL ||
            offered != cases[i].offered)
            fail_msg("%s: %x", cases[i].path, offered);
}

// Whoever needs no key either keeps nothing from anybody, and then has no use for a body, or looks
// at what the path names first.
static void test_what_they_need(void **state)
{
    static const char *const open[] = {"/v1/files/uploads/{name}",
                                       "/v1/callbacks/{token}",
                                       "/media/*",
                                       "/",
                                       "/page/{name}",
                                       "/openapi.json",
                                       "/healthz",
                                       "/readyz",
                                       "/metrics"};
    const struct served *served;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; (served = routes_at(routes, i)) != NULL; i++) {
        bool is_open = false;

        assert_non_null(served->handle);
        for (size_t k = 0; k < sizeof open / sizeof open[0]; k++)
            is_open = is_open || strcmp(served->pattern, open[k]) == 0;
        assert_int_equal(served->needs, is_open ? NEEDS_NONE
                                        : strncmp(served->pattern, "/admin/", 7) == 0
                                            ? NEEDS_OPERATOR
                                            : NEEDS_KEY);
        assert_int_equal(served->has_no_body || served->admit != NULL, is_open);
        assert_int_equal(served->may_query,
                         strcmp(served->pattern, "/v1/events") == 0 ||
                             strcmp(served->pattern, "/v1/tasks/{id}/events") == 0);
        count += is_open;
    }
    assert_int_equal(count, sizeof open / sizeof open[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_a_long_name_is_cut),
        cmocka_unit_test(test_who_serves),
        cmocka_unit_test(test_the_first_of_the_table_serves),
        cmocka_unit_test(test_another_method_and_no_such_path),
        cmocka_unit_test(test_what_they_need),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
