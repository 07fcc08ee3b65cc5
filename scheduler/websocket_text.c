// What is sent to WebSockets: each message framed once, and each write put together once, for all
// who are sent the same.
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/task/task.h"
#include "scheduler/news.h"
#include "scheduler/websocket_private.h"

#define TASK_TEXT "{\"type\":\"task\","
#define MANY_BEGIN "{\"type\":\"tasks\",\"changes\":["
#define MANY_END "]}"

// libwebsockets may want LWS_PRE bytes in front of what it writes.
enum { FINAL_TEXT = 0x81, SHORT_MAX = 125, LONG = 126, LONGER = 127, HEAD_MAX = 10 };
enum { TEXT_AT = LWS_PRE + HEAD_MAX };

// RFC 6455 5.2, from a server: no mask, and no extension that would use the reserved bits. Returns
// the header's length.
static unsigned write_head(unsigned char head[HEAD_MAX], size_t len)
{
    unsigned more = len <= SHORT_MAX ? 0 : len <= UINT16_MAX ? 2 : 8;

    head[0] = FINAL_TEXT;
    head[1] = (unsigned char)(more == 0 ? len : more == 2 ? LONG : LONGER);
    for (unsigned i = 0; i < more; i++)
        head[2 + i] = (unsigned char)(len >> 8 * (more - 1 - i));
    return 2 + more;
}

// Texts.

struct websocket_text *websocket_text_new(const char *text, size_t len)
{
    struct websocket_text *made = mem_zeroed(1, sizeof *made + TEXT_AT + len);
    unsigned char head[HEAD_MAX];

    made->refs = 1;
    made->len = len;
    made->head_bytes = write_head(head, len);
    memcpy(made->bytes + TEXT_AT - made->head_bytes, head, made->head_bytes);
    memcpy(made->bytes + TEXT_AT, text, len);
    return made;
}

void websocket_text_unref(struct websocket_text *text)
{
    if (text != NULL && --text->refs == 0)
        free(text);
}

bool websocket_text_is(const struct websocket_text *text, const char *expected)
{
    return text->len == strlen(expected) && memcmp(text->bytes + TEXT_AT, expected, text->len) == 0;
}

// Watchers are told of the same change one after the other, in one turn.
struct websocket_text *websocket_text_of_news(struct websockets *websockets,
                                              const struct news *news, bool is_operator)
{
    struct websocket_text **shared =
        is_operator ? websockets->shared_operators : websockets->shared;
    struct websocket_text **slot = &shared[news->slot % WEBSOCKET_SHARED];
    struct websocket_text *text = *slot;

    if (text == NULL || text->version != news->task->version ||
        strcmp(text->cursor, news->cursor) != 0 || strcmp(text->task, news->task->id) != 0) {
        struct buf buf = {0};

        buf_fmt(&buf, TASK_TEXT "\"cursor\":\"%s\",\"task\":", news->cursor);
        news_write(news, is_operator, &buf);
        buf_char(&buf, '}');
        websocket_text_unref(text);
        text = *slot = websocket_text_new(buf.data, buf.len);
        buf_clear(&buf);
        text->is_task = true;
        text->version = news->task->version;
        snprintf(text->task, sizeof text->task, "%s", news->task->id);
        snprintf(text->cursor, sizeof text->cursor, "%s", news->cursor);
    }
    text->refs++;
    return text;
}

// Blocks.

static void block_clear(struct websocket_block *block)
{
    for (unsigned i = 0; i < block->count; i++)
        websocket_text_unref(block->texts[i]);
    free(block->texts);
    block->texts = NULL;
    block->count = 0;
    buf_clear(&block->frames);
}

static void add_frames(struct websocket_block *block)
{
    for (unsigned i = 0; i < block->count; i++) {
        const struct websocket_text *text = block->texts[i];

        buf_add(&block->frames, text->bytes + TEXT_AT - text->head_bytes,
                text->head_bytes + text->len);
    }
}

