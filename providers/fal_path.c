// Paths at fal.
#include "providers/fal_path.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/provider.h"

bool fal_path_is(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-._~%/";

    if (*text == '/' || text[strspn(text, allowed)] != '\0' || strstr(text, "//") != NULL ||
        strstr(text, "/requests/") == NULL)
        return false;
    for (; text != NULL; text = strchr(text, '/')) {
        text += *text == '/';
        if (strcspn(text, "/") == strspn(text, ".")) // "..", or nothing
            return false;
    }
    return true;
}

bool fal_path_is_of(const char *path, const char *request_id)
{
    struct buf end = {0};
    size_t len = strlen(path);
    bool is;

    buf_str(&end, "/requests/");
    buf_percent(&end, request_id);
    is = len > end.len && strcmp(path + len - end.len, end.data) == 0 && fal_path_is(path);
    buf_clear(&end);
    return is;
}

bool fal_path_add_model(const char *model, bool is_app, struct buf *path)
{
    bool has_space = strncmp(model, "workflows/", 10) == 0 || strncmp(model, "comfy/", 6) == 0;
    size_t wanted = has_space ? 3 : 2, count = 0;

    while (*model != '\0' && !(is_app && count == wanted)) {
        size_t len = strcspn(model, "/");
        char *part = mem_strn(model, len);
        bool is_fine = len > 0 && strspn(part, ".") != len;

        buf_str(path, count == 0 ? "" : "/");
        buf_percent(path, part);
        free(part);
        if (!is_fine)
            return false;
        count++;
        model += len;
        model += *model == '/';
    }
    return count >= wanted;
}

bool fal_path_add(const struct task *task, const struct account *account, const char *request_id,
                  struct buf *path)
{
    const char *model = provider_model(account, task->model);

    if (model == NULL || !fal_path_add_model(model, true, path))
        return false;
    buf_str(path, "/requests/");
    buf_percent(path, request_id);
    return true;
}

// A whole path is no argument of http_get, which would encode its slashes.
static bool add_to_url(const struct buf *path, bool is_fine, struct http_request *request)
{
    struct buf url = {0};

    if (!is_fine)
        return false;
    buf_str(&url, request->url);
    buf_str(&url, buf_text(path));
    free(request->url);
    request->url = buf_take(&url);
    return true;
}

bool fal_path_get(const struct buf *path, const struct account *account,
                  struct http_request *request, struct err *err)
{
    return add_to_url(path, http_get(request, account->base_url, err, "/"), request);
}

bool fal_path_post(const struct buf *path, const struct account *account, json_t *body,
                   struct http_request *request, struct err *err)
{
    return add_to_url(path, http_post_json(request, account->base_url, body, err, "/"), request);
}
