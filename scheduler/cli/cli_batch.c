// Many jobs in one request.
#include "scheduler/cli/cli_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_http.h"

// A Spool that is started anew is back within seconds: each wait is twice the last.
enum { TRIES = 6, FIRST_WAIT_MS = 200 };

static void write_request(struct http_request *request, const char *url, const char *path,
                          const char *key, const struct cli_batch_job *jobs, size_t count)
{
    struct buf text = {0};

    request->method = HTTP_POST_;
    buf_fmt(&text, "%s/v1/tasks/batch", url);
    request->url = buf_take(&text);
    http_add_header(request, "Content-Type", "application/json");
    buf_str(&request->body, "{\"requests\":[");
    for (size_t i = 0; i < count; i++) {
        buf_reset(&text);
        buf_fmt(&text, "%s-%zu", key, jobs[i].number);
        buf_str(&request->body, i == 0 ? "{\"path\":" : ",{\"path\":");
        buf_json_str(&request->body, path);
        buf_str(&request->body, ",\"idempotency_key\":");
        buf_json_str(&request->body, text.data);
        buf_str(&request->body, ",\"body\":");
        buf_add(&request->body, jobs[i].text, jobs[i].len);
        buf_char(&request->body, '}');
    }
    buf_str(&request->body, "]}");
    buf_clear(&text);
}

static json_t *read_results(const struct cli_http *http, const struct http_response *response,
                            size_t count, struct err *err)
{
    json_t *answer = cli_http_read(http, response, err);
    json_t *results = json_incref(json_object_get(answer, "results"));
    bool is_known = response->status != 404 && response->status != 405;

    json_decref(answer);
    if (answer == NULL && !is_known)
        err->code = ERR_PATH;
    if (answer != NULL && json_array_size(results) != count) {
        json_decref(results);
        results = NULL;
        err_set(err, ERR_REFUSED, "the answer to a batch isn't one");
    }
    return results;
}

static json_t *send_once(struct cli_http *http, const char *path, const char *key,
                         const struct cli_batch_job *jobs, size_t count, struct err *err)
{
    struct http_request request = {0};
    struct http_response response = {0};
    json_t *results = NULL;

    write_request(&request, cli_http_url(http), path, key, jobs, count);
    if (cli_http_send(http, &request, &response, err))
        results = read_results(http, &response, count, err);
    http_response_clear(&response);
    return results;
}

json_t *cli_batch_send(struct cli_http *http, const char *path, const char *key,
                       const struct cli_batch_job *jobs, size_t count, struct err *err)
{
    json_t *results = send_once(http, path, key, jobs, count, err);
    unsigned wait_ms = FIRST_WAIT_MS;

    if (results != NULL || err->code != ERR_IO)
        return results;
    for (int tries = 1; tries < TRIES && results == NULL; tries++, wait_ms *= 2) {
        usleep(wait_ms * 1000);
        results = send_once(http, path, key, jobs, count, err);
        if (results == NULL && err->code != ERR_IO && err->code != ERR_UNAVAILABLE)
            return NULL;
    }
    if (results == NULL)
        err->code = ERR_IO;
    return results;
}

void cli_batch_read(const json_t *result, struct http_response *response)
{
    char *body = json_dumps(json_object_get(result, "body"), JSON_COMPACT);
    const char *name;
    json_t *value;

    response->status = (int)field_int_or(result, "status", 0);
    response->is_head_complete = true;
    json_object_foreach(json_object_get(result, "headers"), name, value)
    {
        struct buf line = {0};

        buf_fmt(&line, "%s: %s", name, json_is_string(value) ? json_string_value(value) : "");
        http_response_add_line(response, line.data, line.len);
        buf_clear(&line);
    }
    buf_str(&response->body, body == NULL ? "null" : body);
    free(body);
}
