// Artifacts in data_dir/media: how they are read, linked and deleted, and what goes by itself.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/storage/folder_sync.h"
#include "core/storage/storage_local_private.h"

enum { READ_BYTES = 65536, LEFT_OVER_S = 24 * 3600 };

bool storage_local_is_served(const char *key)
{
    return strncmp(key, "inputs/", 7) != 0 && strncmp(key, "answers/", 8) != 0;
}

void storage_local_add_root(const struct storage *storage, const char *key, struct buf *path)
{
    buf_fmt(path, storage_local_is_served(key) ? "%s/media" : "%s", storage->config->data_dir);
}

// Reads.

struct local_read {
    struct storage_op op; // first: what others know
    uv_work_t work;
    uv_loop_t *uv;
    char *path;
    char *piece;
    int fd;
    int64_t at;  // where the next read begins
    ssize_t got; // of the last read
    struct err err;
    bool has_failed, is_working, is_dropped;
};

static struct local_read *read_of_work(uv_work_t *work)
{
    return (struct local_read *)((char *)work - offsetof(struct local_read, work));
}

static void read_on_work(uv_work_t *work)
{
    struct local_read *read_op = read_of_work(work);
    struct stat info;

    if (read_op->fd < 0) {
        read_op->fd = open(read_op->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        read_op->has_failed =
            read_op->fd < 0 || fstat(read_op->fd, &info) != 0 || !S_ISREG(info.st_mode);
        if (read_op->has_failed) {
            err_set(&read_op->err, read_op->fd < 0 && errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                    "storage: the file can't be read");
            return;
        }
        read_op->op.size = info.st_size;
    }
    read_op->got = pread(read_op->fd, read_op->piece, READ_BYTES, (off_t)read_op->at);
    read_op->has_failed = read_op->got < 0;
    if (!read_op->has_failed)
        read_op->at += read_op->got;
    else
        err_set(&read_op->err, ERR_IO, "storage: read: %s", strerror(errno));
}

static void read_free(struct local_read *read_op)
{
    if (read_op->fd >= 0)
        close(read_op->fd);
    free(read_op->path);
    free(read_op->piece);
    free(read_op);
}

static void read_next(struct local_read *read_op);

// Frees it before it calls back.
static void read_finish(struct local_read *read_op)
{
    storage_done_fn done = read_op->op.done;
    void *ctx = read_op->op.ctx;
    struct err err = read_op->err;
    bool has_failed = read_op->has_failed;

    read_free(read_op);
    done(ctx, has_failed ? &err : NULL);
}

// The callee may cancel the read, which is not freed while is_working is set.
static void read_give(struct local_read *read_op)
{
    bool is_taken;

    read_op->is_working = true;
    is_taken = read_op->op.piece(read_op->op.ctx, read_op->piece, (size_t)read_op->got);
    read_op->is_working = false;
    if (read_op->is_dropped)
        read_free(read_op);
    else if (is_taken)
        read_next(read_op);
}

static void read_on_worked(uv_work_t *work, int status)
{
    struct local_read *read_op = read_of_work(work);

    (void)status;
    read_op->is_working = false;
    if (read_op->is_dropped)
        read_free(read_op);
    else if (read_op->has_failed || read_op->got == 0)
        read_finish(read_op);
    else
        read_give(read_op);
}

static void read_next(struct local_read *read_op)
{
    read_op->is_working = true;
    uv_queue_work(read_op->uv, &read_op->work, read_on_work, read_on_worked);
}

static void cancel_read(struct storage_op *op)
{
    struct local_read *read_op = (struct local_read *)op;

    if (read_op->is_working)
        read_op->is_dropped = true;
    else
        read_free(read_op);
}

static void add_path(const struct storage *storage, const char *key, struct buf *path)
{
    storage_local_add_root(storage, key, path);
    buf_fmt(path, "/%s", key);
}

static struct storage_op *stream_file(struct storage *storage, const char *key, int64_t from,
                                      int64_t count)
{
    struct local_read *read_op = mem_new(struct local_read);
    struct buf path = {0};

    (void)count; // a piece more costs nothing here
    add_path(storage, key, &path);
    read_op->at = from;
    read_op->op.cancel = cancel_read;
    read_op->path = buf_take(&path);
    read_op->piece = mem_resize(NULL, READ_BYTES);
    read_op->fd = -1;
    read_op->uv = loop_uv(storage->loop);
    read_next(read_op);
    return &read_op->op;
}

static void resume_read(struct storage_op *op)
{
    read_give((struct local_read *)op);
}

// Another name for a file.

struct linking {
    struct storage_op op; // first: what others know
    uv_work_t work;
    struct folder_wait wait;
    char *from, *to;
    size_t private_len;
    int64_t deadline_ms;
    struct err err;
    bool has_failed, is_dropped;
};

static struct linking *linking_of_work(uv_work_t *work)
{
    return (struct linking *)((char *)work - offsetof(struct linking, work));
}

static bool linking_fail(struct linking *linking, const char *what)
{
    linking->has_failed = true;
    return err_set(&linking->err,
                   errno == EXDEV    ? ERR_CONFIG
                   : errno == ENOENT ? ERR_NOT_FOUND
                                     : ERR_IO,
                   "storage: %s: %s", what, strerror(errno));
}

// A file that is there already is the same one, of an attempt before.
static void linking_on_work(uv_work_t *work)
{
    struct linking *linking = linking_of_work(work);

    if (clock_mono_ms() > linking->deadline_ms) {
        linking->has_failed = true;
        err_set(&linking->err, ERR_CONFLICT, "storage: too late, the lease may be someone else's");
    } else if (!storage_local_place(link, linking->from, linking->to, linking->private_len,
                                    linking->deadline_ms) &&
               errno != EEXIST) {
        linking_fail(linking, "link");
    } else if (chmod(linking->to, private_served(0644)) != 0) {
        linking_fail(linking, "chmod");
    }
}

static void linking_free(struct linking *linking)
{
    free(linking->from);
    free(linking->to);
    free(linking);
}

static void linking_over(struct linking *linking)
{
    storage_done_fn done = linking->op.done;
    void *ctx = linking->op.ctx;
    struct err err = linking->err;
    bool has_failed = linking->has_failed, is_dropped = linking->is_dropped;

    linking_free(linking);
    if (!is_dropped)
        done(ctx, has_failed ? &err : NULL);
}

static void linking_on_synced(struct folder_wait *wait, int error)
{
    struct linking *linking = (struct linking *)((char *)wait - offsetof(struct linking, wait));

    if (error != 0) {
        errno = error;
        linking_fail(linking, "fsync of the directory");
    }
    linking_over(linking);
}

static void linking_on_worked(uv_work_t *work, int status)
{
    struct linking *linking = linking_of_work(work);

    (void)status;
    if (linking->has_failed || linking->is_dropped) {
        linking_over(linking);
        return;
    }
    linking->wait.done = linking_on_synced;
    folder_sync_add(((struct local_storage *)linking->op.storage)->sync, linking->to,
                    &linking->wait);
}

static void cancel_linking(struct storage_op *op)
{
    ((struct linking *)op)->is_dropped = true;
}

static struct storage_op *link_file(struct storage *storage, const char *key, const char *from_key,
                                    int64_t deadline_ms)
{
    struct linking *linking = mem_new(struct linking);
    struct buf from = {0}, to = {0};

    storage_local_add_root(storage, key, &to);
    linking->private_len = storage_local_is_served(key) ? to.len - 1 : SIZE_MAX;
    buf_fmt(&to, "/%s", key);
    add_path(storage, from_key, &from);
    linking->op.cancel = cancel_linking;
    linking->from = buf_take(&from);
    linking->to = buf_take(&to);
    linking->deadline_ms = deadline_ms;
    uv_queue_work(loop_uv(storage->loop), &linking->work, linking_on_work, linking_on_worked);
    return &linking->op;
}

// Deletes.

struct deletion {
    uv_work_t work; // first: what libuv gives back
    char *path;
};

static void on_deleting(uv_work_t *work)
{
    unlink(((struct deletion *)work)->path);
}

static void on_deleted(uv_work_t *work, int status)
{
    struct deletion *deletion = (struct deletion *)work;

    (void)status;
    free(deletion->path);
    free(deletion);
}

static void delete_file(struct storage *storage, const char *key)
{
    struct deletion *deletion = mem_new(struct deletion);
    struct buf path = {0};

    add_path(storage, key, &path);
    deletion->path = buf_take(&path);
    uv_queue_work(loop_uv(storage->loop), &deletion->work, on_deleting, on_deleted);
}

// What is too old goes: temporary files that nobody has written to for a day, and what has outlived
// the retention of the tasks that made it. A file that is open stays readable until it is closed.

struct local_sweep {
    uv_work_t work; // first: what libuv gives back
    char *data_dir;
    int64_t retention_s;
    const char *const *folders; // beside tmp; ends with NULL
};

enum { DEPTH_MAX = 8 };

static void sweep_folder(int parent, const char *name, int64_t older_s, int depth, bool is_own)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat info;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return; // nothing was ever kept here
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
            sweep_folder(fd, entry->d_name, older_s, depth + 1, true);
        else if (S_ISREG(info.st_mode) && time(NULL) - info.st_mtime > older_s)
            unlinkat(fd, entry->d_name, 0);
    }
    // Removes a folder that has become empty; unlinkat leaves one that hasn't.
    if (is_own && fstat(fd, &info) == 0 && time(NULL) - info.st_mtime > older_s)
        unlinkat(parent, name, AT_REMOVEDIR);
    closedir(dir);
}

