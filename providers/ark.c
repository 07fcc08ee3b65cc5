// What Ark's models have in common.
//
// Source: Ark's page on error codes as transcribed (ERR).
#include "providers/ark.h"

#include <stddef.h>
#include <string.h>

#include "core/message/http_message.h"
#include "providers/outcome.h"

// How error.code begins, and its HTTP status (ERR). The first row that fits counts; a code that
// isn't here means what its status says. QuotaExceeded with 429 may be any quota.
static const struct refusal {
    int status;
    enum outcome_kind kind;
    const char *begins;
    const char *error;
} refusals[] = {
    {400, OUTCOME_REFUSED_ELSEWHERE, "InvalidEndpoint.ClosedEndpoint", NULL},
    {400, OUTCOME_REFUSED_FINAL, "InvalidParameter", "invalid_request"},
    {400, OUTCOME_REFUSED_FINAL, "MissingParameter", "invalid_request"},
    {400, OUTCOME_REFUSED_FINAL, "InvalidImageURL", "invalid_request"},
    {401, OUTCOME_BAD_KEY, "AuthenticationError", NULL},
    {401, OUTCOME_BAD_KEY, "InvalidAccountStatus", NULL},
    {403, OUTCOME_REFUSED_ELSEWHERE, "AccountOverdueError", NULL},
    {403, OUTCOME_REFUSED_ELSEWHERE, "OperationDenied.ServiceOverdue", NULL},
    {403, OUTCOME_REFUSED_FINAL, "AccessDenied", "model_not_found"},
    {403, OUTCOME_REFUSED_FINAL, "OperationDenied", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "InvalidEndpointOrModel", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "ModelNotOpen", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "UnsupportedModel", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "NotFound", "model_not_found"},
    {429, OUTCOME_REFUSED_ELSEWHERE, "SetLimitExceeded", NULL}, // the spending cap
    {429, OUTCOME_REFUSED_RETRY, "RateLimitExceeded", NULL},
    {429, OUTCOME_REFUSED_RETRY, "ModelAccount", NULL}, // …IpmRateLimitExceeded
    {429, OUTCOME_REFUSED_RETRY, "APIAccount", NULL},
    {429, OUTCOME_REFUSED_RETRY, "AccountRateLimitExceeded", NULL},
    {429, OUTCOME_REFUSED_RETRY, "InflightBatchsizeExceeded", NULL},
    {429, OUTCOME_REFUSED_RETRY, "RequestBurstTooFast", NULL},
    {429, OUTCOME_REFUSED_RETRY, "ServerOverloaded", NULL},
    {429, OUTCOME_REFUSED_RETRY, "QuotaExceeded", NULL},
};

// Of what goes in or comes out: "InputTextSensitiveContentDetected.SevereViolation",
// "OutputImageSensitiveContentDetected.PolicyViolation" and their kin.
static bool is_filter(const char *code)
{
    return strstr(code, "Sensitive") != NULL || strstr(code, "PolicyViolation") != NULL;
}

// NULL: the code isn't known, or not with this status. An answer that comes with a good status
// whatever it says is read by its code alone.
static const struct refusal *find_refusal(int status, const char *code)
{
    static const struct refusal filter = {400, OUTCOME_REFUSED_FINAL, "", "content_filter"};
    bool is_any = status < 300;

    if ((is_any || status == 400) && is_filter(code))
        return &filter;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if ((is_any || refusals[i].status == status) &&
            strncmp(code, refusals[i].begins, strlen(refusals[i].begins)) == 0)
            return &refusals[i];
    return NULL;
}

bool ark_refuse(const struct http_response *response, const char *code, struct outcome *outcome)
{
    const struct refusal *refusal = find_refusal(response->status, code);

    if (refusal == NULL)
        return false;
    outcome->kind = refusal->kind;
    outcome->code = refusal->error;
    outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

const char *ark_failure(const char *code)
{
    return is_filter(code) ? "content_filter" : NULL;
}
