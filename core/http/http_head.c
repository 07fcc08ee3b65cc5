// The head of a request: lines, fields, and what is wrong with them.
#include "core/http/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/text.h"

enum { MAX_METHOD_BYTES = 32 };

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {
    {"GET", HTTP_GET_}, {"POST", HTTP_POST_},     {"HEAD", HTTP_HEAD_},
    {"PUT", HTTP_PUT_}, {"DELETE", HTTP_DELETE_}, {"OPTIONS", HTTP_OPTIONS_},
};

static enum http_head_result bad(struct http_head *head, int status, const char *why)
{
    head->status = status;
    head->why = why;
    return HTTP_HEAD_BAD;
}

// RFC 9110 5.6.2: what a method or a field name is made of.
static bool is_token_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_token_char((unsigned char)text[i]))
            return false;
    return len > 0;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static bool is_host(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c <= 0x20 || c >= 0x7f || strchr("/\\@?#,<>\"", c) != NULL)
            return false;
    }
    return true;
}

// RFC 3986 3.2: what an authority without user information is made of.
static bool is_authority(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_host(text + i, 1) || strchr("^`{|}", text[i]) != NULL)
            return false;
    return len > 0;
}

// Path and query, after "http://authority" where a proxy's form was used.
static enum http_head_result read_target(struct http_head *head, const char *data,
                                         const char *target, size_t len)
{
    static const char scheme[] = "http://";
    const char *end = target + len, *query;

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)target[i] <= 0x20 || (unsigned char)target[i] >= 0x7f ||
            target[i] == '#')
            return bad(head, 400, "the target has a character that must be escaped");
    if (*target != '/') {
        const char *host = target + sizeof scheme - 1;

        if (len < sizeof scheme || strncasecmp(target, scheme, sizeof scheme - 1) != 0)
            return bad(head, 400, "the target isn't a path");
        target = memchr(host, '/', (size_t)(end - host));
        if (target == NULL || !is_authority(host, (size_t)(target - host)))
            return bad(head, 400, "the target isn't a path");
    }
    query = memchr(target, '?', (size_t)(end - target));
    head->target = (uint32_t)(target - data);
    head->target_len = (uint32_t)(end - target);
    head->path_len = query == NULL ? head->target_len : (uint32_t)(query - target);
    return HTTP_HEAD_DONE;
}

static enum http_head_result read_request_line(struct http_head *head, const char *data,
                                               const char *line, size_t len,
                                               const struct http_head_limits *limits)
{
    const char *end = line + len, *target, *version;
    const char *space = memchr(line, ' ', len);
    size_t method_len, i;

    if (space == NULL || !is_token(line, method_len = (size_t)(space - line)) ||
        method_len > MAX_METHOD_BYTES)
        return bad(head, 400, "the request line is malformed");
    target = space + 1;
    version = memchr(target, ' ', (size_t)(end - target));
    if (version == NULL || version == target)
        return bad(head, 400, "the request line is malformed");
    if ((size_t)(version - target) > limits->target_bytes)
        return bad(head, 414, "the target is too long");
    version++;
    if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.' ||
        version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9')
        return bad(head, 400, "the request line is malformed");
    // The preface of HTTP/2 has a version of its own: it isn't a request at all.
    if (is_word(line, method_len, "PRI") || is_word(line, method_len, "CONNECT"))
        return bad(head, 400, "this is an HTTP/1.1 server and no proxy");
    if (version[5] != '1' || version[7] > '1')
        return bad(head, 505, "only HTTP/1.1 is spoken here");
    head->is_http_1_0 = version[7] == '0';
    for (i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strlen(methods[i].name) == method_len && memcmp(methods[i].name, line, method_len) == 0)
            break;
    if (i == sizeof methods / sizeof methods[0])
        return bad(head, 501, "the method isn't known");
    head->method = methods[i].method;
    return read_target(head, data, target, (size_t)(version - 1 - target));
}

// RFC 9110 7.6.1: a list of tokens.
static void note_connection(struct http_head *head, const char *value, size_t len)
{
    const char *end = value + len;

    while (value < end) {
        const char *comma = memchr(value, ',', (size_t)(end - value));
        const char *word_end = comma == NULL ? end : comma, *next = word_end + 1;

        while (value < word_end && (*value == ' ' || *value == '\t'))
            value++;
        while (word_end > value && (word_end[-1] == ' ' || word_end[-1] == '\t'))
            word_end--;
        if (is_word(value, (size_t)(word_end - value), "close"))
            head->is_last = true;
        if (is_word(value, (size_t)(word_end - value), "upgrade"))
            head->asks_upgrade = true;
        value = next;
    }
}