static void on_sweep(uv_work_t *work)
{
    struct local_sweep *local_sweep = (struct local_sweep *)work;
    int root = open(local_sweep->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return;
    sweep_folder(root, "tmp", LEFT_OVER_S, 0, false);
    // An artifact is made before its task ends, so it goes a little later than the record.
    for (const char *const *name = local_sweep->folders; *name != NULL; name++)
        sweep_folder(root, *name, local_sweep->retention_s + LEFT_OVER_S, 0, false);
    close(root);
}

static void on_swept(uv_work_t *work, int status)
{
    struct local_sweep *local_sweep = (struct local_sweep *)work;

    (void)status;
    free(local_sweep->data_dir);
    free(local_sweep);
}

// The storage of answers, which there is beside any other, has a folder of its own.
static void local_sweep(struct storage *storage)
{
    static const char *const usual[] = {"media", "inputs", NULL}, *const answers[] = {"answers",
                                                                                      NULL};
    struct local_sweep *local_sweep = mem_new(struct local_sweep);

    local_sweep->folders = storage->is_patient ? answers : usual;

    local_sweep->data_dir = mem_str(storage->config->data_dir);
    local_sweep->retention_s = storage->config->retention_ms / 1000;
    uv_queue_work(loop_uv(storage->loop), &local_sweep->work, on_sweep, on_swept);
}

static void free_storage(struct storage *storage)
{
    struct local_storage *local = (struct local_storage *)storage;

    folder_sync_drop(&local->sync);
    free(local);
}

struct storage *storage_local_new(struct loop *loop, const struct config *config)
{
    static const struct storage_kind kind = {
        .free = free_storage,
        .sweep = local_sweep,
        .create = storage_local_file_create,
        .write = storage_local_file_write,
        .recover = storage_local_file_recover,
        .commit = storage_local_file_commit,
        .drop = storage_local_file_drop,
        .stream = stream_file,
        .resume = resume_read,
        .link = link_file,
        .delete = delete_file,
    };
    struct local_storage *local = mem_new(struct local_storage);

    local->storage = (struct storage){.kind = &kind, .loop = loop, .config = config};
    local->sync = folder_sync_new(loop);
    local->names_by_fd = access("/proc/self/fd", X_OK) == 0;
    private_tighten(config->data_dir, "inputs");
    private_tighten(config->data_dir, "answers");
    private_tighten(config->data_dir, "tmp");
    return &local->storage;
}
