// A Spool to talk to, over libcurl's easy interface.
#include "scheduler/cli/cli_http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/json/field.h"
#include "core/message/http_message.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    SILENCE_S = 120, // nothing for so long: nobody is there any more
    BODY_BYTES_MAX = 64 << 20,
};
#define USUAL_URL "http://127.0.0.1:8080"
#define USUAL_KEY "sk-dev"

struct cli_http {
    CURL *curl;
    char *url;
    struct secret key;
    bool is_near; // this machine: no proxy is on the way
    char error[CURL_ERROR_SIZE];
};

// What an answer is read into.
struct answer {
    struct http_response *response;
    cli_http_data_fn on_data; // NULL: the response's body
    void *ctx;
    bool is_stopped; // by on_data
};

struct cli_http *cli_http_new(const char *url, const char *key, struct err *err)
{
    struct cli_http *http;
    struct url_parts parts;
    size_t len;

    url = url == NULL || *url == '\0' ? USUAL_URL : url;
    len = strlen(url);
    if (!url_split(url, &parts) || strpbrk(parts.path, "?#") != NULL) {
        err_set(err, ERR_CONFIG, "\"%.80s\" isn't the URL of a Spool: one looks like %s", url,
                USUAL_URL);
        return NULL;
    }
    for (const char *c = key; c != NULL && *c != '\0'; c++) {
        if (!isgraph((unsigned char)*c)) {
            err_set(err, ERR_CONFIG, "the key (-k or SPOOL_KEY) has a character that no key has");
            return NULL;
        }
    }
    http = mem_new(struct cli_http);
    while (len > 0 && url[len - 1] == '/')
        len--;
    http->url = mem_strn(url, len);
    http->is_near = address_is_loopback_host(parts.host);
    secret_set(&http->key, key != NULL && *key != '\0' ? key : http->is_near ? USUAL_KEY : NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    http->curl = curl_easy_init();
    if (http->curl == NULL)
        abort(); // as mem_new does
    return http;
}

void cli_http_free(struct cli_http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->curl);
    free(http->url);
    secret_clear(&http->key);
    free(http);
    curl_global_cleanup();
}

const char *cli_http_url(const struct cli_http *http)
{
    return http->url;
}

const char *cli_http_key(const struct cli_http *http)
{
    return secret_reveal(&http->key);
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct answer *answer = ctx;

    if (size * count > 5 && strncmp(line, "HTTP/", 5) == 0)
        answer->response->is_head_complete = false; // what a redirect led to
    if (!answer->response->is_head_complete)        // else they are trailers
        http_response_add_line(answer->response, line, size * count);
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct answer *answer = ctx;
    size_t len = size * count;

    if (answer->on_data != NULL && answer->response->status == 200) {
        answer->is_stopped = !answer->on_data(answer->ctx, data, len);
        return answer->is_stopped ? CURL_WRITEFUNC_ERROR : len;
    }
    if (answer->response->body.len + len > BODY_BYTES_MAX)
        return CURL_WRITEFUNC_ERROR;
    buf_add(&answer->response->body, data, len);
    return len;
}

static void set_common(struct cli_http *http, CURL *curl)
{
    curl_easy_reset(curl);
    http->error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "spool/" SPOOL_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
    if (http->is_near)
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    // As the curl tool does; the library doesn't by itself.
    if (getenv("SSL_CERT_FILE") != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    if (getenv("SSL_CERT_DIR") != NULL)
        curl_easy_setopt(curl, CURLOPT_CAPATH, getenv("SSL_CERT_DIR"));
}

static void set_answer(CURL *curl, struct answer *answer)
{
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

// What went wrong on the way, from curl's code.
static bool complain(struct cli_http *http, CURL *curl, CURLcode code, const char *url,
                     int64_t timeout_ms, struct err *err)
{
    long number = 0;
    char reason[80];

    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    snprintf(reason, sizeof reason, "%s", number != 0 ? strerror((int)number) : "no connection");
    reason[0] = (char)tolower((unsigned char)reason[0]);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return err_set(err, ERR_UNAVAILABLE,
                       "nobody listens at %.90s (%s): start it with \"spool serve\", or say where "
                       "with -u",
                       url, reason);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return err_set(err, ERR_UNAVAILABLE,
                       "%.90s: there is no such host: say where Spool is with -u or SPOOL_URL",
                       url);
    case CURLE_OPERATION_TIMEDOUT:
        if (timeout_ms > 0)
            return err_set(err, ERR_TIMEOUT, "%.90s didn't answer in time", url);
        return err_set(err, ERR_UNAVAILABLE,
                       "%.90s doesn't answer: is it Spool's address? Say where with -u", url);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return err_set(err, ERR_IO, "%.90s broke off before its answer was there: try again", url);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(err, ERR_UNAVAILABLE,
                       "%.90s doesn't speak HTTP: say where Spool is with -u or SPOOL_URL", url);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_UNAVAILABLE,
                       "%.60s: %.80s: SSL_CERT_FILE says which certificates to trust", url,
                       *http->error != '\0' ? http->error : curl_easy_strerror(code));
    default:
        return err_set(err, ERR_UNAVAILABLE, "%.90s: %.100s", url,
                       *http->error != '\0' ? http->error : curl_easy_strerror(code));
    }
}

