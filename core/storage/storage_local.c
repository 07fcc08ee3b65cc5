// Artifacts in data_dir/media: written without a name where the file system can do that, else under
// a temporary one; fsync of the file, its name, fsync of the folder.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/storage/folder_sync.h"
#include "core/storage/storage_private.h"

enum { BUFFER_BYTES = 256 * 1024, READ_BYTES = 65536, LEFT_OVER_S = 24 * 3600 };
// How often a disk that is full is tried again, where there is patience.
enum { RETRY_MS = 500, PATIENCE_MS = 60000 };

// What is being done for a file, by a thread of the pool; one thing at a time.
enum task { IDLE, WRITING, COMMITTING, SYNCING };

struct local_storage {
    struct storage storage; // first: what others know
    struct folder_sync *sync;
    bool names_by_fd; // a file without a name can be given one, by /proc
};

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

static bool place(int (*fn)(const char *from, const char *to), const char *from, char *to,
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
        if (place(link_nameless, from, name, private_len, file->file.deadline_ms))
            return true;
        // By way of a temporary name: there is a file that has the other one.
        if (errno == ETIME || link_nameless(from, file->path) != 0)
            return false;
        file->is_named = true;
    }
    return place(rename, file->path, name, private_len, file->file.deadline_ms);
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

// Inputs, and answers of vendors that aren't archived yet, are kept outside the folder that is
// served.
static bool is_served(const char *key)
{
    return strncmp(key, "inputs/", 7) != 0 && strncmp(key, "answers/", 8) != 0;
}

static void add_root(const struct storage *storage, const char *key, struct buf *path)
{
    buf_fmt(path, is_served(key) ? "%s/media" : "%s", storage->config->data_dir);
}

static struct storage_file *create(struct storage *storage, const char *key,
                                   const char *content_type, int64_t expected)
{
    const struct local_storage *local = (const struct local_storage *)storage;
    struct local_file *file = mem_new(struct local_file);
    struct buf path = {0}, media = {0};
    char name[25];

    (void)content_type, (void)expected; // the key's extension says what the file is
    id_random_hex(name, sizeof name - 1);
    buf_fmt(&path, "%s/tmp/%s", storage->config->data_dir, name);
    add_root(storage, key, &media);
    file->loop = storage->loop;
    file->sync = local->sync;
    file->may_be_nameless = local->names_by_fd;
    file->path = buf_take(&path);
    file->media_dir = buf_take(&media);
    file->key = mem_str(key);
    file->is_served = is_served(key);
    file->fd = -1;
    return &file->file;
}

static bool write_file(struct storage_file *base, const void *data, size_t len)
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

static bool recover(struct storage_file *base)
{
    (void)base;
    return false; // a disk that is full or broken won't be better at once
}

static void commit_file(struct storage_file *base)
{
    struct local_file *file = (struct local_file *)base;

    if (file->task == IDLE)
        run(file, COMMITTING);
    else
        file->wants_commit = true;
}

static void local_drop(struct storage_file *base)
{
    struct local_file *file = (struct local_file *)base;

    if (file->task == IDLE || file->retry != NULL)
        file_free(file);
    else
        file->is_dropped = true;
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
    add_root(storage, key, path);
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
    } else if (!place(link, linking->from, linking->to, linking->private_len,
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

    add_root(storage, key, &to);
    linking->private_len = is_served(key) ? to.len - 1 : SIZE_MAX;
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
        .create = create,
        .write = write_file,
        .recover = recover,
        .commit = commit_file,
        .drop = local_drop,
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
