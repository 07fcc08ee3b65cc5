// Files inside JSON: whatever the pieces, the same document and the same file come out.
#include "core/json/json_inline.h"
#include "tests/support/check.h"

#include <string.h>

#include "core/base/buf.h"

static const char *const keys[] = {"bytesBase64Encoded", "encodedVideo", NULL};

static const struct {
    const char *name, *text;
    long wanted;
    const char *rest, *file; // file NULL: it isn't base64
} cases[] = {
    {"none", "{\"done\":true,\"n\":[1,2]}", 0, "{\"done\":true,\"n\":[1,2]}", ""},
    {"one", "{\"bytesBase64Encoded\":\"aGVsbG8=\",\"mimeType\":\"video/mp4\"}", 0,
     "{\"bytesBase64Encoded\":\"inline\",\"mimeType\":\"video/mp4\"}", "hello"},
    {"no padding", "{\"encodedVideo\":\"aGVsbG8\"}", 0, "{\"encodedVideo\":\"inline\"}", "hello"},
    {"the URL alphabet", "{\"encodedVideo\":\"_-8=\"}", 0, "{\"encodedVideo\":\"inline\"}",
     "\xff\xef"},
    {"spaces", "{ \"encodedVideo\" :\n \"aGVsbG8=\" }", 0, "{ \"encodedVideo\" :\n \"inline\" }",
     "hello"},
    {"escapes", "{\"encodedVideo\":\"\\/\\/8\\u003d\\n\"}", 0, "{\"encodedVideo\":\"inline\"}",
     "\xff\xff"},
    {"the second", "[{\"encodedVideo\":\"YQ==\"},{\"encodedVideo\":\"Yg==\"}]", 1,
     "[{\"encodedVideo\":\"inline\"},{\"encodedVideo\":\"inline\"}]", "b"},
    {"only looking", "{\"encodedVideo\":\"aGVsbG8=\"}", -1, "{\"encodedVideo\":\"inline\"}", ""},
    {"empty", "{\"encodedVideo\":\"\"}", 0, "{\"encodedVideo\":\"inline\"}", ""},
    {"a value of that name", "{\"key\":\"encodedVideo\",\"x\":\"aGVsbG8=\"}", 0,
     "{\"key\":\"encodedVideo\",\"x\":\"aGVsbG8=\"}", ""},
    {"not a string", "{\"encodedVideo\":{\"x\":\"aGVsbG8=\"}}", 0,
     "{\"encodedVideo\":{\"x\":\"aGVsbG8=\"}}", ""},
    {"a longer key", "{\"encodedVideos\":\"aGVsbG8=\"}", 0, "{\"encodedVideos\":\"aGVsbG8=\"}", ""},
    {"a quote in a string", "{\"a\":\"\\\"encodedVideo\\\":\\\"\",\"encodedVideo\":\"YQ==\"}", 0,
     "{\"a\":\"\\\"encodedVideo\\\":\\\"\",\"encodedVideo\":\"inline\"}", "a"},
    {"not base64", "{\"encodedVideo\":\"<html>\"}", 0, "{\"encodedVideo\":\"inline\"}", NULL},
    {"a data URL", "{\"encodedVideo\":\"data:video/mp4;base64,aGVsbG8=\"}", 0,
     "{\"encodedVideo\":\"inline\"}", "hello"},
    {"what begins like one", "{\"encodedVideo\":\"data\"}", 0, "{\"encodedVideo\":\"inline\"}",
     "u\xab\x5a"},
    {"what goes on unlike one", "{\"encodedVideo\":\"dataaGVsbG8=\"}", 0,
     "{\"encodedVideo\":\"inline\"}", "u\xab\x5ahello"},
    {"a data URL in a text that nobody asked for", "{\"a\":\"x;base64,aGVsbG8=\"}", 0,
     "{\"a\":\"x;base64,aGVsbG8=\"}", ""},
};