static void add_joined(struct websocket_block *block)
{
    const size_t skip = strlen(TASK_TEXT);
    size_t len = strlen(MANY_BEGIN) + strlen(MANY_END) + block->count - 1;
    unsigned char head[HEAD_MAX];

    for (unsigned i = 0; i < block->count; i++)
        len += block->texts[i]->len - skip + 1;
    buf_add(&block->frames, head, write_head(head, len));
    buf_str(&block->frames, MANY_BEGIN);
    for (unsigned i = 0; i < block->count; i++) {
        buf_str(&block->frames, i == 0 ? "{" : ",{");
        buf_add(&block->frames, block->texts[i]->bytes + TEXT_AT + skip,
                block->texts[i]->len - skip);
    }
    buf_str(&block->frames, MANY_END);
}

static struct websocket_block *block_make(struct websockets *websockets,
                                          struct websocket_text *const *texts, unsigned count,
                                          bool is_joined)
{
    static const char room[LWS_PRE];
    struct websocket_block *block = &websockets->blocks[websockets->next_block];

    websockets->next_block = (websockets->next_block + 1) % WEBSOCKET_BLOCKS;
    block_clear(block);
    block->texts = mem_array(struct websocket_text *, count);
    block->count = count;
    block->is_joined = is_joined;
    for (unsigned i = 0; i < count; i++) {
        block->texts[i] = texts[i];
        texts[i]->refs++;
    }
    buf_add(&block->frames, room, sizeof room);
    if (is_joined)
        add_joined(block);
    else
        add_frames(block);
    return block;
}

// One that was made for another WebSocket whose texts are the same.
static struct websocket_block *block_find(struct websockets *websockets,
                                          struct websocket_text *const *texts, unsigned count,
                                          bool is_joined)
{
    for (unsigned i = 0; i < WEBSOCKET_BLOCKS; i++) {
        struct websocket_block *block = &websockets->blocks[i];

        if (block->count == count && block->is_joined == is_joined &&
            memcmp(block->texts, texts, block->count * sizeof(struct websocket_text *)) == 0)
            return block;
    }
    return NULL;
}

// How many of the texts go out together.
static unsigned count_together(struct websocket_text *const *texts, unsigned count, bool joined)
{
    size_t len = texts[0]->len;
    unsigned n = 1;

    while (n < count && (!joined || texts[n]->is_task == texts[0]->is_task) &&
           len + texts[n]->len <= WEBSOCKET_WRITE_BYTES)
        len += texts[n++]->len;
    return n;
}

unsigned websocket_pack(struct websockets *websockets, struct websocket_text *const *texts,
                        unsigned count, bool joined, unsigned char **data, size_t *len)
{
    bool is_joined = joined && texts[0]->is_task;
    unsigned together = count_together(texts, count, joined);
    struct websocket_block *block;

    if (together == 1 && !is_joined) {
        *data = texts[0]->bytes + TEXT_AT - texts[0]->head_bytes;
        *len = texts[0]->head_bytes + texts[0]->len;
        return 1;
    }
    block = block_find(websockets, texts, together, is_joined);
    if (block == NULL)
        block = block_make(websockets, texts, together, is_joined);
    *data = (unsigned char *)block->frames.data + LWS_PRE;
    *len = block->frames.len - LWS_PRE;
    return block->count;
}

void websocket_clear_shared(struct websockets *websockets)
{
    for (size_t i = 0; i < WEBSOCKET_SHARED; i++) {
        websocket_text_unref(websockets->shared[i]);
        websocket_text_unref(websockets->shared_operators[i]);
        websockets->shared[i] = websockets->shared_operators[i] = NULL;
    }
    for (size_t i = 0; i < WEBSOCKET_BLOCKS; i++)
        block_clear(&websockets->blocks[i]);
    websockets->next_block = 0;
}
