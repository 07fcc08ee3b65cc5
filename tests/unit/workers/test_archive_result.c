// What files are, by their first bytes, and what they are called.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/message/media_type.h"
#include "core/task/task.h"
#include "tests/support/check.h"
#include "workers/archive_result.h"

static void test_types(void **state)
{
    static const struct {
        const char *name, *head;
        size_t len;
        const char *type;
    } cases[] = {
        {"png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16, "image/png"},
        {"jpeg", "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0", 16, "image/jpeg"},
        {"webp", "RIFF\1\2\3\4WEBPVP8 ", 16, "image/webp"},
        {"wav", "RIFF\1\2\3\4WAVEfmt ", 16, "audio/wav"},
        {"mp4",
         "\0\0\0\x20"
         "ftypisom\0\0\2\0",
         16, "video/mp4"},
        {"mp3 with a tag", "ID3\3\0\0\0\0\0\0\0\0\0\0\0\0", 16, "audio/mpeg"},
        {"mp3 frame", "\xff\xfb\x90\x64\0\0\0\0\0\0\0\0\0\0\0\0", 16, "audio/mpeg"},
        {"webm", "\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0\0\0\0\0", 16, "video/webm"},
        {"html", "<!DOCTYPE html><", 16, NULL},
        {"svg", "<svg xmlns=\"http", 16, NULL},
        {"json", "{\"error\":\"gone\"}", 16, NULL},
        {"short", "\x89PN", 3, NULL},
        {"nothing", "", 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct media_type *type = media_type_of(cases[i].head, cases[i].len);

        if ((type == NULL) != (cases[i].type == NULL) ||
            (type != NULL && strcmp(type->content_type, cases[i].type) != 0))
            fail_msg("%s: %s", cases[i].name, type == NULL ? "none" : type->content_type);
    }
}

static void test_json(void **state)
{
    static const struct {
        const char *head;
        bool is;
    } cases[] = {
        {"{\"error\":\"gone\"", true},
        {" \r\n{\n\t\"error\":", true},
        {"{}", true},
        {"{ }", true},
        {"", false},
        {" ", false},
        {"[]", false},
        {"ID3", false},
        {"{ID3", false},
        {"{\"\1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (media_is_json(cases[i].head, strlen(cases[i].head)) != cases[i].is)
            fail_msg("%s", cases[i].head);
}

static void test_keys(void **state)
{
    struct task *task = task_new();
    char *key;

    (void)state;
    snprintf(task->id, sizeof task->id, "task_X");
    task->account = mem_str("mj-1");
    task->action = mem_str("PIC_READER");
    task->created_ms = 1774602000000; // 2026-03-27T09:00:00Z
    key = archive_key(task, 0, "png");
    assert_string_equal(key, "task-artifacts/2026/03/27/mj-1/pic-reader/task_X.png");
    free(key);
    key = archive_key(task, 2, "mp4");
    assert_string_equal(key, "task-artifacts/2026/03/27/mj-1/pic-reader/task_X-2.mp4");
    free(key);
    task_free(task);
}

static void test_texts(void **state)
{
    char *final = archive_result_of_texts(
        "{\"sources\":[{\"kind\":\"text\",\"url\":\"1. a\"}],\"extra\":{\"x\":1}}");

    (void)state;
    assert_string_equal(
        final, "{\"extra\":{\"x\":1},\"artifacts\":[{\"kind\":\"text\",\"text\":\"1. a\"}]}");
    free(final);
}

// What becomes of the sources, and whether the task has succeeded by that.
static void test_final(void **state)
{
#define SOURCE(kind, artifact) "{\"kind\":\"" kind "\",\"artifact\":" artifact "}"
#define COVER(artifact) "{\"kind\":\"cover\",\"optional\":true,\"artifact\":" artifact "}"
#define OURS "{\"key\":\"k\"}"
#define NONE "{\"url\":\"\",\"error\":{}}"
#define LINK "{\"url\":\"http://v\",\"error\":{}}"
    static const struct {
        const char *name, *sources, *artifacts;
        bool is_success;
    } cases[] = {
        {"all", SOURCE("image", OURS) "," SOURCE("image", OURS), OURS "," OURS, true},
        {"one of two", SOURCE("image", NONE) "," SOURCE("image", OURS), NONE "," OURS, true},
        {"none", SOURCE("image", NONE) "," SOURCE("image", NONE), NONE "," NONE, false},
        {"a cover alone", SOURCE("audio", NONE) "," COVER(OURS), NONE "," OURS, false},
        {"no cover", SOURCE("audio", OURS) "," COVER(NONE), OURS "," NONE, true},
        {"nothing where nothing is missing", COVER("{}") "," SOURCE("audio", OURS) "," COVER("{}"),
         OURS, true},
        {"nothing at all", SOURCE("audio", NONE) "," COVER("{}"), NONE, false},
        {"a text alone", SOURCE("video", NONE) "," SOURCE("text", "{\"text\":\"x\"}"),
         NONE ",{\"text\":\"x\"}", false},
        {"the vendor's link beside ours", SOURCE("image", LINK) "," SOURCE("image", OURS),
         LINK "," OURS, true},
        {"the vendor's link alone", SOURCE("image", LINK), "{\"url\":\"http://v\"}", true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512], *final;
        json_t *result;
        bool is_success;

        snprintf(text, sizeof text, "{\"sources\":[%s],\"extra\":{\"x\":1}}", cases[i].sources);
        result = json_loads(text, 0, NULL);
        assert_non_null(result);
        final = archive_result_final(result, &is_success);
        snprintf(text, sizeof text, "{\"extra\":{\"x\":1},\"artifacts\":[%s]}", cases[i].artifacts);
        if (strcmp(final, text) != 0 || is_success != cases[i].is_success)
            fail_msg("%s: %d %s", cases[i].name, is_success, final);
        free(final);
        json_decref(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_json),
                                       cmocka_unit_test(test_keys), cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_final)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
