// Google's two APIs.
#include "providers/google.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/token.h"

enum { ASSERTION_LIFE_S = 3600, TOKEN_KEPT_S = 3000 };

const char google_storage[] = "https://storage.googleapis.com";

static const char *const account_file[] = {"client_email", "project_id", "private_key", NULL};
const struct dialect_key google_vertex_keys[] = {
    {.name = "service_account_file", .is_required = true, .members = account_file},
    {.name = "region", .is_name = true},
    {.name = "base_url"},
    {0}};

static const char *key_of(const struct account *account, const char *name)
{
    return secret_reveal(account_key(account, name));
}

const char *google_project(const struct account *account)
{
    return key_of(account, "service_account_file.project_id");
}

const char *google_region(const struct account *account)
{
    const char *region = secret_reveal(account_key(account, "region"));

    return *region == '\0' ? "us-central1" : region;
}

void google_authorize(const struct account *account, struct http_request *request)
{
    if (account->dialect->keys == google_vertex_keys) {
        request->wants_token = true;
        http_add_header(request, "x-goog-user-project", google_project(account));
    } else {
        http_add_header(request, "x-goog-api-key", secret_reveal(account_key(account, "api_key")));
    }
}

static const char *token_uri(const struct account *account)
{
    const char *uri = key_of(account, "service_account_file.token_uri");

    return *uri == '\0' ? "https://oauth2.googleapis.com/token" : uri;
}

bool google_build_token(const struct account *account, int64_t now_ms, struct token *token,
                        struct http_request *request, struct err *err)
{
    const char *uri = token_uri(account);
    json_t *claims = json_pack(
        "{s:s,s:s,s:s,s:I,s:I}", "iss", key_of(account, "service_account_file.client_email"),
        "scope", "https://www.googleapis.com/auth/cloud-platform", "aud", uri, "iat",
        (json_int_t)now_ms / 1000, "exp", (json_int_t)now_ms / 1000 + ASSERTION_LIFE_S);
    char *text = json_write_text(claims);
    struct buf jwt = {0};
    bool ok = jwt_rs256(key_of(account, "service_account_file.private_key"), text, &jwt, err);

    (void)token;
    if (ok) {
        request->method = HTTP_POST_;
        request->url = mem_str(uri);
        http_add_header(request, "Content-Type", "application/x-www-form-urlencoded");
        buf_fmt(
            &request->body,
            "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Ajwt-bearer&assertion=%s",
            jwt.data);
    }
    buf_clear(&jwt);
    free(text);
    json_decref(claims);
    return ok;
}

bool google_read_token(const struct http_response *response, int64_t now_ms, struct token *token,
                       struct err *err)
{
    json_t *body = http_json(response, err);
    const char *text = field_str_or_empty(body, "access_token");
    int64_t life_s = field_int_or(body, "expires_in", TOKEN_KEPT_S);
    bool ok = false;

    if (body == NULL) {
        // http_json has set the error
    } else if (response->status == 400 || response->status == 401 || response->status == 403) {
        err_set(err, ERR_AUTH, "no token for the service account: %.60s %.120s",
                field_str_or_empty(body, "error"), field_str_or_empty(body, "error_description"));
    } else if (response->status != 200 || *text == '\0') {
        err_set(err, ERR_UPSTREAM, "no token for the service account (HTTP %d)", response->status);
    } else {
        token->text = mem_str(text);
        if (life_s < 0)
            life_s = 0;
        token->renew_ms = now_ms + (life_s < TOKEN_KEPT_S ? life_s * 5 / 6 : TOKEN_KEPT_S) * 1000;
        ok = true;
    }
    json_decref(body);
    return ok;
}

bool google_is_token_refused(const struct http_response *response)
{
    return response->status == 401;
}

