// Reads multipart/form-data.
#include "core/message/multipart.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// RFC 9110's token.
static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

// RFC 2046's bchars. A space is one of them, but nobody sends it, and it would have to be quoted.
static bool is_boundary_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("'()+_,-./:=?", c) != NULL);
}

static void drop_front(struct multipart_text *text, size_t len)
{
    text->data += len;
    text->len -= len;
}

static void skip_blanks(struct multipart_text *text)
{
    while (text->len > 0 && is_blank(*text->data))
        drop_front(text, 1);
}

// A prefix of token characters, perhaps an empty one.
static struct multipart_text take_token(struct multipart_text *text)
{
    struct multipart_text token = {text->data, 0};

    while (token.len < text->len && is_token_char(text->data[token.len]))
        token.len++;
    drop_front(text, token.len);
    return token;
}

static bool is_word(struct multipart_text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

// A parameter's value: everything up to a blank or a semicolon, or what is in quotes. Escapes in
// the quotes stay as they are.
static bool take_value(struct multipart_text *text, struct multipart_text *value)
{
    *value = *text;
    if (text->len == 0 || *text->data != '"') {
        for (value->len = 0; value->len < text->len; value->len++) {
            char c = text->data[value->len];

            if (is_blank(c) || c == ';')
                break;
            if (c == '"')
                return false;
        }
        drop_front(text, value->len);
        return value->len > 0;
    }
    drop_front(text, 1);
    value->data = text->data;
    for (; text->len > 0 && *text->data != '"'; drop_front(text, 1)) {
        bool is_escape =
            *text->data == '\\' && text->len > 1 && (text->data[1] == '"' || text->data[1] == '\\');

        if (is_escape)
            drop_front(text, 1);
    }
    if (text->len == 0)
        return false;
    value->len = (size_t)(text->data - value->data);
    drop_front(text, 1);
    return true;
}

// Takes "; name=value" from the front. At the end, and for an empty parameter, the name is empty.
static bool take_parameter(struct multipart_text *text, struct multipart_text *name,
                           struct multipart_text *value)
{
    *name = *value = (struct multipart_text){0};
    skip_blanks(text);
    if (text->len == 0)
        return true;
    if (*text->data != ';')
        return false;
    drop_front(text, 1);
    skip_blanks(text);
    if (text->len == 0 || *text->data == ';')
        return true;
    *name = take_token(text);
    if (name->len == 0 || text->len == 0 || *text->data != '=')
        return false;
    drop_front(text, 1);
    return take_value(text, value);
}

// Leaves the parameters in `parameters`.
static bool read_media_type(const char *content_type, struct multipart_text *parameters)
{
    static const char form[] = "multipart/form-data";
    const size_t len = sizeof form - 1;

    if (content_type == NULL || strncasecmp(content_type, form, len) != 0 ||
        (content_type[len] != '\0' && content_type[len] != ';' && !is_blank(content_type[len])))
        return false;
    *parameters = (struct multipart_text){content_type + len, strlen(content_type + len)};
    return true;
}

bool multipart_is_form(const char *content_type)
{
    struct multipart_text parameters;

    return read_media_type(content_type, &parameters);
}

static bool set_delimiter(struct multipart_delimiter *delimiter, struct multipart_text boundary,
                          struct err *err)
{
    if (boundary.len == 0)
        return err_set(err, ERR_INVALID, "Content-Type: the boundary is empty");
    if (boundary.len > MULTIPART_BOUNDARY_BYTES_MAX)
        return err_set(err, ERR_INVALID, "Content-Type: the boundary is longer than %d bytes",
                       MULTIPART_BOUNDARY_BYTES_MAX);
    for (size_t i = 0; i < boundary.len; i++)
        if (!is_boundary_char(boundary.data[i]))
            return err_set(err, ERR_INVALID,
                           "Content-Type: the boundary has a character it must not have");
    memcpy(delimiter->text, "\r\n--", 4);
    memcpy(delimiter->text + 4, boundary.data, boundary.len);
    delimiter->len = 4 + boundary.len;
    return true;
}

static bool read_content_type(const char *content_type, struct multipart_delimiter *delimiter,
                              struct err *err)
{
    struct multipart_text text, name, value, boundary = {0};

    if (!read_media_type(content_type, &text))
        return err_set(err, ERR_INVALID, "Content-Type: must be multipart/form-data");
    while (text.len > 0) {
        if (!take_parameter(&text, &name, &value))
            return err_set(err, ERR_INVALID, "Content-Type: malformed parameters");
        if (!is_word(name, "boundary"))
            continue;
        if (boundary.data != NULL)
            return err_set(err, ERR_INVALID, "Content-Type: more than one boundary");
        boundary = value;
    }
    if (boundary.data == NULL)
        return err_set(err, ERR_INVALID, "Content-Type: the boundary is missing");
    return set_delimiter(delimiter, boundary, err);
}

static bool set_once(struct multipart_text *slot, struct multipart_text value, const char *what,
                     struct err *err)
{
    if (slot->data != NULL)
        return err_set(err, ERR_INVALID, "more than one %s", what);
    *slot = value;
    return true;
}

static bool read_disposition(struct multipart_text text, struct multipart_part *part,
                             struct err *err)
{
    struct multipart_text name, value;

    if (part->name.data != NULL)
        return err_set(err, ERR_INVALID, "more than one Content-Disposition");
    if (!is_word(take_token(&text), "form-data"))
        return err_set(err, ERR_INVALID, "Content-Disposition: must be form-data");
    while (text.len > 0) {
        if (!take_parameter(&text, &name, &value))
            return err_set(err, ERR_INVALID, "Content-Disposition: malformed parameters");
        if (is_word(name, "filename*"))
            return err_set(err, ERR_INVALID,
                           "Content-Disposition: filename* isn't allowed in a form");
        if (is_word(name, "name") && !set_once(&part->name, value, "name", err))
            return false;
        if (is_word(name, "filename") && !set_once(&part->filename, value, "filename", err))
            return false;
    }
    if (part->name.len == 0)
        return err_set(err, ERR_INVALID, "Content-Disposition: name is missing or empty");
    if (part->name.len > MULTIPART_NAME_BYTES_MAX)
        return err_set(err, ERR_INVALID, "Content-Disposition: name is longer than %d bytes",
                       MULTIPART_NAME_BYTES_MAX);
    return true;
}

static bool read_header(struct multipart_text line, struct multipart_part *part, struct err *err)
{
    struct multipart_text name = take_token(&line);

    if (name.len == 0 || line.len == 0 || *line.data != ':')
        return err_set(err, ERR_INVALID, "a header without a name");
    drop_front(&line, 1);
    skip_blanks(&line);
    while (line.len > 0 && is_blank(line.data[line.len - 1]))
        line.len--;
    if (is_word(name, "content-disposition"))
        return read_disposition(line, part, err);
    if (is_word(name, "content-type"))
        return set_once(&part->content_type, line, "Content-Type", err);
    if (is_word(name, "content-transfer-encoding") && !is_word(line, "binary") &&
        !is_word(line, "8bit") && !is_word(line, "7bit"))
        return err_set(err, ERR_INVALID, "Content-Transfer-Encoding isn't supported");
    return true;
}

// The line at the front of `rest`, without its end.
static bool take_line(struct multipart_text *rest, struct multipart_text *line, struct err *err)
{
    const char *end = memchr(rest->data, '\n', rest->len);

    if (end == NULL)
        return err_set(err, ERR_INVALID, "headers without an end, or longer than %d bytes",
                       MULTIPART_HEADER_BYTES_MAX);
    *line = (struct multipart_text){rest->data, (size_t)(end - rest->data)};
    if (line->len == 0 || line->data[line->len - 1] != '\r')
        return err_set(err, ERR_INVALID, "a header line ends with LF alone");
    drop_front(rest, line->len + 1);
    line->len--;
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->data[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return err_set(err, ERR_INVALID, "a control character in a header");
    }
    return true;
}

// Takes a part's headers, up to and with the blank line.
static bool take_headers(struct multipart_text *rest, struct multipart_part *part, struct err *err)
{
    struct multipart_text block = *rest, line = {0};

    if (block.len > MULTIPART_HEADER_BYTES_MAX)
        block.len = MULTIPART_HEADER_BYTES_MAX;
    for (;;) {
        if (!take_line(&block, &line, err))
            return false;
        if (line.len == 0)
            break;
        if (!read_header(line, part, err))
            return false;
    }
    drop_front(rest, (size_t)(block.data - rest->data));
    return part->name.data != NULL || err_set(err, ERR_INVALID, "Content-Disposition is missing");
}

// Takes a part and the delimiter behind it.
static bool take_part(struct multipart_text *rest, const struct multipart_delimiter *delimiter,
                      struct multipart_part *part, struct err *err)
{
    const char *end;

    *part = (struct multipart_part){0};
    if (!take_headers(rest, part, err))
        return false;
    // The search begins with the blank line's CRLF: a delimiter that begins there is one to some
    // readers, data to others.
    end = memmem(rest->data - 2, rest->len + 2, delimiter->text, delimiter->len);
    if (end == NULL)
        return err_set(err, ERR_INVALID, "has no boundary behind it");
    if (end < rest->data)
        return err_set(err, ERR_INVALID, "begins with a boundary");
    part->data = (struct multipart_text){rest->data, (size_t)(end - rest->data)};
    drop_front(rest, part->data.len + delimiter->len);
    return true;
}

static bool begins_with(struct multipart_text text, const char *prefix, size_t len)
{
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

bool multipart_parse(const char *content_type, const char *body, size_t len, struct multipart *form,
                     struct err *err)
{
    struct multipart_text rest = {body, len};
    struct multipart_delimiter delimiter = {0};

    form->count = 0;
    if (!read_content_type(content_type, &delimiter, err))
        return false;
    if (!begins_with(rest, delimiter.text + 2, delimiter.len - 2))
        return err_set(err, ERR_INVALID, "body: doesn't begin with the boundary");
    drop_front(&rest, delimiter.len - 2);
    while (begins_with(rest, "\r\n", 2)) {
        drop_front(&rest, 2);
        if (form->count == MULTIPART_PARTS_MAX)
            return err_set(err, ERR_INVALID, "body: more than %d parts", MULTIPART_PARTS_MAX);
        if (!take_part(&rest, &delimiter, &form->parts[form->count], err))
            return err_wrap(err, "body: part %zu", form->count + 1);
        form->count++;
    }
    if (!begins_with(rest, "--", 2))
        return err_set(err, ERR_INVALID,
                       "body: ends without a last boundary, or has something behind a boundary");
    drop_front(&rest, 2);
    if (rest.len > 0 && (rest.len != 2 || !begins_with(rest, "\r\n", 2)))
        return err_set(err, ERR_INVALID, "body: has something behind the last boundary");
    return true;
}

bool multipart_text_is(struct multipart_text text, const char *expected)
{
    return text.data != NULL && text.len == strlen(expected) &&
           memcmp(text.data, expected, text.len) == 0;
}

// In pieces.

enum { AT_START, BEHIND_DELIMITER, IN_HEADERS, BEFORE_DATA, IN_DATA, BEHIND_END, OVER };

bool multipart_stream_begin(struct multipart_stream *stream, const char *content_type,
                            struct err *err)
{
    *stream = (struct multipart_stream){0};
    return read_content_type(content_type, &stream->delimiter, err);
}

void multipart_stream_clear(struct multipart_stream *stream)
{
    buf_clear(&stream->held);
    buf_clear(&stream->head);
}

void multipart_stream_feed(struct multipart_stream *stream, const char *piece, size_t len)
{
    buf_consume(&stream->held, stream->at);
    stream->at = 0;
    stream->is_all = len == 0;
    buf_add(&stream->held, piece, len);
}

static struct multipart_text unread(const struct multipart_stream *stream)
{
    return (struct multipart_text){buf_text(&stream->held) + stream->at,
                                   stream->held.len - stream->at};
}

static enum multipart_event bad(struct err *err, const char *why)
{
    err_set(err, ERR_INVALID, "body: %s", why);
    return MULTIPART_BAD;
}

static enum multipart_event read_start(struct multipart_stream *stream, struct err *err)
{
    const struct multipart_delimiter *delimiter = &stream->delimiter;
    struct multipart_text rest = unread(stream);

    if (rest.len < delimiter->len - 2 && !stream->is_all)
        return MULTIPART_MORE;
    if (!begins_with(rest, delimiter->text + 2, delimiter->len - 2))
        return bad(err, "doesn't begin with the boundary");
    stream->at += delimiter->len - 2;
    stream->state = BEHIND_DELIMITER;
    return multipart_stream_next(stream, err);
}

static enum multipart_event read_delimiter_end(struct multipart_stream *stream, struct err *err)
{
    struct multipart_text rest = unread(stream);

    if (rest.len < 2 && !stream->is_all)
        return MULTIPART_MORE;
    if (begins_with(rest, "\r\n", 2))
        stream->state = IN_HEADERS;
    else if (begins_with(rest, "--", 2))
        stream->state = BEHIND_END;
    else
        return bad(err, "ends without a last boundary, or has something behind a boundary");
    stream->at += 2;
    if (stream->state == IN_HEADERS && stream->count++ == MULTIPART_PARTS_MAX) {
        err_set(err, ERR_INVALID, "body: more than %d parts", MULTIPART_PARTS_MAX);
        return MULTIPART_BAD;
    }
    return multipart_stream_next(stream, err);
}

static enum multipart_event read_headers(struct multipart_stream *stream, struct err *err)
{
    struct multipart_text rest = unread(stream);

    if (rest.len < MULTIPART_HEADER_BYTES_MAX && !stream->is_all &&
        memmem(rest.data, rest.len, "\r\n\r\n", 4) == NULL)
        return MULTIPART_MORE;
    if (rest.len > MULTIPART_HEADER_BYTES_MAX)
        rest.len = MULTIPART_HEADER_BYTES_MAX;
    buf_reset(&stream->head);
    buf_add(&stream->head, rest.data, rest.len);
    rest.data = buf_text(&stream->head);
    stream->part = (struct multipart_part){0};
    if (!take_headers(&rest, &stream->part, err)) {
        err_wrap(err, "body: part %zu", stream->count);
        return MULTIPART_BAD;
    }
    stream->at += stream->head.len - rest.len;
    stream->at -= 2; // a delimiter may begin with the blank line's end
    stream->state = BEFORE_DATA;
    return MULTIPART_PART;
}

static enum multipart_event read_data(struct multipart_stream *stream, struct err *err)
{
    const struct multipart_delimiter *delimiter = &stream->delimiter;
    struct multipart_text rest = unread(stream);
    size_t skip = stream->state == BEFORE_DATA ? 2 : 0, len;
    const char *end = memmem(rest.data, rest.len, delimiter->text, delimiter->len);

    if (end == NULL && stream->is_all)
        return bad(err, "has no boundary behind its last part");
    if (end == rest.data && skip > 0)
        return bad(err, "a part begins with a boundary");
    if (end == NULL && rest.len < delimiter->len + skip)
        return MULTIPART_MORE;
    len = end == NULL ? rest.len - delimiter->len + 1 : (size_t)(end - rest.data);
    if (len > skip) {
        stream->data = (struct multipart_text){rest.data + skip, len - skip};
        stream->at += len;
        stream->state = IN_DATA;
        return MULTIPART_DATA;
    }
    stream->at += len + delimiter->len;
    stream->state = BEHIND_DELIMITER;
    return MULTIPART_PART_END;
}

static enum multipart_event read_end(struct multipart_stream *stream, struct err *err)
{
    struct multipart_text rest = unread(stream);

    if (!stream->is_all && rest.len <= 2)
        return MULTIPART_MORE;
    if (rest.len > 0 && (rest.len != 2 || !begins_with(rest, "\r\n", 2)))
        return bad(err, "has something behind the last boundary");
    stream->state = OVER;
    return MULTIPART_END;
}

enum multipart_event multipart_stream_next(struct multipart_stream *stream, struct err *err)
{
    static enum multipart_event (*const reads[])(struct multipart_stream *, struct err *) = {
        [AT_START] = read_start,     [BEHIND_DELIMITER] = read_delimiter_end,
        [IN_HEADERS] = read_headers, [BEFORE_DATA] = read_data,
        [IN_DATA] = read_data,       [BEHIND_END] = read_end,
    };

    return stream->state == OVER ? MULTIPART_END : reads[stream->state](stream, err);
}
