// The arguments of one item.
#include "core/store/args.h"

#include <string.h>

#include "core/base/text.h"

void args_mem(struct args *args, const void *data, size_t len)
{
    buf_add(&args->bytes, &len, sizeof len);
    buf_add(&args->bytes, data, len);
    args->count++;
}

void args_str(struct args *args, const char *text)
{
    args_mem(args, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

void args_int(struct args *args, int64_t number)
{
    char digits[TEXT_INT_SIZE];

    args_mem(args, digits, (size_t)(text_int(digits, digits + sizeof digits, number) - digits));
}

size_t args_begin(struct args *args)
{
    size_t len = 0;

    buf_add(&args->bytes, &len, sizeof len);
    return args->bytes.len;
}

void args_end(struct args *args, size_t begun)
{
    size_t len = args->bytes.len - begun;

    memcpy(args->bytes.data + begun - sizeof len, &len, sizeof len);
    args->count++;
}

void args_field(struct args *args, const char *name, const char *value)
{
    if (value == NULL)
        return;
    args_str(args, name);
    args_str(args, value);
}
