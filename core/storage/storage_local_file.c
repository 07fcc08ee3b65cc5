// A file on its way to data_dir: written without a name where the file system can do that, else
// under a temporary one; fsync of the file, its name, fsync of the folder.
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/storage/folder_sync.h"
#include "core/storage/storage_local_private.h"

enum { BUFFER_BYTES = 256 * 1024 };
// How often a disk that is full is tried again, where there is patience.
enum { RETRY_MS = 500, PATIENCE_MS = 60000 };

// What is being done for a file, by a thread of the pool; one thing at a time.
enum task { IDLE, WRITING, COMMITTING, SYNCING };

struct local_file {
    struct storage_file file; // first: what others know
    uv_work_t work;
    struct folder_wait wait;
    struct loop *loop;
    struct folder_sync *sync;
    char *path;      // the temporary name
    char *media_dir; // keys are put behind it
    bool is_served;  // the file is served, from media_dir
    bool may_be_nameless;
    int fd;         // -1 until the first piece is written
    int64_t offset; // written

    // The loop's thread fills `filling` while a thread of the pool writes `writing`.
    // Each is made when it is needed, for most files fit into one.
    char *filling, *writing;
    size_t filled, to_write, written; // the last: of `writing`

    enum task task;
    struct loop_timer *retry; // the task waits for the disk
    int64_t failing_since_ms; // of our monotonic clock; 0: all is well
    bool is_refused;          // a write was refused: a call of ready is owed
    bool is_dropped;          // freed when the thread is done
    bool is_named;            // it has the temporary name
    bool is_committed;
    bool wants_commit;
    struct err err;
    bool has_failed, is_full; // the latter: for want of room, which there may be soon

    char *key;
};

static struct local_file *of_work(uv_work_t *work)
{
    return (struct local_file *)((char *)work - offsetof(struct local_file, work));
}

static bool local_fail(struct local_file *file, const char *what)
{
    file->has_failed = true;
    file->is_full = errno == ENOSPC || errno == EDQUOT || errno == EROFS;
    return err_set(&file->err, ERR_IO, "storage: %s: %s", what, strerror(errno));
}

// The following run on a thread of the pool.

// Syncs the folder that the new one is in.
static bool sync_parent(char *path)
{
    char *slash = strrchr(path, '/');

    *slash = '\0';
    errno = folder_sync_now(path);
    *slash = '/';
    return errno == 0;
}

// Each folder that is new is there after a power cut, too. Folders whose path is longer than
// `private_len` are served.
static bool make_parents(char *path, size_t private_len)
{
    bool ok = true;

    for (char *slash = strchr(path + 1, '/'); ok && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(path, 0700) == 0 ? ((size_t)(slash - path) <= private_len ||
                                       chmod(path, private_served(0755)) == 0) &&
                                          (strchr(path + 1, '/') == NULL || sync_parent(path))
                                    : errno == EEXIST;
        *slash = '/';
    }
    return ok;
}

// As a rule the folder is there: it is made where that turns out to be wrong.

static int open_named(char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, 0600);

    return fd < 0 && errno == ENOENT && make_parents(path, SIZE_MAX) ? open(path, flags, 0600) : fd;
}