static struct curl_slist *list_of_headers(const struct cli_http *http,
                                          const struct http_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); // saves a round trip
    const char *line = buf_text(&request->headers);
    struct buf text = {0};

    if (*secret_reveal(&http->key) != '\0') {
        buf_fmt(&text, "Authorization: Bearer %s", secret_reveal(&http->key));
        list = curl_slist_append(list, text.data);
    }
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");

        buf_reset(&text);
        buf_add(&text, line, len);
        list = curl_slist_append(list, text.data);
        line += len + (line[len] == '\n');
    }
    buf_clear(&text);
    return list;
}

// The rest of a request that `curl` knows the body of.
static bool perform(struct cli_http *http, struct http_request *request,
                    struct http_response *response, struct err *err)
{
    struct answer answer = {.response = response};
    struct curl_slist *headers = list_of_headers(http, request);
    CURLcode code;
    bool ok = true;

    set_answer(http->curl, &answer);
    curl_easy_setopt(http->curl, CURLOPT_URL, request->url);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    if (request->timeout_ms > 0)
        curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    code = curl_easy_perform(http->curl);
    if (code != CURLE_OK)
        ok = complain(http, http->curl, code, http->url, request->timeout_ms, err);
    curl_slist_free_all(headers);
    http_request_clear(request);
    return ok;
}

bool cli_http_send(struct cli_http *http, struct http_request *request,
                   struct http_response *response, struct err *err)
{
    set_common(http, http->curl);
    if (request->method == HTTP_POST_) {
        curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, buf_text(&request->body));
    }
    return perform(http, request, response, err);
}

// curl takes a folder for a file with nothing in it.
static bool is_folder(const char *name)
{
    struct stat found;

    return stat(name, &found) == 0 && S_ISDIR(found.st_mode);
}

static bool add_field(curl_mime *form, const char *field, struct err *err)
{
    const char *equals = strchr(field, '=');
    curl_mimepart *part = curl_mime_addpart(form);
    char *name;

    if (equals == NULL || equals == field)
        return err_set(err, ERR_CONFIG, "-F %.80s: must be NAME=VALUE or NAME=@FILE", field);
    name = mem_strn(field, (size_t)(equals - field));
    curl_mime_name(part, name);
    free(name);
    if (equals[1] != '@') {
        curl_mime_data(part, equals + 1, CURL_ZERO_TERMINATED);
        return true;
    }
    if (is_folder(equals + 2))
        return err_set(err, ERR_CONFIG, "%.160s: is a folder", equals + 2);
    return curl_mime_filedata(part, equals + 2) == CURLE_OK ||
           err_set(err, ERR_CONFIG, "%.160s: can't be read", equals + 2);
}

bool cli_http_send_form(struct cli_http *http, struct http_request *request,
                        const char *const *fields, size_t count, struct http_response *response,
                        struct err *err)
{
    curl_mime *form = curl_mime_init(http->curl);
    bool ok = true;

    for (size_t i = 0; i < count && ok; i++)
        ok = add_field(form, fields[i], err);
    if (ok) {
        set_common(http, http->curl);
        curl_easy_setopt(http->curl, CURLOPT_MIMEPOST, form);
        ok = perform(http, request, response, err);
    } else {
        http_request_clear(request);
    }
    curl_easy_setopt(http->curl, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(form);
    return ok;
}

const char *cli_http_words(const json_t *body)
{
    static const char *const places[] = {"error.message", "error",  "description",
                                         "message",       "detail", "base_resp.status_msg",
                                         "fail_reason",   NULL};

    return field_first_str(body, places);
}

// Whether it is the path that isn't there, not what it names: the code is the same.
static bool is_of_path(const char *words)
{
    static const char begin[] = "there is no ";

    if (strncmp(words, begin, sizeof begin - 1) != 0)
        return false;
    words += sizeof begin - 1;
    return strncmp(words, "GET /", 5) == 0 || strncmp(words, "POST /", 6) == 0;
}

bool cli_http_want_operator(struct err *err)
{
    return err_set(err, ERR_AUTH,
                   "the key isn't an operator's: use that of a token with \"admin\": true, with "
                   "-k or SPOOL_KEY");
}

static bool refuse(const struct cli_http *http, int status, const json_t *body, int64_t retry_ms,
                   struct err *err)
{
    const char *words = cli_http_words(body);

