// Writes multipart/form-data.
#include "core/message/multipart_write.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/message/http_message.h"
#include "core/message/multipart.h"

// Beside a part's bytes: its boundary, the names of its headers, and line ends.
enum { HEAD_BYTES = 512 };

void multipart_write_begin(struct multipart_write *form, struct http_request *request)
{
    *form = (struct multipart_write){.request = request};
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

// `filename`, `content_type`: NULL: it has no such line.
static void begin_part(struct multipart_write *form, const char *name, const char *filename,
                       const char *content_type)
{
    struct buf *body = &form->request->body;
    size_t at;

    buf_fmt(body, "--%s\r\nContent-Disposition: form-data; name=", form->boundary);
    at = body->len + 2; // with the quotes
    add_name(body, name);
    form->is_wrong = form->is_wrong || ++form->count > MULTIPART_PARTS_MAX || body->len == at ||
                     body->len - at > MULTIPART_NAME_BYTES_MAX;
    if (filename != NULL) {
        buf_str(body, "; filename=");
        add_name(body, filename);
    }
    if (content_type != NULL)
        buf_fmt(body, "\r\nContent-Type: %s", content_type);
    buf_str(body, "\r\n\r\n");
}

static void add_part(struct multipart_write *form, const char *name, const char *filename,
                     const char *content_type, const void *data, size_t len)
{
    struct buf *body = &form->request->body;

    buf_reserve(body, len + HEAD_BYTES);
    begin_part(form, name, filename, content_type);
    buf_add(body, data, len);
    buf_str(body, "\r\n");
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

void multipart_write_gap(struct multipart_write *form, const char *name, const char *filename,
                         const char *content_type, size_t file, int64_t bytes)
{
    struct http_request *request = form->request;
    size_t size = (request->gap_count + 1) * sizeof *request->gaps;

    begin_part(form, name, filename, content_type);
    request->gaps = mem_resize(request->gaps, size);
    request->gaps[request->gap_count++] =
        (struct http_gap){.at = request->body.len, .file = file, .bytes = bytes};
    buf_str(&request->body, "\r\n");
}

void multipart_write_end(struct multipart_write *form)
{
    buf_fmt(&form->request->body, "--%s--\r\n", form->boundary);
}

void multipart_write_type(const struct multipart_write *form, struct buf *type)
{
    buf_fmt(type, "multipart/form-data; boundary=%s", form->boundary);
}