// What the server itself must know. Names are told apart by their length first.
static enum http_head_result note_field(struct http_head *head, const struct http_field *field,
                                        const char *name, const char *value)
{
    size_t len = field->value_len;

    // Some readers take any name that begins with this for it.
    if (field->name_len >= 17 && strncasecmp(name, "transfer-encoding", 17) == 0)
        head->has_encoding = true;
    switch (field->name_len) {
    case 4:
        if (!is_word(name, 4, "host"))
            break;
        if (head->has_host)
            return bad(head, 400, "there is more than one Host");
        if (!is_host(value, len))
            return bad(head, 400, "the Host is malformed");
        head->has_host = true;
        break;
    case 6:
        if (is_word(name, 6, "expect") && is_word(value, len, "100-continue"))
            head->expects_continue = true;
        break;
    case 10:
        if (is_word(name, 10, "connection"))
            note_connection(head, value, len);
        break;
    case 14:
        if (!is_word(name, 14, "content-length"))
            break;
        if (head->content_length >= 0)
            return bad(head, 400, "there is more than one Content-Length");
        if (len == 0 || len > 18)
            return bad(head, 400, "the Content-Length isn't a number");
        head->content_length = 0;
        for (size_t i = 0; i < len; i++) {
            if (value[i] < '0' || value[i] > '9')
                return bad(head, 400, "the Content-Length isn't a number");
            head->content_length = head->content_length * 10 + (value[i] - '0');
        }
        // Not every reader takes a tab for white space here.
        for (value += len; *value != '\r'; value++)
            if (*value == '\t')
                return bad(head, 400, "the Content-Length isn't a number");
        break;
    case 17:
        if (!is_word(name, 17, "transfer-encoding"))
            break;
        if (head->is_chunked || !is_word(value, len, "chunked"))
            return bad(head, 400, "the Transfer-Encoding isn't chunked");
        head->is_chunked = true;
        break;
    }
    return HTTP_HEAD_MORE;
}

static enum http_head_result read_field(struct http_head *head, const char *data, const char *line,
                                        size_t len, const struct http_head_limits *limits)
{
    const char *end = line + len, *colon, *value;
    struct http_field *field;

    if (*line == ' ' || *line == '\t')
        return bad(head, 400, "a header is folded");
    colon = memchr(line, ':', len);
    if (colon == NULL || !is_token(line, (size_t)(colon - line)))
        return bad(head, 400, "a header's name is malformed");
    for (value = colon + 1; value < end; value++) {
        unsigned char c = (unsigned char)*value;

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return bad(head, 400, "a header has a control character");
    }
    if (head->count >= limits->header_count)
        return bad(head, 431, "there are too many headers");
    if (head->count == head->cap) {
        head->cap = head->cap == 0 ? 16 : head->cap * 2;
        head->fields = mem_resize(head->fields, head->cap * sizeof *head->fields);
    }
    for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
        ;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    field = &head->fields[head->count++];
    *field = (struct http_field){
        .name = (uint32_t)(line - data),
        .name_len = (uint32_t)(colon - line),
        .value = (uint32_t)(value - data),
        .value_len = (uint32_t)(end - value),
    };
    return note_field(head, field, line, value);
}

// Each line is fine: do they make sense together?
static enum http_head_result conclude(struct http_head *head, char *data)
{
    const char *upgrade;
    unsigned times;

    if (!head->has_host && !head->is_http_1_0)
        return bad(head, 400, "there is no Host");
    if (head->has_encoding && head->content_length >= 0)
        return bad(head, 400, "there is a Content-Length with a Transfer-Encoding");
    if (head->is_chunked && head->is_http_1_0)
        return bad(head, 400, "HTTP/1.0 has no Transfer-Encoding");

    head->keeps_alive = !head->is_http_1_0 && !head->is_last;
    for (unsigned i = 0; i < head->count; i++) {
        struct http_field *field = &head->fields[i];
        char *end = data + field->value + field->value_len;

        field->after = *end;
        *end = '\0';
        if (field->name_len == 12 && is_word(data + field->name, 12, "x-request-id"))
            head->request_id = field;
    }
    if (head->asks_upgrade && head->method == HTTP_GET_ && !head->is_http_1_0) {
        upgrade = http_head_value(head, data, "upgrade", &times);
        head->wants_websocket = upgrade != NULL && strcasecmp(upgrade, "websocket") == 0;
    }
    return HTTP_HEAD_DONE;
}

