// Refusals of submits.
//
// Sources: songquanpeng/one-api and QuantumNous/new-api (middleware/distributor.go and utils.go,
// relay/relay_task.go, types/error.go), the manuals of nginx, HAProxy, Envoy and Cloudflare.
#include "providers/refusal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/json/field.h"
#include "core/message/http_message.h"
#include "providers/outcome.h"

enum {
    AT_2XX = 1,
    AT_4XX = 2,
    AT_503 = 4,
    AT_5XX = 8, // the other 5xx
    ANYWHERE = AT_2XX | AT_4XX | AT_503 | AT_5XX,
    NOT_AFTER_OTHERS = AT_2XX | AT_4XX | AT_503,
};

// Codes and types of answers, other than 4xx, that say that somebody was asked: nobody knows what
// that one did. The last are google.rpc's.
static const char *const doubts[] = {
    "do_request_failed",
    "do_response_failed",
    "fail_to_fetch_task",
    "bad_response",
    "bad_response_body",
    "bad_response_status_code",
    "empty_response",
    "read_response_body_failed",
    "copy_response_body_failed",
    "close_response_body_failed",
    "unmarshal_response_body_failed",
    "unmarshal_response_failed",
    "marshal_response_failed",
    "insert_task_failed",
    "upstream_error",
    "internal_error",
    "internal_server_error",
    "InternalServiceError",
    "server_error",
    "system_error",
    "api_error",
    "service_unavailable",
    "timeout",
    "request_timeout",
    "gateway_timeout",
    "upstream_timeout",
    "unknown",
    "unknown_error",
    "INTERNAL",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "ABORTED",
    "CANCELLED",
};