// In the folder of `path`. Below 0 where this file system has only files with names.
static int open_nameless(char *path)
{
    char *slash = strrchr(path, '/');
    int fd;

    *slash = '\0';
    fd = open(path, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    *slash = '/';
    return fd;
}

static int link_nameless(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
}

bool storage_local_place(int (*fn)(const char *from, const char *to), const char *from, char *to,
                         size_t private_len, int64_t deadline_ms)
{
    if (fn(from, to) == 0)
        return true;
    if (errno != ENOENT || !make_parents(to, private_len))
        return false;
    errno = ETIME;
    return clock_mono_ms() <= deadline_ms && fn(from, to) == 0;
}

static bool write_piece(struct local_file *file)
{
    if (file->fd < 0) {
        file->fd = file->may_be_nameless ? open_nameless(file->path) : -1;
        if (file->fd < 0) {
            file->fd = open_named(file->path);
            file->is_named = file->fd >= 0;
        }
        if (file->fd < 0)
            return local_fail(file, "open");
    }
    while (file->written < file->to_write) {
        ssize_t wrote = pwrite(file->fd, file->writing + file->written,
                               file->to_write - file->written, (off_t)file->offset);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return local_fail(file, "write");
        file->written += (size_t)wrote;
        file->offset += wrote;
    }
    digest_add(file->file.sha256, file->writing, file->to_write);
    file->to_write = file->written = 0;
    return true;
}

// Gives the file its name; what had it before is replaced.
static bool give_name(struct local_file *file, char *name)
{
    size_t private_len = file->is_served ? strlen(file->media_dir) - 1 : SIZE_MAX;
    char from[40];

    if (!file->is_named) {
        snprintf(from, sizeof from, "/proc/self/fd/%d", file->fd);
        if (storage_local_place(link_nameless, from, name, private_len, file->file.deadline_ms))
            return true;
        // By way of a temporary name: there is a file that has the other one.
        if (errno == ETIME || link_nameless(from, file->path) != 0)
            return false;
        file->is_named = true;
    }
    return storage_local_place(rename, file->path, name, private_len, file->file.deadline_ms);
}

static bool commit(struct local_file *file)
{
    struct buf path = {0};

    if (!write_piece(file))
        return false;
    buf_fmt(&path, "%s/%s", file->media_dir, file->key);
    if (file->is_served && fchmod(file->fd, private_served(0644)) != 0) {
        local_fail(file, "chmod");
    } else if (fsync(file->fd) != 0) {
        local_fail(file, "fsync");
    } else if (clock_mono_ms() > file->file.deadline_ms) {
        file->has_failed = true;
        err_set(&file->err, ERR_CONFLICT, "storage: too late, the lease may be someone else's");
    } else if (!give_name(file, path.data)) {
        local_fail(file, "rename");
    } else {
        file->is_committed = true;
    }
    buf_clear(&path);
    return file->is_committed;
}

static void local_on_work(uv_work_t *work)
{
    struct local_file *file = of_work(work);

    if (file->has_failed)
        return;
    if (file->task == COMMITTING)
        commit(file);
    else
        write_piece(file);
}

// Back on the loop's thread.

static void file_free(struct local_file *file)
{
    loop_cancel(&file->retry);
    if (file->fd >= 0)
        close(file->fd);
    if (file->is_named && !file->is_committed)
        unlink(file->path);
    digest_free(file->file.sha256);
    free(file->filling);
    free(file->writing);
    free(file->path);
    free(file->media_dir);
    free(file->key);
    free(file);
}

static void run(struct local_file *file, enum task task);
static void local_on_worked(uv_work_t *work, int status);

static void on_retry(void *ctx)
{
    struct local_file *file = ctx;

    file->retry = NULL;
    uv_queue_work(loop_uv(file->loop), &file->work, local_on_work, local_on_worked);
}

// A file that can't be had again: its task is tried until there is room. Whoever writes waits
// meanwhile.
static bool wait_for_room(struct local_file *file)
{
    int64_t now_ms = clock_mono_ms();

    if (!file->is_full || file->is_dropped || !file->file.storage->is_patient)
        return false;
    if (file->failing_since_ms == 0) {
        file->failing_since_ms = now_ms;
        log_warn("storage.full", "key=%s error=\"%s\"", file->key, file->err.message);
    }
    if (now_ms - file->failing_since_ms > PATIENCE_MS)
        return false;
    file->has_failed = file->is_full = false;
    file->retry = loop_after(file->loop, RETRY_MS, on_retry, file);
    return true;
}

static void local_on_synced(struct folder_wait *wait, int error)
{
    struct local_file *file =
        (struct local_file *)((char *)wait - offsetof(struct local_file, wait));

    file->task = IDLE;
    if (error != 0) {
        errno = error;
        local_fail(file, "fsync of the directory");
    }
    if (file->is_dropped)
        file_free(file);
    else
        file->file.done(&file->file, file->has_failed ? &file->err : NULL);
}

static void local_sync(struct local_file *file)
{
    struct buf path = {0};

    buf_fmt(&path, "%s/%s", file->media_dir, file->key);
    file->task = SYNCING;
    file->wait.done = local_on_synced;
    folder_sync_add(file->sync, path.data, &file->wait);
    buf_clear(&path);
}

static void local_on_worked(uv_work_t *work, int status)
{
    struct local_file *file = of_work(work);
    enum task task = file->task;

    (void)status;
    if (file->has_failed && wait_for_room(file))
        return;
    if (!file->has_failed)
        file->failing_since_ms = 0;
    file->task = IDLE;
    if (file->is_dropped) {
        file_free(file);
    } else if (task == COMMITTING && !file->has_failed) {
        local_sync(file);
    } else if (task == COMMITTING) {
        file->file.done(&file->file, &file->err);
    } else if (file->wants_commit) {
        run(file, COMMITTING);
    } else if (file->is_refused) {
        file->is_refused = false;
        file->file.ready(&file->file, file->has_failed ? &file->err : NULL);
    }
}

// Hands the buffer that was filled to a thread.
static void run(struct local_file *file, enum task task)
{
    char *swap = file->filling;

    file->filling = file->writing;
    file->writing = swap;
    file->to_write = file->filled;
    file->filled = 0;
    file->task = task;
    uv_queue_work(loop_uv(file->loop), &file->work, local_on_work, local_on_worked);
}

struct storage_file *storage_local_file_create(struct storage *storage, const char *key,
                                               const char *content_type, int64_t expected)
{
    const struct local_storage *local = (const struct local_storage *)storage;
    struct local_file *file = mem_new(struct local_file);
    struct buf path = {0}, media = {0};
    char name[25];

    (void)content_type, (void)expected; // the key's extension says what the file is
    id_random_hex(name, sizeof name - 1);
    buf_fmt(&path, "%s/tmp/%s", storage->config->data_dir, name);
    storage_local_add_root(storage, key, &media);
    file->loop = storage->loop;
    file->sync = local->sync;
    file->may_be_nameless = local->names_by_fd;
    file->path = buf_take(&path);
    file->media_dir = buf_take(&media);
    file->key = mem_str(key);
    file->is_served = storage_local_is_served(key);
    file->fd = -1;
    return &file->file;
}

bool storage_local_file_write(struct storage_file *base, const void *data, size_t len)
{
    struct local_file *file = (struct local_file *)base;

    if (file->filled + len > BUFFER_BYTES) {
        // Pieces are small, so a full buffer is nearly full when it goes.
        if (file->task == IDLE)
            run(file, WRITING);
        if (file->filled + len > BUFFER_BYTES) {
            file->is_refused = true;
            return false;
        }
    }
    if (file->filling == NULL)
        file->filling = mem_resize(NULL, BUFFER_BYTES);
    memcpy(file->filling + file->filled, data, len);
    file->filled += len;
    return true;
}

bool storage_local_file_recover(struct storage_file *base)
{
    (void)base;
    return false; // a disk that is full or broken won't be better at once
}

void storage_local_file_commit(struct storage_file *base)
{
    struct local_file *file = (struct local_file *)base;

    if (file->task == IDLE)
        run(file, COMMITTING);
    else
        file->wants_commit = true;
}

void storage_local_file_drop(struct storage_file *base)
{
    struct local_file *file = (struct local_file *)base;

    if (file->task == IDLE || file->retry != NULL)
        file_free(file);
    else
        file->is_dropped = true;
}