// What is too long already, though the end of the head hasn't come.
static enum http_head_result check_unfinished(struct http_head *head, const char *data, size_t len,
                                              const struct http_head_limits *limits)
{
    const char *line = data + head->line;
    size_t line_len = len - head->line;

    if (head->fields_at != 0)
        return len - head->fields_at > limits->header_bytes
                   ? bad(head, 431, "the headers are too long")
                   : HTTP_HEAD_MORE;
    if (line_len > MAX_METHOD_BYTES && memchr(line, ' ', MAX_METHOD_BYTES + 1) == NULL)
        return bad(head, 400, "the request line is malformed");
    if (line_len > limits->target_bytes + MAX_METHOD_BYTES + sizeof " HTTP/1.1\r")
        return bad(head, 414, "the target is too long");
    return HTTP_HEAD_MORE;
}

enum http_head_result http_head_read(struct http_head *head, char *data, size_t len,
                                     const struct http_head_limits *limits)
{
    for (;;) {
        const char *line = data + head->line;
        const char *lf = memchr(data + head->looked, '\n', len - head->looked);
        enum http_head_result result;
        size_t line_len;

        if (lf == NULL) {
            head->looked = len;
            return check_unfinished(head, data, len, limits);
        }
        if (lf == line || lf[-1] != '\r')
            return bad(head, 400, "a line ends without CR");
        line_len = (size_t)(lf - 1 - line);
        if (memchr(line, '\r', line_len) != NULL)
            return bad(head, 400, "there is a CR within a line");
        head->line = head->looked = (size_t)(lf + 1 - data);

        if (head->fields_at == 0) {
            // One empty line before a request is forgiven: RFC 9112 2.2.
            if (line_len == 0 && line == data)
                continue;
            if (line_len == 0)
                return bad(head, 400, "the request line is malformed");
            result = read_request_line(head, data, line, line_len, limits);
            if (result == HTTP_HEAD_BAD)
                return result;
            head->fields_at = head->line;
            continue;
        }
        if (head->line - head->fields_at > limits->header_bytes)
            return bad(head, 431, "the headers are too long");
        if (line_len == 0) {
            head->bytes = head->line;
            return conclude(head, data);
        }
        if (read_field(head, data, line, line_len, limits) == HTTP_HEAD_BAD)
            return HTTP_HEAD_BAD;
    }
}

bool http_head_path(const struct http_head *head, const char *data, struct buf *path)
{
    const char *from = data + head->target, *end = from + head->path_len;
    char *to, *segment;

    buf_reset(path);
    buf_reserve(path, head->path_len);
    to = path->data;
    while (from < end) {
        if (*from == '%') {
            int high = end - from > 2 ? text_hex(from[1]) : -1;
            int low = high >= 0 ? text_hex(from[2]) : -1;

            if (low < 0 || (high == 0 && low == 0))
                return false;
            *to++ = (char)(high * 16 + low);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    path->len = (size_t)(to - path->data);
    for (segment = path->data; segment != NULL; segment = strchr(segment, '/')) {
        size_t dots;

        segment++; // past the slash: a path begins with one
        dots = strspn(segment, ".");
        if ((dots == 1 || dots == 2) && (segment[dots] == '/' || segment[dots] == '\0'))
            return false;
    }
    return true;
}

void http_head_restore(struct http_head *head, char *data)
{
    for (unsigned i = 0; i < head->count; i++)
        data[head->fields[i].value + head->fields[i].value_len] = head->fields[i].after;
}

static bool is_field(const struct http_field *field, const char *data, const char *name, size_t len)
{
    return field->name_len == len && strncasecmp(data + field->name, name, len) == 0;
}

const char *http_head_value(const struct http_head *head, const char *data, const char *name,
                            unsigned *times)
{
    size_t len = strlen(name);
    const char *value = NULL;

    *times = 0;
    for (unsigned i = 0; i < head->count; i++) {
        if (!is_field(&head->fields[i], data, name, len))
            continue;
        value = data + head->fields[i].value;
        ++*times;
    }
    return *times == 1 ? value : NULL;
}

const char *http_head_line(const struct http_head *head, const char *data, const char *name,
                           unsigned number)
{
    size_t len = strlen(name);

    for (unsigned i = 0; i < head->count; i++)
        if (is_field(&head->fields[i], data, name, len) && number-- == 0)
            return data + head->fields[i].value;
    return NULL;
}

void http_head_reset(struct http_head *head)
{
    struct http_field *fields = head->fields;
    unsigned cap = head->cap;

    *head = (struct http_head){.content_length = -1, .fields = fields, .cap = cap};
}

void http_head_clear(struct http_head *head)
{
    free(head->fields);
    *head = (struct http_head){.content_length = -1};
}