// A code, a type or a status in words, what it says, and at which HTTP statuses; at the others it
// says nothing. Case doesn't count.
static const struct word {
    const char *word;
    unsigned at;
    enum outcome_kind kind;
    const char *error;
} words[] = {
    // The gateway has nobody to send the request to. new-api says get_channel_failed with 500, but
    // only after somebody to whom it did send the request has failed.
    {"get_channel_failed", NOT_AFTER_OTHERS, OUTCOME_REFUSED_RETRY, NULL},
    {"no_available_channel", NOT_AFTER_OTHERS, OUTCOME_REFUSED_RETRY, NULL},
    {"channel:no_available_key", NOT_AFTER_OTHERS, OUTCOME_REFUSED_RETRY, NULL},
    {"channel_no_available_key", NOT_AFTER_OTHERS, OUTCOME_REFUSED_RETRY, NULL},
    {"model_not_found", AT_503, OUTCOME_REFUSED_RETRY, NULL}, // no channel for the model, just now
    {"model_not_found", AT_2XX | AT_4XX, OUTCOME_REFUSED_FINAL, "model_not_found"},
    // No balance: gateways look at it before they send anything.
    {"insufficient_user_quota", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"pre_consume_token_quota_failed", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"insufficient_quota", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"quota_not_enough", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"user_quota_not_enough", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"token_quota_not_enough", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"insufficient_credits", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"insufficient_credit", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"not_enough_credits", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"insufficient_balance", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"balance_not_enough", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"insufficient_funds", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"payment_required", ANYWHERE, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"quota_exceeded", AT_2XX, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"access_denied", AT_2XX | AT_4XX, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"PERMISSION_DENIED", AT_2XX, OUTCOME_REFUSED_ELSEWHERE, NULL},
    // The key.
    {"invalid_api_key", AT_2XX | AT_4XX, OUTCOME_BAD_KEY, NULL},
    {"authentication_error", AT_2XX | AT_4XX, OUTCOME_BAD_KEY, NULL},
    {"invalid_token", AT_2XX, OUTCOME_BAD_KEY, NULL},
    {"unauthorized", AT_2XX, OUTCOME_BAD_KEY, NULL},
    {"UNAUTHENTICATED", AT_2XX, OUTCOME_BAD_KEY, NULL},
    // Too many at once.
    {"rate_limit_exceeded", ANYWHERE, OUTCOME_REFUSED_RETRY, NULL},
    {"rate_limit_error", ANYWHERE, OUTCOME_REFUSED_RETRY, NULL},
    {"rate_limited", ANYWHERE, OUTCOME_REFUSED_RETRY, NULL},
    {"too_many_requests", ANYWHERE, OUTCOME_REFUSED_RETRY, NULL},
    {"concurrency_limit_exceeded", ANYWHERE, OUTCOME_REFUSED_RETRY, NULL},
    {"RESOURCE_EXHAUSTED", AT_2XX, OUTCOME_REFUSED_RETRY, NULL},
    // The request's content.
    {"sensitive_words_detected", ANYWHERE, OUTCOME_REFUSED_FINAL, "content_filter"},
    {"prompt_blocked", ANYWHERE, OUTCOME_REFUSED_FINAL, "content_filter"},
    {"content_policy_violation", ANYWHERE, OUTCOME_REFUSED_FINAL, "content_filter"},
    {"content_filter", ANYWHERE, OUTCOME_REFUSED_FINAL, "content_filter"},
    {"moderation_blocked", ANYWHERE, OUTCOME_REFUSED_FINAL, "content_filter"},
    {"sentinel_block", ANYWHERE, OUTCOME_REFUSED_FINAL, "content_filter"},
    {"invalid_request", AT_2XX, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {"invalid_request_error", AT_2XX, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {"bad_request_body", AT_2XX, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {"INVALID_ARGUMENT", AT_2XX, OUTCOME_REFUSED_FINAL, "invalid_request"},
};

// The first row that fits counts; a status that isn't here proves nothing.
static const struct {
    int first, last;
    enum outcome_kind kind;
    const char *error;
} statuses[] = {
    {301, 301, OUTCOME_REFUSED_ELSEWHERE, NULL}, // moved: its base_url is to be changed
    {307, 308, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {400, 400, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {401, 401, OUTCOME_BAD_KEY, NULL},
    {402, 403, OUTCOME_REFUSED_ELSEWHERE, NULL}, // a gateway's balance
    {408, 409, OUTCOME_DOUBT, NULL},             // the request took too long; there is one already
    {421, 421, OUTCOME_REFUSED_RETRY, NULL},     // sent to the wrong server
    {422, 422, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {423, 424, OUTCOME_DOUBT, NULL},
    {425, 425, OUTCOME_REFUSED_RETRY, NULL}, // too early
    {429, 429, OUTCOME_REFUSED_RETRY, NULL},
    {444, 444, OUTCOME_DOUBT, NULL}, // nginx: closed without an answer
    {460, 460, OUTCOME_DOUBT, NULL}, // AWS: the client has gone,
    {499, 499, OUTCOME_DOUBT, NULL}, // and nginx' word for it
    {400, 499, OUTCOME_REFUSED_FINAL, NULL},
    {501, 501, OUTCOME_REFUSED_FINAL, NULL},
    {505, 505, OUTCOME_REFUSED_FINAL, NULL},
    {511, 511, OUTCOME_REFUSED_RETRY, NULL}, // the network wants a login
    {521, 521, OUTCOME_REFUSED_RETRY, NULL}, // Cloudflare: connection refused,
    {523, 523, OUTCOME_REFUSED_RETRY, NULL}, // no way to the vendor,
    {525, 526, OUTCOME_REFUSED_RETRY, NULL}, // no TLS,
    {530, 530, OUTCOME_REFUSED_RETRY, NULL}, // no name, no tunnel
};

// How the text begins that a proxy sends with 503 where it has passed nothing on, without white
// space.
static const char *const pages[] = {
    "nohealthyupstream", // Envoy
    "upstreamconnecterrorordisconnect/resetbeforeheaders.resetreason:connectionfailure",
    "upstreamconnecterrorordisconnect/resetbeforeheaders.resetreason:remoteconnectionfailure",
    "upstreamconnecterrorordisconnect/resetbeforeheaders.resetreason:connectiontimeout",
    "upstreamconnecterrorordisconnect/resetbeforeheaders.resetreason:overflow",
    "noavailableserver",                                                                // Traefik
    "<html><body><h1>503ServiceUnavailable</h1>Noserverisavailabletohandlethisrequest", // HAProxy
    // nginx on its own behalf: its limits, an ingress without endpoints. AWS' load balancer.
    "<html><head><title>503ServiceTemporarilyUnavailable</title>",
};

static const char *const gateways[] = {
    "one_api_error", "new_api_error", "shell_api_error", "rix_api_error", "chat_api_error",
    "voapi_error",   "one_hub_error", "done_hub_error",  "veloera_error",
};

static const char *const code_places[] = {"code", "error.code", "error.status",
                                          "base_resp.status_code", NULL};

const char *refusal_words(const json_t *body)
{
    static const char *const places[] = {"error.message",
                                         "error.msg",
                                         "error",
                                         "message",
                                         "msg",
                                         "description",
                                         "detail",
                                         "detail.message",
                                         "error_description",
                                         "fail_reason",
                                         "reason",
                                         "base_resp.status_msg",
                                         NULL};
    static const char *const codes[] = {"error.code", "error.type", "error.status", "code", NULL};
    const char *said = field_first_str(body, places);

    return *said != '\0' ? said : field_first_str(body, codes);
}

bool refusal_by_number(int64_t number, struct outcome *outcome)
{
    static const struct {
        int64_t number;
        enum outcome_kind kind;
        const char *error;
    } numbers[] = {
        {3, OUTCOME_REFUSED_ELSEWHERE, NULL},
        {4, OUTCOME_REFUSED_FINAL, "invalid_request"},
        {9, OUTCOME_REFUSED_RETRY, NULL},              // T also says 9 when its queue is full
        {23, OUTCOME_REFUSED_RETRY, NULL},             // N: queue full, the task was deleted again
        {24, OUTCOME_REFUSED_FINAL, "content_filter"}, // banned words
        {30, OUTCOME_REFUSED_RETRY, NULL},             // R: the group is saturated
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].number != number)
            continue;
        outcome->kind = numbers[i].kind;
        outcome->code = numbers[i].error;
        return true;
    }
    return false;
}

int64_t refusal_number(const json_t *body, const char *place)
{
    const char *text = field_str_or_empty(body, place);

    if (isdigit((unsigned char)*text) && strlen(text) < 10 &&
        strspn(text, "0123456789") == strlen(text))
        return strtol(text, NULL, 10);
    return field_int_or(body, place, 0);
}

static bool is_one_of(const char *word, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(list[i], word) == 0)
            return true;
    return false;
}

// Whether a word says that all went well, or says nothing.
static bool is_fine(const char *word)
{
    static const char *const fine[] = {"", "success", "succeed", "succeeded", "ok", "null"};

    return is_one_of(word, fine, sizeof fine / sizeof fine[0]) || isdigit((unsigned char)*word);
}

bool refusal_is_named(const json_t *body)
{
    for (size_t i = 0; code_places[i] != NULL; i++) {
        int64_t number = refusal_number(body, code_places[i]);

        if (!is_fine(field_str_or_empty(body, code_places[i])) ||
            (number != 0 && number != 1 && number != 200))
            return true;
    }
    return field_is_given(body, "error");
}

bool refusal_is_gateways(const json_t *body)
{
    const char *type = field_str_or_empty(body, "error.type");

    if (*type == '\0')
        type = field_str_or_empty(body, "type");
    return is_one_of(type, gateways, sizeof gateways / sizeof gateways[0]) &&
           *field_str_or_empty(body, "error.code") == '\0' &&
           *field_str_or_empty(body, "code") == '\0';
}

static void refuse(const struct http_response *response, enum outcome_kind kind, const char *error,
                   struct outcome *outcome)
{
    outcome->kind = kind;
    outcome->code = error;
    if (kind == OUTCOME_REFUSED_RETRY || kind == OUTCOME_REFUSED_ELSEWHERE)
        outcome->retry_after_ms = http_retry_after_ms(response);
}

static unsigned place_of(int status)
{
    return status < 300 ? AT_2XX : status < 500 ? AT_4XX : status == 503 ? AT_503 : AT_5XX;
}

// NULL for a word that says nothing at this status.
static const struct word *find_word(const char *word, int status)
{
    static const struct word doubt = {"", 0, OUTCOME_DOUBT, NULL};

    if (strncmp(word, "local:", 6) == 0)
        word += 6; // some relays say with this that the error is their own
    if (place_of(status) != AT_4XX && is_one_of(word, doubts, sizeof doubts / sizeof doubts[0]))
        return &doubt;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if ((words[i].at & place_of(status)) != 0 && strcasecmp(words[i].word, word) == 0)
            return &words[i];
    return NULL;
}

// Codes before types, which are coarser.
static const struct word *known_word(const json_t *body, int status)
{
    static const char *const places[] = {"code", "error.code", "error.status", "error.type",
                                         "type"};
    const struct word *found = NULL;

    for (size_t i = 0; i < sizeof places / sizeof places[0] && found == NULL; i++)
        found = find_word(field_str_or_empty(body, places[i]), status);
    return found;
}

// The HTTP status, or what stands for it in an answer that comes with 200 whatever it says.
static int status_of(const struct http_response *response, const json_t *body)
{
    static const char *const places[] = {"code",       "error.code",  "status",
                                         "statusCode", "status_code", "error.status"};

    if (response->status >= 300)
        return response->status;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        int64_t number = refusal_number(body, places[i]);

        if (number >= 400 && number <= 599)
            return (int)number;
    }
    return response->status;
}

static bool by_status(const struct http_response *response, int status, struct outcome *outcome)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (status < statuses[i].first || status > statuses[i].last)
            continue;
        refuse(response, statuses[i].kind, statuses[i].error, outcome);
        return statuses[i].kind != OUTCOME_DOUBT;
    }
    return false;
}

