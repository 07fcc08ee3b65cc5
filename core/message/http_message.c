// HTTP messages: building requests, reading answers.
#include "core/message/http_message.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/address.h"
#include "core/base/mem.h"
#include "core/json/json_fast.h"
#include "core/json/json_lenient.h"
#include "core/json/json_write.h"
#include "core/message/multipart.h"
#include "core/message/multipart_write.h"

enum { WAIT_DIGITS_MAX = 9, WAIT_MAX_MS = 3600 * 1000 };

void http_request_clear(struct http_request *request)
{
    free(request->url);
    buf_clear(&request->headers);
    buf_clear(&request->body);
    free(request->gaps);
    *request = (struct http_request){0};
}

void http_response_clear(struct http_response *response)
{
    buf_clear(&response->headers);
    buf_clear(&response->body);
    *response = (struct http_response){0};
}

static void set_url(struct http_request *request, const char *base_url, const char *path,
                    va_list args)
{
    struct buf url = {0};

    buf_str(&url, base_url);
    for (; *path != '\0'; path++) {
        if (*path != '%') {
            buf_char(&url, *path);
            continue;
        }
        path++;
        if (*path == 's')
            buf_percent(&url, va_arg(args, const char *));
        else if (*path == 'd')
            buf_int(&url, va_arg(args, int));
        else
            buf_char(&url, *path);
    }
    free(request->url);
    request->url = buf_take(&url);
}

bool http_get(struct http_request *request, const char *base_url, struct err *err, const char *path,
              ...)
{
    va_list args;

    if (base_url == NULL || *base_url == '\0')
        return err_set(err, ERR_CONFIG, "base_url is empty");
    request->method = HTTP_GET_;
    va_start(args, path);
    set_url(request, base_url, path, args);
    va_end(args);
    return true;
}

bool http_post_json(struct http_request *request, const char *base_url, json_t *body,
                    struct err *err, const char *path, ...)
{
    va_list args;
    char *text;

    if (base_url == NULL || *base_url == '\0') {
        json_decref(body);
        return err_set(err, ERR_CONFIG, "base_url is empty");
    }
    text = json_write_text(body);
    json_decref(body);
    if (text == NULL)
        return err_set(err, ERR_INTERNAL, "the request can't be written as JSON");
    request->method = HTTP_POST_;
    va_start(args, path);
    set_url(request, base_url, path, args);
    va_end(args);
    buf_reset(&request->body);
    buf_str(&request->body, text);
    free(text);
    http_add_header(request, "Content-Type", "application/json");
    return true;
}

bool http_post_form(struct http_request *request, const char *base_url,
                    const struct multipart_write *form, struct err *err, const char *path, ...)
{
    struct buf type = {0};
    va_list args;

    if (base_url == NULL || *base_url == '\0')
        return err_set(err, ERR_CONFIG, "base_url is empty");
    if (form->is_wrong)
        return err_set(err, ERR_INVALID,
                       "a form has at most %d fields, with names of 1 to %d bytes",
                       MULTIPART_PARTS_MAX, MULTIPART_NAME_BYTES_MAX);
    request->method = HTTP_POST_;
    va_start(args, path);
    set_url(request, base_url, path, args);
    va_end(args);
    multipart_write_type(form, &type);
    http_add_header(request, "Content-Type", type.data);
    buf_clear(&type);
    return true;
}

int64_t http_body_bytes(const struct http_request *request)
{
    int64_t bytes = (int64_t)request->body.len;

    for (size_t i = 0; i < request->gap_count; i++)
        bytes += request->gaps[i].bytes;
    return bytes;
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    buf_fmt(&request->headers, "%s: %s\n", name, value);
}

void http_add_bearer(struct http_request *request, const char *token)
{
    buf_fmt(&request->headers, "Authorization: Bearer %s\n", token);
}

static void add_answer_header(struct buf *headers, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon == NULL ? 0 : (size_t)(colon - line);
    size_t start = headers->len;

    if (name_len == 0)
        return;
    buf_add(headers, line, name_len);
    for (char *c = headers->data + start; c < headers->data + headers->len; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    buf_add(headers, ": ", 2);
    line += name_len + 1;
    len -= name_len + 1;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && (unsigned char)line[len - 1] <= ' ')
        len--;
    buf_add(headers, line, len);
    for (char *c = headers->data + start; c < headers->data + headers->len; c++)
        if ((unsigned char)*c < ' ' && *c != '\t')
            *c = ' ';
    buf_char(headers, '\n');
}

