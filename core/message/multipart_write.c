// Writes multipart/form-data.
#include "core/message/multipart_write.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/message/multipart.h"

// Beside a part's bytes: its boundary, the names of its headers, and line ends.
enum { HEAD_BYTES = 512 };

void multipart_write_begin(struct multipart_write *form, struct buf *body)
{
    *form = (struct multipart_write){.body = body};
    id_random_hex(form->boundary, MULTIPART_WRITE_BOUNDARY_CHARS);
}

// What would end a name in quotes, or its line, is written as browsers write it; other control
// characters and a backslash, too, which readers understand differently.
static void add_name(struct buf *body, const char *name)
{
    buf_char(body, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\' || (unsigned char)*name < 0x20 || *name == 0x7f)
            buf_fmt(body, "%%%02X", (unsigned)(unsigned char)*name);
        else
            buf_char(body, *name);
    }
    buf_char(body, '"');
}

// NULL: it has no such line.
static void add_part(struct multipart_write *form, const char *name, const char *filename,
                     const char *content_type, const void *data, size_t len)
{
    size_t at;

    buf_reserve(form->body, len + HEAD_BYTES);
    buf_fmt(form->body, "--%s\r\nContent-Disposition: form-data; name=", form->boundary);
    at = form->body->len + 2; // with the quotes
    add_name(form->body, name);
    form->is_wrong = form->is_wrong || ++form->count > MULTIPART_PARTS_MAX ||
                     form->body->len == at || form->body->len - at > MULTIPART_NAME_BYTES_MAX;
    if (filename != NULL) {
        buf_str(form->body, "; filename=");
        add_name(form->body, filename);
    }
    if (content_type != NULL)
        buf_fmt(form->body, "\r\nContent-Type: %s", content_type);
    buf_str(form->body, "\r\n\r\n");
    buf_add(form->body, data, len);
    buf_str(form->body, "\r\n");
}

void multipart_write_text(struct multipart_write *form, const char *name, const char *text)
{
    add_part(form, name, NULL, NULL, text, strlen(text));
}

void multipart_write_json(struct multipart_write *form, const char *name, const char *text)
{
    add_part(form, name, NULL, "application/json", text, strlen(text));
}

void multipart_write_file(struct multipart_write *form, const char *name, const char *filename,
                          const char *content_type, const void *data, size_t len)
{
    add_part(form, name, filename, content_type, data, len);
}

void multipart_write_end(struct multipart_write *form)
{
    buf_fmt(form->body, "--%s--\r\n", form->boundary);
}

void multipart_write_type(const struct multipart_write *form, struct buf *type)
{
    buf_fmt(type, "multipart/form-data; boundary=%s", form->boundary);
}