// Whether a gateway says in words that it has nobody to send the request to, where it has no code
// for that.
static bool has_no_channel(const json_t *body)
{
    const char *said = refusal_words(body);

    return refusal_is_gateways(body) || strstr(said, "无可用渠道") != NULL ||
           strcasestr(said, "no available channel") != NULL;
}

// Whether a number may be an error that refuses: numbers for servers' faults begin with 5, and
// small ones may mean anything.
static bool is_error_number(int64_t number)
{
    bool is_small = number < 1000;

    while (number >= 10)
        number /= 10;
    return !is_small && number != 5;
}

// A code that we don't know stands for an error, unless it is one of those that say that all is
// well.
static bool is_unknown_error(const json_t *body)
{
    for (size_t i = 0; code_places[i] != NULL; i++)
        if (!is_fine(field_str_or_empty(body, code_places[i])) ||
            is_error_number(refusal_number(body, code_places[i])))
            return true;
    return json_is_false(field_at(body, "success"));
}

static bool has_result(const json_t *body)
{
    static const char *const places[] = {"data", "result"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const json_t *value = field_at(body, places[i]);

        if (json_object_size(value) + json_array_size(value) + json_string_length(value) > 0 ||
            json_is_integer(value))
            return true;
    }
    return false;
}

static bool read_json(const struct http_response *response, const json_t *body,
                      struct outcome *outcome)
{
    int status = status_of(response, body);
    const struct word *word = known_word(body, status);

