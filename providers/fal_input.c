// What a task asks fal for. Videos are asked for in the unified form, images in that of /v1/images,
// and both in fal's own words.
#include "providers/fal_input.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/task/task.h"
#include "providers/fal_body.h"
#include "providers/fal_image.h"
#include "providers/fal_path.h"
#include "providers/provider.h"

static json_t *body_of(const struct task *task, const char *endpoint, struct err *err)
{
    bool is_image = fal_image_is(task);

    if (is_image ? !fal_image_is_own(task) && fal_body_makes(endpoint)
                 : fal_image_makes(endpoint)) {
        err_set(err, ERR_INVALID, "model: %.60s doesn't make %s", task->model,
                is_image ? "images" : "videos");
        return NULL;
    }
    return is_image ? fal_image_body_of(task, endpoint, err) : fal_body_of(task, endpoint, err);
}

json_t *fal_input_of(const struct task *task, const struct account *account, struct buf *path,
                     struct err *err)
{
    const char *model = provider_model(account, task->model);
    char *endpoint = model == NULL        ? NULL
                     : fal_image_is(task) ? fal_image_endpoint(task, model)
                                          : mem_str(model);
    json_t *body = NULL;

    if (endpoint != NULL && fal_path_add_model(endpoint, false, path))
        body = body_of(task, endpoint, err);
    else
        err_set(err, ERR_INVALID, "model: %.60s stands for no endpoint of the vendor's",
                task->model);
    free(endpoint);
    return body;
}

bool fal_input_check(const struct task *task, const struct account *account, struct err *err)
{
    struct buf path = {0};
    json_t *body = fal_input_of(task, account, &path, err);
    bool ok = body != NULL;

    buf_clear(&path);
    json_decref(body);
    return ok;
}
