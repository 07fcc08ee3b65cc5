// GET /v1/models: what a client may put into a request's `model`, by the accounts that there are.
// A provider may have none, where a job's prompt says all.
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

// The account's models, one after the other: those that it lists, else its provider's. NULL past
// the end.
static const char *model_at(const struct account *account, size_t index)
{
    if (account->model_count > 0)
        return index < account->model_count ? account->models[index].name : NULL;
    return account->provider->models[index]; // ends with NULL
}

// Whether an account before this one has the model, too: it counts as that one's provider's.
static bool is_listed(const struct config *config, size_t before, const char *model)
{
    const char *other;

    for (size_t i = 0; i < before; i++)
        for (size_t k = 0; (other = model_at(&config->accounts[i], k)) != NULL; k++)
            if (strcmp(other, model) == 0)
                return true;
    return false;
}

static void add_model(struct buf *json, const char *model, const char *provider)
{
    if (json->data[json->len - 1] != '[')
        buf_char(json, ',');
    buf_str(json, "{\"id\":");
    buf_json_str(json, model);
    buf_fmt(json, ",\"object\":\"model\",\"owned_by\":\"%s\"}", provider);
}

void models_list(struct request *request)
{
    const struct config *config = request->front->config;
    const char *model;
    struct buf json = {0};

    buf_str(&json, "{\"success\":true,\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < config->account_count; i++)
        for (size_t k = 0; (model = model_at(&config->accounts[i], k)) != NULL; k++)
            if (!is_listed(config, i, model))
                add_model(&json, model, config->accounts[i].provider->name);
    buf_str(&json, "]}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}
