// Which links are to files of ours: only those may lead to a private address.
#include "core/message/media_link.h"
#include "tests/support/check.h"

#include <string.h>

#include "core/base/buf.h"

#define HOST "http://127.0.0.1:9000"

static const struct media_links links[] = {
    {.base = HOST "/media"},
    {.place = {.base = HOST "/bucket",
               .prefix = "a b/",
               .keys = {.access_key = "key", .secret_key = "secret", .region = "us-east-1"}}},
};

static void test_is_ours(void **state)
{
    static const struct {
        int links;
        bool is_ours;
        const char *url;
    } cases[] = {
        {0, true, HOST "/media/uploads/2026/01/02/name.png"},
        {0, true, HOST "/media/task-artifacts/2026/01/02/mj-1/imagine/task_1-2.png"},
        {0, false, HOST "/media/inputs/task_1.json"},
        {0, false, HOST "/media/uploads/"},
        {0, false, HOST "/media/uploads"},
        {0, false, HOST "/media"},
        {0, false, HOST "/mediauploads/name.png"},
        {0, false, HOST "/media/../metrics"},
        {0, false, HOST "/media/uploads/../../metrics"},
        {0, false, HOST "/media/uploads/./name.png"},
        {0, false, HOST "/media/uploads/%2e%2e/%2e%2e/metrics"},
        {0, false, HOST "/media/uploads/..\\name.png"},
        {0, false, HOST "/media/uploads/.hidden"},
        {0, false, "http://127.0.0.1:90/media/uploads/name.png"},
        {1, true, HOST "/bucket/a%20b/uploads/name.png?X-Amz-Signature=1%2F2"},
        {1, false, HOST "/bucket/uploads/name.png"},
        {1, false, HOST "/bucket/a%20b/others/name.png"},
        {1, false, HOST "/bucket/a%20b/uploads/../../../other/name.png?X-Amz-Signature=1"},
        {1, false, ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (media_link_is_ours(&links[cases[i].links], cases[i].url) != cases[i].is_ours)
            fail_msg("%s", cases[i].url);
}

static void test_our_own_links_are(void **state)
{
    static const char key[] = "uploads/2026/01/02/0123456789abcdef.png";
    (void)state;

    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct buf url = {0}, found = {0};

        media_link(&links[i], key, &url);
        if (!media_link_is_ours(&links[i], url.data))
            fail_msg("%s", url.data);
        assert_true(media_link_key(&links[i], url.data, &found));
        assert_string_equal(found.data, key);
        buf_clear(&found);
        assert_false(media_link_key(&links[i], HOST "/metrics", &found));
        assert_int_equal(found.len, 0);
        buf_clear(&url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_ours),
        cmocka_unit_test(test_our_own_links_are),
    };

    return cmocka_run_group_tests_name("media_link", tests, NULL, NULL);
}
