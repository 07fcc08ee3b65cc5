// Labels of files.
#include "core/storage/storage_label.h"

#include <stdio.h>
#include <string.h>

#include "core/base/ids.h"
#include "core/message/http_message.h"

enum { TASK_ID_CHARS = 31 };

const char *storage_label_name(const char *key)
{
    const char *slash = strrchr(key, '/');

    return slash == NULL ? key : slash + 1;
}

void storage_label_disposition(const char *key, char *text, int size)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *name = storage_label_name(key);
    int len = (int)strspn(name, plain); // our own names have no other characters

    snprintf(text, (size_t)size, "inline; filename=\"%.*s\"", len, name);
}

// The task in the name of an artifact, "task_….png" or "task_…-2.png".
static void add_task(const char *name, struct http_request *request)
{
    char id[ID_SIZE];

    snprintf(id, sizeof id, "%.*s", TASK_ID_CHARS, name);
    if (id_is_task(id))
        http_add_header(request, "x-amz-meta-task-id", id);
}

void storage_label_add(const char *key, const char *sha256, struct http_request *request)
{
    char disposition[160];

    if (strncmp(key, "inputs/", 7) == 0)
        return;
    storage_label_disposition(key, disposition, sizeof disposition);
    http_add_header(request, "Content-Disposition", disposition);
    http_add_header(request, "Cache-Control", STORAGE_LABEL_CACHE);
    add_task(storage_label_name(key), request);
    if (sha256 != NULL)
        http_add_header(request, "x-amz-meta-sha256", sha256);
}
