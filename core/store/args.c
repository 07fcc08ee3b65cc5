// The arguments of one item.
#include "core/store/args.h"

#include <string.h>

#include "core/base/text.h"

// What comes before an argument: '$', its length and the end of a line.
enum { HEAD_MAX = 1 + TEXT_INT_SIZE + 2 };

// Returns how long it is.
static size_t write_head(char head[HEAD_MAX], char kind, size_t number)
{
    char *at = head;

    *at++ = kind;
    at = text_int(at, head + HEAD_MAX, (int64_t)number);
    *at++ = '\r';
    *at++ = '\n';
    return (size_t)(at - head);
}

void args_mem(struct args *args, const void *data, size_t len)
{
    char head[HEAD_MAX];

    buf_add(&args->bytes, head, write_head(head, '$', len));
    buf_add(&args->bytes, data, len);
    buf_add(&args->bytes, "\r\n", 2);
    args->count++;
}

void args_str(struct args *args, const char *text)
{
    args_mem(args, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

// Its length isn't known yet: there is room for the longest.
size_t args_begin(struct args *args)
{
    static const char room[HEAD_MAX];

    buf_add(&args->bytes, room, sizeof room);
    return args->bytes.len;
}

void args_end(struct args *args, size_t begun)
{
    size_t len = args->bytes.len - begun, head_len;
    char head[HEAD_MAX], *at = args->bytes.data + begun - HEAD_MAX;

    head_len = write_head(head, '$', len);
    memcpy(at, head, head_len);
    memmove(at + head_len, at + HEAD_MAX, len);
    args->bytes.len -= HEAD_MAX - head_len;
    buf_add(&args->bytes, "\r\n", 2);
    args->count++;
}

void args_int(struct args *args, int64_t number)
{
    size_t begun = args_begin(args);

    buf_int(&args->bytes, number);
    args_end(args, begun);
}

void args_field(struct args *args, const char *name, const char *value)
{
    if (value == NULL)
        return;
    args_str(args, name);
    args_str(args, value);
}

void args_head(struct buf *command, unsigned count)
{
    char head[HEAD_MAX];

    buf_add(command, head, write_head(head, '*', count));
}
