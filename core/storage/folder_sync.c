// One fsync of a folder under way, and those who came too late for it.
#include "core/storage/folder_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/mem.h"
#include "core/loop/loop.h"

struct folder {
    uv_work_t work; // first: it is cast back
    struct loop *loop;
    char *path;
    int error;
    struct folder_wait *waiting;            // for the one under way
    struct folder_wait *later, **later_end; // for the next
    struct folder *next, **at;              // of the sync's, unless that was dropped
};

struct folder_sync {
    struct loop *loop;
    struct folder *folders; // that are being synced
};

struct folder_sync *folder_sync_new(struct loop *loop)
{
    struct folder_sync *sync = mem_new(struct folder_sync);

    sync->loop = loop;
    return sync;
}

static void unlink_folder(struct folder *folder)
{
    if (folder->at == NULL)
        return;
    *folder->at = folder->next;
    if (folder->next != NULL)
        folder->next->at = folder->at;
    folder->at = NULL;
}

void folder_sync_drop(struct folder_sync **sync)
{
    if (*sync == NULL)
        return;
    while ((*sync)->folders != NULL)
        unlink_folder((*sync)->folders);
    free(*sync);
    *sync = NULL;
}

int folder_sync_now(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return error;
}

// On a thread of the pool.
static void on_work(uv_work_t *work)
{
    struct folder *folder = (struct folder *)work;

    folder->error = folder_sync_now(folder->path);
}

static void on_worked(uv_work_t *work, int status);

// A round: for all who have come so far.
static void begin(struct folder *folder)
{
    folder->waiting = folder->later;
    folder->later = NULL;
    folder->later_end = &folder->later;
    uv_queue_work(loop_uv(folder->loop), &folder->work, on_work, on_worked);
}

static void on_worked(uv_work_t *work, int status)
{
    struct folder *folder = (struct folder *)work;
    struct folder_wait *wait = folder->waiting, *next;
    int error = folder->error;

    (void)status;
    if (folder->later != NULL) {
        begin(folder);
    } else {
        unlink_folder(folder);
        free(folder->path);
        free(folder);
    }
    for (; wait != NULL; wait = next) {
        next = wait->next;
        wait->done(wait, error);
    }
}

static struct folder *folder_of(struct folder_sync *sync, const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    struct folder *folder = sync->folders;

    while (folder != NULL && (strncmp(folder->path, path, len) != 0 || folder->path[len] != '\0'))
        folder = folder->next;
    if (folder != NULL)
        return folder;
    folder = mem_new(struct folder);
    folder->loop = sync->loop;
    folder->path = mem_strn(path, len);
    folder->later_end = &folder->later;
    folder->next = sync->folders;
    folder->at = &sync->folders;
    if (folder->next != NULL)
        folder->next->at = &folder->next;
    sync->folders = folder;
    return folder;
}

void folder_sync_add(struct folder_sync *sync, const char *path, struct folder_wait *wait)
{
    struct folder *folder = folder_of(sync, path);

    wait->next = NULL;
    *folder->later_end = wait;
    folder->later_end = &wait->next;
    if (folder->waiting == NULL)
        begin(folder);
}
