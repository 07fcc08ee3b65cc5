// The arguments of one item.
#include "core/store/args.h"

#include <string.h>

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
    struct buf digits = {0};

    buf_int(&digits, number);
    args_mem(args, digits.data, digits.len);
    buf_clear(&digits);
}

void args_field(struct args *args, const char *name, const char *value)
{
    if (value == NULL)
        return;
    args_str(args, name);
    args_str(args, value);
}