void http_response_add_line(struct http_response *response, const char *line, size_t len)
{
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        const char *space = memchr(line, ' ', len);

        // The status line also comes after a 1xx, whose headers nobody wants.
        response->status = 0;
        buf_reset(&response->headers);
        for (const char *c = space; c != NULL && ++c < line + len && *c >= '0' && *c <= '9';)
            response->status = (response->status * 10 + (*c - '0')) % 10000;
    } else if (line[0] == '\r' || line[0] == '\n') {
        response->is_head_complete = response->status >= 200;
    } else {
        add_answer_header(&response->headers, line, len);
    }
}

const char *http_header(const struct http_response *response, const char *name, struct buf *scratch)
{
    const char *line = buf_text(&response->headers);
    size_t name_len = strlen(name);

    for (; *line != '\0'; line++) {
        const char *end = strchr(line, '\n');

        if (end == NULL)
            end = line + strlen(line);
        if (strncmp(line, name, name_len) == 0 && line[name_len] == ':') {
            line += name_len + 1;
            while (*line == ' ' || *line == '\t')
                line++;
            buf_reset(scratch);
            buf_add(scratch, line, (size_t)(end - line));
            return scratch->data;
        }
        if (*end == '\0')
            break;
        line = end;
    }
    return NULL;
}

int64_t http_header_number(const struct http_response *response, const char *name,
                           const char *prefix)
{
    struct buf scratch = {0};
    const char *value = http_header(response, name, &scratch);
    int64_t number = -1;

    if (value != NULL && strncmp(value, prefix, strlen(prefix)) == 0) {
        char *end;

        value += strlen(prefix);
        number = strtoll(value, &end, 10);
        if (end == value)
            number = -1;
    }
    buf_clear(&scratch);
    return number;
}

// A date in HTTP's present form, that of RFC 850 or that of asctime, in Unix milliseconds; -1 for
// anything else.
static int64_t read_date_ms(const char *text)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);

        if (end != NULL && *end == '\0')
            return (int64_t)timegm(&parts) * 1000;
    }
    return -1;
}

int64_t http_read_wait_ms(const char *text, int64_t now_wall_ms)
{
    size_t digits = strspn(text, "0123456789");
    int64_t ms = 0;

    if (digits > 0 && (text[digits] == '\0' || text[digits] == '.')) {
        for (size_t i = 0; i < digits && i < WAIT_DIGITS_MAX; i++)
            ms = ms * 10 + (text[i] - '0');
        return ms * 1000; // the digits of a longer number that fit are far more than we ever wait
    }
    ms = read_date_ms(text);
    return ms < 0 || now_wall_ms < 0 ? -1 : ms < now_wall_ms ? 0 : ms - now_wall_ms;
}

int64_t http_retry_after_ms(const struct http_response *response)
{
    struct buf scratch = {0};
    const char *date = http_header(response, "date", &scratch), *value;
    int64_t now_ms = date == NULL ? -1 : read_date_ms(date), ms;

    value = http_header(response, "retry-after", &scratch);
    ms = value == NULL ? 0 : http_read_wait_ms(value, now_ms);
    buf_clear(&scratch);
    return ms < 0 ? 0 : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
}

bool http_redirect(const struct http_response *response, const char *url, struct buf *to)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    struct buf scratch = {0};
    const char *location = http_header(response, "location", &scratch);
    bool is = false;

    for (size_t i = 0; location != NULL && i < sizeof statuses / sizeof statuses[0]; i++)
        is = is || response->status == statuses[i];
    is = is && url_redirect(url, location, to);
    buf_clear(&scratch);
    return is;
}

json_t *http_json(const struct http_response *response, struct err *err)
{
    json_error_t why;
    json_t *json = json_fast_read(buf_text(&response->body), response->body.len);

    if (json == NULL)
        json = json_loadb(buf_text(&response->body), response->body.len, JSON_DECODE_ANY, &why);
    if (json == NULL)
        json = json_lenient_read(buf_text(&response->body), response->body.len);
    if (json == NULL)
        err_set(err, ERR_UPSTREAM, "the answer (HTTP %d) isn't JSON: %s", response->status,
                why.text);
    return json;
}

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};

    return names[method];
}

const char *http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } known[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i].text;
    return "Unknown";
}

void http_write_error(int status, const char *code, const char *message, struct buf *json)
{
    // 501 and 505 say of a request that it is none for this server.
    bool is_ours = status >= 500 && status != 501 && status != 505;
    const char *type = status == 401   ? "authentication_error"
                       : status == 429 ? "rate_limit_error"
                       : is_ours       ? "server_error"
                                       : "invalid_request_error";

    buf_str(json, "{\"error\":{\"message\":");
    buf_json_str(json, message);
    buf_fmt(json, ",\"type\":\"%s\",\"code\":\"%s\"}}", type, code);
}
