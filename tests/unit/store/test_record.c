// What is written of a task is what is read of it, and the scripts know no other fields.
#include "core/store/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/store/args.h"
#include "core/store/scripts.h"
#include "tests/support/check.h"

// As whole() packs the words of `args`, and an id.
static struct buf pack(const struct args *args, const char *id)
{
    const char *at = args->bytes.data;
    struct buf packed = {0};

    buf_add(&packed, (char[]){'\xdc', 0, (char)(args->count + 2)}, 3);
    for (unsigned i = 0; i < args->count; i++) {
        char *end;
        size_t len = strtoul(at + 1, &end, 10);

        assert_true(*at == '$' && len < 256 && strncmp(end, "\r\n", 2) == 0 &&
                    strncmp(end + 2 + len, "\r\n", 2) == 0);
        buf_add(&packed, (char[]){'\xd9', (char)len}, 2);
        buf_add(&packed, end + 2, len);
        at = end + 2 + len + 2;
    }
    buf_fmt(&packed, "\xa2id%c%s", (char)(0xa0 + strlen(id)), id);
    return packed;
}

static struct task *read_packed(const struct buf *packed)
{
    redisReply reply = {.type = REDIS_REPLY_STRING, .str = packed->data, .len = packed->len};

    return record_read(&reply, NULL, NULL);
}

static struct task *submitted(void)
{
    struct task *task = task_new();

    task->family = mem_str("video");
    task->provider = mem_str("kling");
    task->action = mem_str("text2video");
    task->model = mem_str("kling-v3");
    task->mode = mem_str("fast");
    task->state = mem_str("a \"state\"");
    task->parent = mem_str("task_1");
    task->account = mem_str("kling-1");
    task->upstream_parent = mem_str("u1");
    task->hook = mem_str("https://hook.example");
    task->is_ask = task->has_inputs = task->is_request_stored = true;
    task->cost = 0;
    return task;
}

static void test_round_trip(void **state)
{
    struct task *task = submitted(), *read;
    struct args args = {0};
    struct buf packed;

    (void)state;
    record_write(task, &args);
    packed = pack(&args, "2");
    read = read_packed(&packed);
    assert_non_null(read);
    assert_string_equal(read->id, "task_2");
    assert_string_equal(read->family, "video");
    assert_string_equal(read->provider, "kling");
    assert_string_equal(read->action, "text2video");
    assert_string_equal(read->model, "kling-v3");
    assert_string_equal(read->mode, "fast");
    assert_string_equal(read->state, "a \"state\"");
    assert_string_equal(read->parent, "task_1");
    assert_string_equal(read->account, "kling-1");
    assert_string_equal(read->upstream_parent, "u1");
    assert_true(read->has_hook && read->is_ask && read->has_inputs && read->is_request_stored);
    assert_int_equal(read->cost, 0);
    task_free(task);
    task_free(read);
    buf_clear(&args.bytes);
    buf_clear(&packed);
}

static void test_what_says_nothing(void **state)
{
    struct task *task = task_new(), *read;
    struct args args = {0};
    struct buf packed;

    (void)state;
    task->family = mem_str("suno");
    task->provider = mem_str("suno");
    task->cost = 1;
    record_write(task, &args);
    assert_int_equal(args.count, 2);
    assert_string_equal(args.bytes.data, "$1\r\nc\r\n$4\r\nsuno\r\n");
    packed = pack(&args, "3");
    read = read_packed(&packed);
    assert_string_equal(read->family, "suno");
    assert_int_equal(read->cost, 1);
    assert_int_equal(read->version, 1);
    task_free(task);
    task_free(read);
    buf_clear(&args.bytes);
    buf_clear(&packed);
}