    if (word != NULL) {
        refuse(response, word->kind, word->error, outcome);
        return word->kind != OUTCOME_DOUBT;
    }
    if (status == 503 && has_no_channel(body)) {
        refuse(response, OUTCOME_REFUSED_RETRY, NULL, outcome);
        return true;
    }
    if (by_status(response, status, outcome))
        return true;
    if (status >= 300)
        return false;
    if (refusal_by_number(field_is_given(body, "description") ? refusal_number(body, "code") : 0,
                          outcome))
        return true;
    if (has_result(body) || !is_unknown_error(body))
        return false;
    refuse(response, OUTCOME_REFUSED_FINAL, NULL, outcome);
    return true;
}

static bool begins_with(const struct http_response *response, const char *page)
{
    const char *at = buf_text(&response->body);

    for (; *page != '\0'; page++) {
        at += strspn(at, " \t\r\n");
        if (*at != *page)
            return false;
        at++;
    }
    return true;
}

static bool is_not_passed_on(const struct http_response *response)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (response->status == 503 && begins_with(response, pages[i]))
            return true;
    return false;
}

// An answer that isn't JSON comes from somebody who knows nothing of the request but where it is to
// go.
static bool read_page(const struct http_response *response, struct outcome *outcome)
{
    if (response->status == 400 || response->status == 404 || response->status == 405) {
        refuse(response,
               response->status == 400 ? OUTCOME_REFUSED_FINAL : OUTCOME_REFUSED_ELSEWHERE, NULL,
               outcome);
        return true;
    }
    if (!is_not_passed_on(response))
        return by_status(response, response->status, outcome);
    refuse(response, OUTCOME_REFUSED_RETRY, NULL, outcome);
    return true;
}

// Takes a line of text as the reason, but not a page, which is for browsers.
static void set_words_of_page(const struct http_response *response, struct outcome *outcome)
{
    const char *text = buf_text(&response->body);
    char reason[512];
    json_t *said; // made of UTF-8 only

    text += strspn(text, " \t\r\n");
    snprintf(reason, sizeof reason, "HTTP %d: %.*s", response->status, (int)strcspn(text, "\r\n"),
             text);
    said = json_string(reason);
    if (said == NULL || *text == '\0' || strchr("<{[", *text) != NULL)
        snprintf(reason, sizeof reason, "HTTP %d without a reason", response->status);
    json_decref(said);
    outcome_set_reason(outcome, reason);
}

bool refusal_read(const struct http_response *response, const json_t *body, struct outcome *outcome,
                  struct err *err)
{
    bool ok;

    if (body == NULL)
        set_words_of_page(response, outcome);
    else
        outcome_set_reason(outcome, refusal_words(body));
    ok = body == NULL ? read_page(response, outcome) : read_json(response, body, outcome);
    if (ok)
        return true;
    outcome->kind = OUTCOME_DOUBT;
    outcome->code = NULL;
    return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status,
                   outcome->reason == NULL ? "neither an id nor a reason" : outcome->reason);
}
