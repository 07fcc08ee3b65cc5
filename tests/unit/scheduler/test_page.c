// The page's files, and its policy.
#include "scheduler/page.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/message/media_link.h"
#include "tests/support/check.h"

static void test_the_files(void **state)
{
    const struct page_file *file;
    size_t count = 0;

    (void)state;
    for (; (file = page_at(count)) != NULL; count++) {
        const char *dot = strrchr(file->name, '.');
        const char *type = strcmp(dot, ".js") == 0     ? "text/javascript; charset=utf-8"
                           : strcmp(dot, ".css") == 0  ? "text/css; charset=utf-8"
                           : strcmp(dot, ".html") == 0 ? "text/html; charset=utf-8"
                                                       : "image/svg+xml";

        assert_ptr_equal(page_find(file->name), file);
        assert_string_equal(file->type, type);
        assert_true(file->end > file->text && *file->end == '\0');
        assert_int_equal(strlen(file->text), file->end - file->text);
    }
    assert_true(count > 10);
    assert_non_null(page_find("index.html"));
    assert_null(page_find(""));
    assert_null(page_find("index"));
    assert_null(page_find("INDEX.HTML"));
    assert_null(page_find("../page.c"));
}

#define REST                                                                                       \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"
#define END "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static void test_the_policy(void **state)
{
    static const struct {
        char *base, *place; // of links; of the bucket
        const char *source; // beside 'self'
    } cases[] = {
        {"http://127.0.0.1:8080/media", NULL, " http://127.0.0.1:8080"},
        {"https://cdn.example/some/folder", "https://s3.example/b", " https://cdn.example"},
        {NULL, "https://s3.eu-west-1.amazonaws.com/bucket", " https://s3.eu-west-1.amazonaws.com"},
        {NULL, "http://127.0.0.1:9000/bucket", " http://127.0.0.1:9000"},
        {NULL, NULL, ""},
        {"", NULL, ""},
        {"https://", NULL, ""},
        {"https:///path", NULL, ""},
        {"ftp://host/path", NULL, ""},
        {"https://host", NULL, " https://host"},
        {"https://host?query", NULL, " https://host"},
        // What would be another word, or another directive.
        {"https://host; script-src *", NULL, ""},
        {"https://host *", NULL, ""},
        {"https://*.host/x", NULL, ""},
        {"https://user@host/x", NULL, ""},
        {"https://host'unsafe-inline'/x", NULL, ""},
        {"https://host\r\nX: y", NULL, ""},
        {"https://[::1]:8080/x", NULL, ""}, // a policy can't name it
        {"javascript:alert(1)", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct media_links links = {.base = cases[i].base, .place = {.base = cases[i].place}};
        struct buf text = {0}, wanted = {0};

        buf_fmt(&wanted, REST "%s; media-src 'self'%s" END, cases[i].source, cases[i].source);
        page_policy(&links, &text);
        assert_string_equal(text.data, wanted.data);
        buf_clear(&text);
        buf_clear(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_files),
        cmocka_unit_test(test_the_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
