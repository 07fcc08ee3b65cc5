// Packed words.
#include "core/store/word_list.h"

#include <stdint.h>

// A number of so many bytes, the highest first; false where there are no such.
static bool take_number(struct word_list *words, size_t bytes, size_t *number)
{
    if ((size_t)(words->end - words->at) < bytes)
        return false;
    for (*number = 0; bytes > 0; bytes--)
        *number = *number << 8 | (uint8_t)*words->at++;
    return true;
}

bool word_list_begin(struct word_list *words, char *data, size_t len)
{
    unsigned char head = len == 0 ? 0 : (unsigned char)*data;
    bool is = true;

    words->at = len == 0 ? data : data + 1;
    words->end = data + len;
    if ((head & 0xf0) == 0x90)
        words->left = head & 0x0f;
    else if (head == 0xdc || head == 0xdd)
        is = take_number(words, head == 0xdc ? 2 : 4, &words->left);
    else
        is = false;
    words->head = (unsigned char)*words->at;
    return is;
}

char *word_list_next(struct word_list *words, size_t *len)
{
    unsigned char head = words->head;
    char *word;
    bool is = true;

    if (words->left == 0 || words->at == words->end)
        return NULL;
    words->left--;
    words->at++;
    if ((head & 0xe0) == 0xa0)
        *len = head & 0x1f;
    else if (head >= 0xd9 && head <= 0xdb)
        is = take_number(words, (size_t)1 << (head - 0xd9), len);
    else
        is = false;
    if (!is || *len > (size_t)(words->end - words->at)) {
        words->left = 0;
        return NULL;
    }
    word = words->at;
    words->at += *len;
    words->head = (unsigned char)*words->at;
    *words->at = '\0';
    return word;
}