char *google_vertex_base(const struct account *account)
{
    const char *region = google_region(account);
    struct buf base = {0};

    if (account->base_url != NULL && *account->base_url != '\0')
        buf_str(&base, account->base_url);
    else if (strcmp(region, "global") == 0)
        buf_str(&base, "https://aiplatform.googleapis.com");
    else
        buf_fmt(&base, "https://%s-aiplatform.googleapis.com", region);
    return buf_take(&base);
}

const char *google_message(const json_t *body)
{
    static const char *const places[] = {"error.message", "error", "message", NULL};
    const char *message = field_first_str(body, places);

    return *message == '\0' ? "the vendor gave no reason" : message;
}

// "30s" of error.details[].retryDelay.
static int64_t retry_delay_ms(const json_t *body)
{
    json_t *detail;
    size_t i;

    json_array_foreach(field_at(body, "error.details"), i, detail)
    {
        const char *delay = field_str_or_empty(detail, "retryDelay");
        double seconds = strtod(delay, NULL);

        if (seconds > 0 && seconds < 3600)
            return (int64_t)(seconds * 1000);
    }
    return 0;
}

// Whether the error is about the key: by its reason (google.rpc.ErrorInfo), or in exactly these
// words, since a message may quote a prompt that speaks of keys.
static bool is_key_invalid(const json_t *body)
{
    static const char *const texts[] = {
        "API key not valid. Please pass a valid API key.",
        "API Key not found. Please pass a valid API key.",
        "API key expired. Please renew the API key.",
    };
    json_t *detail;
    size_t i;

    json_array_foreach(field_at(body, "error.details"), i, detail)
    {
        if (strcmp(field_str_or_empty(detail, "reason"), "API_KEY_INVALID") == 0)
            return true;
    }
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(refusal_words(body), texts[i]) == 0)
            return true;
    return false;
}

static const struct refusal {
    int http;
    enum outcome_kind kind;
    const char *status; // NULL: any
    const char *error;
} refusals[] = {
    {400, OUTCOME_REFUSED_ELSEWHERE, "FAILED_PRECONDITION", NULL}, // billing, region
    {403, OUTCOME_REFUSED_FINAL, NULL, "model_not_found"}, // PERMISSION_DENIED is about the model
    {404, OUTCOME_REFUSED_FINAL, "NOT_FOUND", "model_not_found"},
    {429, OUTCOME_REFUSED_RETRY, NULL, NULL}, // the day's quota can't be told from the minute's
};

bool google_read_refusal(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(body, "error.status");

    if (response->status == 400 && is_key_invalid(body)) {
        outcome->kind = OUTCOME_BAD_KEY;
        return true;
    }
    for (size_t i = 0; *status != '\0' && i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];

        if (refusal->http != response->status ||
            (refusal->status != NULL && strcmp(refusal->status, status) != 0))
            continue;
        outcome->kind = refusal->kind;
        outcome->code = refusal->error;
        outcome->retry_after_ms = http_retry_after_ms(response);
        if (outcome->retry_after_ms == 0)
            outcome->retry_after_ms = retry_delay_ms(body);
        return true;
    }
    return err_set(err, ERR_UPSTREAM, "HTTP %d %.40s", response->status, status);
}

bool google_is_path(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("-._~/:@", *c) == NULL)
            return false;
    return *name != '\0' && *name != '/' && strstr(name, "..") == NULL;
}

bool google_is_denied(const struct http_response *response)
{
    struct err err;
    json_t *body = response->status == 403 ? http_json(response, &err) : NULL;
    bool is_so = strcmp(field_str_or_empty(body, "error.status"), "PERMISSION_DENIED") == 0;

    json_decref(body);
    return is_so;
}

void google_build_vertex_fetch(const struct account *account, const char *url,
                               struct http_request *request)
{
    (void)account;
    request->wants_token = url_same_origin(url, google_storage);
}

void google_build_fetch(const struct account *account, const char *url,
                        struct http_request *request)
{
    if (url_same_origin(url, account->base_url))
        google_authorize(account, request);
}