// The order of FIELDS in looks.lua is the order that they are read in.
static void test_looks(void **state)
{
    struct buf lua = {0}, packed = {0};
    redisReply reply = {.type = REDIS_REPLY_STRING};
    struct task *task;
    char *names, *rest;

    (void)state;
    record_write_look_fields(&lua);
    names = strchr(lua.data, '{') + 1;
    *strchr(names, '}') = '\0';
    buf_char(&packed, '3');
    for (char *name = strtok_r(names, "', ", &rest); name != NULL;
         name = strtok_r(NULL, "', ", &rest)) {
        static const char cold[] = "kling\0text2video\0kling-v3";
        const char *value = strcmp(name, "p") == 0   ? "rendering"
                            : strcmp(name, "S") == 0 ? "1767225600000"
                            : strcmp(name, "g") == 0 ? "40"
                            : strcmp(name, "x") == 0 ? ""
                            : strcmp(name, "c") == 0 ? cold
                                                     : name;

        buf_char(&packed, '\0');
        buf_add(&packed, value, value == cold ? sizeof cold - 1 : strlen(value));
    }
    reply.str = packed.data;
    reply.len = packed.len;
    task = record_read_look(&reply);
    assert_non_null(task);
    assert_string_equal(task->id, "task_3");
    assert_int_equal(task->phase, TASK_RENDERING);
    assert_int_equal(task->started_ms, 1767225600000);
    assert_int_equal(task->progress, 40);
    assert_false(task->is_cancel_asked);
    assert_string_equal(task->upstream_id, "u");
    assert_string_equal(task->provider, "kling");
    assert_string_equal(task->family, "kling");
    assert_string_equal(task->action, "text2video");
    assert_string_equal(task->model, "kling-v3");
    assert_null(task->mode);
    assert_string_equal(task->owner, "o");
    task_free(task);
    // However much of it there is.
    for (size_t len = 0; len <= packed.len; len++) {
        reply.str = mem_strn(packed.data, len);
        reply.len = len;
        task_free(record_read_look(&reply));
        free(reply.str);
    }
    reply.type = REDIS_REPLY_NIL;
    assert_null(record_read_look(&reply));
    buf_clear(&lua);
    buf_clear(&packed);
}

static bool is_field(const char *name, size_t len)
{
    for (int i = 0; i < RECORD_FIELD_COUNT; i++)
        if (strlen(record_name((enum record_field)i)) == len &&
            strncmp(record_name((enum record_field)i), name, len) == 0)
            return true;
    return false;
}

// Where a name stands for a field it was found: what is left is a record's id, and no text.
static void check_names(const char *script, char *text)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *comment = strstr(line, "--");

        if (comment != NULL)
            *comment = '\0';
        if (strchr(line, '"') != NULL)
            fail_msg("%s: no field: %s", script, line);
        for (char *at = strstr(line, "r."); at != NULL; at = strstr(at + 2, "r."))
            if ((at == line || strchr(" (){}=,-", at[-1]) != NULL) &&
                strcspn(at + 2, " ,.)]}:=") > 1 && strncmp(at + 2, "id", 2) != 0)
                fail_msg("%s: no field: %s", script, at);
    }
}

static void test_spelling(void **state)
{
    static const struct {
        const char *lua, *spelled;
    } cases[] = {
        {"r.phase, p.sub", "r.p, p.m"},         {"call(\"phase\", 'phase')", "call('p', 'phase')"},
        {"over.phase r.id", "over.phase r.id"}, {"\"what\" r.what", "\"what\" r.what"},
        {"r.slots r.slot", "r.slots r.K"},      {"x.r.phase", "x.r.phase"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf spelled = {0};

        record_spell(cases[i].lua, &spelled);
        assert_string_equal(spelled.data, cases[i].spelled);
        buf_clear(&spelled);
    }
}

// Each word that record(id, 'a', 'b') asks for is in the list.
static void test_what_scripts_read(void **state)
{
    int count = 0;

    (void)state;
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        char *text = script_text((enum script)i);

        for (const char *at = strstr(text, "record("); at != NULL; at = strstr(at + 1, "record(")) {
            const char *end = strchr(at, ')');

            for (const char *word = strchr(at, '\''); word != NULL && word < end;
                 word = strchr(word, '\'')) {
                size_t len = strcspn(++word, "'");

                if (!is_field(word, len))
                    fail_msg("%s: %.*s", script_name((enum script)i), (int)len, word);
                count++;
                word += len + 1;
            }
        }
        assert_null(strstr(text, "--#"));
        check_names(script_name((enum script)i), text);
        free(text);
    }
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_says_nothing),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_what_scripts_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
