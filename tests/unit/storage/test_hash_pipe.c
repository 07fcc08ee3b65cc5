// What comes out of the pipe is what went in, and so are the hashes, however it is cut.
#include "core/storage/hash_pipe.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

struct way {
    const char *name;
    size_t capacity, bytes, write_bytes, read_bytes, part_bytes;
};

// Both ends of a pipe.
struct flow {
    const struct way *way;
    struct loop *loop;
    struct hash_pipe *pipe;
    unsigned char *data;
    size_t written, read, announced, hashed;
    bool drops;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t next_part(const struct way *way, size_t at)
{
    return least(way->part_bytes, way->bytes - at);
}

static void go_on(struct flow *flow)
{
    const struct way *way = flow->way;
    unsigned char piece[100000];
    bool goes_on = true;

    while (goes_on) {
        size_t len = least(way->write_bytes, way->bytes - flow->written);
        size_t got =
            hash_pipe_read(flow->pipe, piece, least(way->read_bytes, flow->announced - flow->read));

        if (memcmp(piece, flow->data + flow->read, got) != 0)
            fail_msg("%s: other bytes at %zu", way->name, flow->read);
        flow->read += got;
        goes_on = got > 0;
        if (len > 0 && hash_pipe_write(flow->pipe, flow->data + flow->written, len)) {
            flow->written += len;
            goes_on = true;
        }
        // As an upload does: the next part begins when the one before is sent.
        if (flow->announced < way->bytes && flow->read == flow->announced &&
            flow->hashed + way->part_bytes >= flow->announced) {
            hash_pipe_part(flow->pipe, (int64_t)next_part(way, flow->announced));
            flow->announced += next_part(way, flow->announced);
            goes_on = true;
        }
    }
}

static void end(struct flow *flow)
{
    hash_pipe_drop(&flow->pipe);
    loop_stop(flow->loop);
}

static void on_part(void *ctx, const unsigned char md5[MD5_BYTES], struct digest *sha256)
{
    struct flow *flow = ctx;
    size_t part = next_part(flow->way, flow->hashed);
    struct digest *whole = digest_new_md5();
    unsigned char expected[SHA256_BYTES];
    char so_far[SHA256_HEX_BYTES], direct[SHA256_HEX_BYTES];

    digest_add(whole, flow->data + flow->hashed, part);
    digest_bytes(whole, expected);
    digest_free(whole);
    flow->hashed += part;
    digest_hex(sha256, so_far);
    digest_free(sha256);
    sha256_hex(flow->data, flow->hashed, direct);
    if (memcmp(md5, expected, MD5_BYTES) != 0 || strcmp(so_far, direct) != 0)
        fail_msg("%s: other hashes at %zu", flow->way->name, flow->hashed);
    if (flow->drops || flow->hashed == flow->way->bytes)
        end(flow);
    else
        go_on(flow);
}

static void on_room(void *ctx)
{
    struct flow *flow = ctx;

    if (flow->drops)
        end(flow);
    else
        go_on(flow);
}

static void flow_through(const struct way *way, bool drops)
{
    struct flow flow = {.way = way, .loop = loop_new(), .drops = drops};

    flow.data = mem_resize(NULL, way->bytes);
    for (size_t i = 0; i < way->bytes; i++)
        flow.data[i] = (unsigned char)(i * 2654435761u >> 13);
    flow.pipe = hash_pipe_new(flow.loop, way->capacity, digest_new(), on_part, on_room, &flow);
    go_on(&flow);
    loop_run(flow.loop);
    if (!drops)
        assert_int_equal(flow.hashed, way->bytes);
    assert_true(loop_free(flow.loop));
    free(flow.data);
}

static const struct way ways[] = {
    {"one byte", 16, 1, 1, 1, 1},
    {"pieces that fit", 1024, 10240, 128, 256, 1024},
    {"pieces that don't", 1000, 30011, 77, 333, 4099},
    {"parts smaller than a piece", 512, 5000, 300, 500, 7},
    {"one part", 4096, 100000, 999, 4000, 100000},
    {"as a file goes", 256 * 1024, 3000000, 65536, 65536, 1000000},
    {"a part in memory", 1200000, 3000000, 16384, 65536, 1000000},
};

static void test_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        flow_through(&ways[i], false);
}

static void test_a_callback_may_drop_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        flow_through(&ways[i], true);
}

static void on_no_part(void *ctx, const unsigned char md5[MD5_BYTES], struct digest *sha256)
{
    (void)ctx, (void)md5, (void)sha256;
    fail_msg("a part of a pipe that was dropped");
}

static void on_no_room(void *ctx)
{
    (void)ctx;
    fail_msg("room in a pipe that was dropped");
}

static void test_dropped_while_a_thread_reads_it(void **state)
{
    struct loop *loop = loop_new();
    static char data[200000];
    (void)state;

    for (int i = 0; i < 20; i++) {
        struct hash_pipe *pipe =
            hash_pipe_new(loop, sizeof data, digest_new(), on_no_part, on_no_room, NULL);

        hash_pipe_part(pipe, sizeof data);
        assert_true(hash_pipe_write(pipe, data, sizeof data));
        hash_pipe_drop(&pipe);
        assert_null(pipe);
    }
    hash_pipe_drop(&(struct hash_pipe *){NULL});
    assert_true(loop_free(loop));
}

static void on_rest(void *ctx, const unsigned char md5[MD5_BYTES], struct digest *sha256)
{
    char hex[SHA256_HEX_BYTES];

    digest_hex(sha256, hex);
    digest_free(sha256);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hex_encode(md5, MD5_BYTES, hex);
    assert_string_equal(hex, "5360af35bde9ebd8f01f492dc059593c"); // of "bc"
    loop_stop(ctx);
}

static void test_what_came_before_counts(void **state)
{
    struct loop *loop = loop_new();
    struct digest *before = digest_new();
    struct hash_pipe *pipe;
    char read[2];
    (void)state;

    digest_add(before, "a", 1);
    pipe = hash_pipe_new(loop, 16, before, on_rest, on_no_room, loop);
    assert_true(hash_pipe_write(pipe, "bc", 2));
    assert_int_equal(hash_pipe_read(pipe, read, sizeof read), 2);
    assert_int_equal(hash_pipe_room(pipe), 14);
    hash_pipe_part(pipe, 2);
    loop_run(loop);
    assert_int_equal(hash_pipe_room(pipe), 16);
    hash_pipe_drop(&pipe);
    assert_true(loop_free(loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_a_callback_may_drop_it),
        cmocka_unit_test(test_dropped_while_a_thread_reads_it),
        cmocka_unit_test(test_what_came_before_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
