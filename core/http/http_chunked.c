// The chunked transfer coding.
#include "core/http/http_chunked.h"

#include <string.h>

#include "core/base/text.h"

enum { MAX_EXTENSION_BYTES = 4096, MAX_SIZE_DIGITS = 15 };

//  SIZE ─▶ (EXTENSION) ─▶ SIZE_LF ─▶ DATA ─▶ DATA_CR ─▶ DATA_LF ─▶ SIZE
//                            └ size 0 ─▶ END_CR ─▶ END_LF ─▶ done
enum step { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, END_CR, END_LF };

static bool read_size(struct http_chunked *chunked, char c)
{
    int digit = text_hex(c);

    if (digit >= 0) {
        chunked->left = chunked->left * 16 + (unsigned)digit;
        return ++chunked->digits <= MAX_SIZE_DIGITS;
    }
    if (chunked->digits == 0 || (c != '\r' && c != ';'))
        return false;
    chunked->step = c == ';' ? EXTENSION : SIZE_LF;
    return true;
}

static bool read_extension(struct http_chunked *chunked, char c)
{
    if (c == '\r')
        chunked->step = SIZE_LF;
    else if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7f)
        return false;
    return ++chunked->ignored_bytes <= MAX_EXTENSION_BYTES;
}

static bool read_exactly(struct http_chunked *chunked, char c, char expected, enum step next)
{
    chunked->step = (int)next;
    return c == expected;
}

enum http_chunked_result http_chunked_decode(struct http_chunked *chunked, char *data, size_t *len,
                                             size_t room, size_t *used)
{
    enum http_chunked_result result = HTTP_CHUNKED_MORE;
    size_t at = 0, body = 0;

    while (at < *len && result == HTTP_CHUNKED_MORE) {
        bool is_fine = true;
        char c = data[at];

        if (chunked->step == DATA) {
            size_t piece = *len - at < chunked->left ? *len - at : (size_t)chunked->left;

            memmove(data + body, data + at, piece);
            body += piece;
            at += piece;
            chunked->left -= piece;
            if (chunked->left == 0)
                chunked->step = DATA_CR;
            continue;
        }
        at++;
        switch ((enum step)chunked->step) {
        case SIZE:
            is_fine = read_size(chunked, c);
            break;
        case EXTENSION:
            is_fine = read_extension(chunked, c);
            break;
        case SIZE_LF:
            is_fine = read_exactly(chunked, c, '\n', chunked->left == 0 ? END_CR : DATA);
            if (is_fine && chunked->left > room - body)
                result = HTTP_CHUNKED_TOO_LARGE;
            break;
        case DATA_CR:
            is_fine = read_exactly(chunked, c, '\r', DATA_LF);
            break;
        case DATA_LF:
            is_fine = read_exactly(chunked, c, '\n', SIZE);
            chunked->digits = 0;
            break;
        case END_CR:
            is_fine = read_exactly(chunked, c, '\r', END_LF);
            break;
        case END_LF:
            is_fine = read_exactly(chunked, c, '\n', SIZE);
            result = HTTP_CHUNKED_DONE;
            break;
        case DATA:
            break;
        }
        if (!is_fine)
            result = HTTP_CHUNKED_BAD;
    }
    *used = at;
    *len = body;
    return result;
}