    words = *words == '\0' ? "refused" : words;
    switch (status) {
    case 401:
        if (*secret_reveal(&http->key) == '\0')
            return err_set(err, ERR_AUTH, "%.90s wants a key: give one with -k or SPOOL_KEY",
                           http->url);
        return err_set(err, ERR_AUTH,
                       "%.90s doesn't take the key: give one of its tokens with -k or SPOOL_KEY",
                       http->url);
    case 403:
        return cli_http_want_operator(err);
    case 404:
        return err_set(err, is_of_path(words) ? ERR_PATH : ERR_NOT_FOUND, "%.200s", words);
    case 409:
        return err_set(err, ERR_CONFLICT, "%s", words);
    case 429:
    case 503:
        if (retry_ms > 0)
            return err_set(err, ERR_UNAVAILABLE, "%.130s (HTTP %d): try again in %lld s", words,
                           status, (long long)retry_ms / 1000);
        return err_set(err, ERR_UNAVAILABLE, "%.130s (HTTP %d): try again later", words, status);
    default:
        return err_set(err, ERR_REFUSED, "%.200s (HTTP %d)", words, status);
    }
}

json_t *cli_http_read(const struct cli_http *http, const struct http_response *response,
                      struct err *err)
{
    json_t *body = http_json(response, err);

    if (body == NULL) {
        err_set(err, ERR_UNAVAILABLE,
                "%.90s answers (HTTP %d), but not as Spool does: say where Spool is with -u or "
                "SPOOL_URL",
                http->url, response->status);
        return NULL;
    }
    if (response->status >= 200 && response->status < 300)
        return body;
    refuse(http, response->status, body, http_retry_after_ms(response), err);
    json_decref(body);
    return NULL;
}

json_t *cli_http_ask(struct cli_http *http, struct http_request *request, struct err *err)
{
    struct http_response response = {0};
    json_t *body = NULL;

    if (cli_http_send(http, request, &response, err))
        body = cli_http_read(http, &response, err);
    http_response_clear(&response);
    return body;
}

bool cli_http_explain_admin(const struct cli_http *http, struct err *err)
{
    if (err->code != ERR_PATH)
        return false;
    return err_set(err, ERR_UNAVAILABLE,
                   "%.90s has nothing for operators: where admin_listen is configured, say that "
                   "address with -u",
                   http->url);
}

bool cli_http_fetch(struct cli_http *http, const char *url, cli_http_data_fn on_data, void *ctx,
                    struct err *err)
{
    struct http_response response = {0};
    struct answer answer = {.response = &response, .on_data = on_data, .ctx = ctx};
    struct url_parts parts;
    CURLcode code;
    bool ok = true;

    set_common(http, http->curl);
    curl_easy_setopt(http->curl, CURLOPT_PROXY,
                     url_split(url, &parts) && address_is_loopback_host(parts.host) ? "" : NULL);
    set_answer(http->curl, &answer);
    curl_easy_setopt(http->curl, CURLOPT_URL, url);
    curl_easy_setopt(http->curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(http->curl, CURLOPT_MAXREDIRS, 5L);
    code = curl_easy_perform(http->curl);
    if (answer.is_stopped)
        ok = false; // whoever stopped it knows why
    else if (code != CURLE_OK)
        ok = complain(http, http->curl, code, url, 0, err);
    else if (response.status != 200)
        ok = err_set(err, ERR_IO, "%.150s: HTTP %d", url, response.status);
    http_response_clear(&response);
    return ok;
}

CURL *cli_http_connect(struct cli_http *http, struct err *err)
{
    CURL *curl = curl_easy_init();
    CURLcode code;

    if (curl == NULL)
        abort();
    set_common(http, curl);
    curl_easy_setopt(curl, CURLOPT_URL, http->url);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        return curl;
    complain(http, curl, code, http->url, 0, err);
    curl_easy_cleanup(curl);
    return NULL;
}