static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].text);

        for (size_t piece = 1; piece <= len; piece++) {
            struct json_inline scan = {.keys = keys, .wanted = cases[i].wanted};
            struct buf rest = {0}, file = {0};
            bool ok = true;

            for (size_t at = 0; at < len; at += piece)
                ok = json_inline_feed(&scan, cases[i].text + at,
                                      len - at < piece ? len - at : piece, &rest, &file);
            if (ok != (cases[i].file != NULL) || strcmp(buf_text(&rest), cases[i].rest) != 0 ||
                (ok && strcmp(buf_text(&file), cases[i].file) != 0))
                fail_msg("%s, pieces of %zu: %d %s %s", cases[i].name, piece, ok, buf_text(&rest),
                         buf_text(&file));
            buf_clear(&rest);
            buf_clear(&file);
        }
    }
}

// Each file, and those in data URLs within texts.
static const struct {
    const char *name, *text, *rest, *files; // each with a | behind it; a ! where it isn't base64
} each[] = {
    {"none", "{\"a\":\";base64\"}", "{\"a\":\";base64\"}", ""},
    {"two", "[{\"encodedVideo\":\"YQ==\"},{\"encodedVideo\":\"Yg==\"}]",
     "[{\"encodedVideo\":\"inline\"},{\"encodedVideo\":\"inline\"}]", "a|b|"},
    {"a bad one before a good one", "[{\"encodedVideo\":\"<\"},{\"encodedVideo\":\"Yg==\"}]",
     "[{\"encodedVideo\":\"inline\"},{\"encodedVideo\":\"inline\"}]", "!|b|"},
    {"a text", "{\"text\":\"![x](data:image/png;base64,aGVsbG8=) and\"}",
     "{\"text\":\"![x](data:image/png;base64,inline) and\"}", "hello|"},
    {"two in a text", "{\"text\":\"(data:a;base64,YQ==)(data:b;base64,Yg==)\",\"b\":1}",
     "{\"text\":\"(data:a;base64,inline)(data:b;base64,inline)\",\"b\":1}", "a|b|"},
    {"a text that is one", "{\"text\":\"data:image/png;base64,aGVsbG8=\",\"b\":1}",
     "{\"text\":\"data:image/png;base64,inline\",\"b\":1}", "hello|"},
    {"escapes within", "{\"text\":\"data:a;base64,\\/\\/8=\\n\\\"x\\\"\"}",
     "{\"text\":\"data:a;base64,inline\\n\\\"x\\\"\"}", "\xff\xff|"},
    {"a mark within a mark", "{\"text\":\"data:;base64;base64,YQ==\"}",
     "{\"text\":\"data:;base64;base64,inline\"}", "a|"},
    {"long", "{\"encodedVideo\":\"aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8=\"}",
     "{\"encodedVideo\":\"inline\"}", "hello hello hello hello|"},
};

static void test_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        size_t len = strlen(each[i].text);

        for (size_t piece = 1; piece <= len; piece++) {
            struct json_inline scan = {
                .keys = keys, .wanted = JSON_INLINE_EACH, .takes_data_urls = true};
            struct buf rest = {0}, files = {0}, file = {0};

            for (size_t at = 0; at < len;) {
                size_t end = (at / piece + 1) * piece;

                at += json_inline_step(&scan, each[i].text + at, (end < len ? end : len) - at,
                                       &rest, &file);
                if (!scan.has_ended)
                    continue;
                buf_str(&files, scan.is_bad ? "!" : buf_text(&file));
                buf_char(&files, '|');
                buf_reset(&file);
            }
            if (strcmp(buf_text(&rest), each[i].rest) != 0 ||
                strcmp(buf_text(&files), each[i].files) != 0)
                fail_msg("%s, pieces of %zu: %s %s", each[i].name, piece, buf_text(&rest),
                         buf_text(&files));
            buf_clear(&rest);
            buf_clear(&files);
            buf_clear(&file);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces), cmocka_unit_test(test_each)};

    return cmocka_run_group_tests_name("json_inline", tests, NULL, NULL);
}
