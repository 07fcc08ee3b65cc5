// Artifacts in data_dir/media: temporary name, fsync of file and directory, rename.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/io/loop.h"
#include "workers/storage.h"

enum { BUFFER_BYTES = 256 * 1024, LEFT_OVER_S = 24 * 3600 };

// What a thread of the pool is doing for a file; one thing at a time.
enum task { IDLE, WRITING, COMMITTING };

struct storage_file {
    uv_work_t work; // first: what libuv gives back
    struct loop *loop;
    char *path;         // the temporary name
    char *media_dir;    // where keys begin
    int fd;             // -1 until the first piece is written
    int64_t size;       // taken, written or not
    int64_t offset;     // written
    bool is_truncating; // the piece being written begins anew
    bool wants_rewind;  // the next one does

    // Filled by the loop's thread, while the other is being written.
    char *filling, *writing;
    size_t filled, to_write;

    enum task task;
    bool is_refused; // a write was: ready is owed
    bool is_dropped; // freed when the thread is done
    bool is_committed;
    bool wants_commit;
    struct err err;
    bool has_failed;

    char *key;
    int64_t deadline_ms;
    storage_ready_fn ready;
    storage_done_fn done;
    void *ctx, *done_ctx;
};

static bool fail(struct storage_file *file, const char *what)
{
    file->has_failed = true;
    return err_set(&file->err, ERR_IO, "storage: %s: %s", what, strerror(errno));
}

// The following run on a thread of the pool.

static bool make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST) {
            *slash = '/';
            return false;
        }
        *slash = '/';
    }
    return true;
}

static bool write_piece(struct storage_file *file)
{
    size_t done = 0;

    if (file->fd < 0) {
        if (!make_parents(file->path))
            return fail(file, "mkdir");
        file->fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (file->fd < 0)
            return fail(file, "open");
    }
    if (file->is_truncating) {
        if (ftruncate(file->fd, 0) != 0)
            return fail(file, "truncate");
        file->offset = 0;
    }
    while (done < file->to_write) {
        ssize_t wrote =
            pwrite(file->fd, file->writing + done, file->to_write - done, (off_t)file->offset);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return fail(file, "write");
        done += (size_t)wrote;
        file->offset += wrote;
    }
    return true;
}

static bool sync_directory(char *path)
{
    char *slash = strrchr(path, '/');
    int fd, result;

    *slash = '\0';
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (fd < 0)
        return false;
    result = fsync(fd);
    close(fd);
    return result == 0;
}

static bool commit(struct storage_file *file)
{
    struct buf path = {0};
    bool ok = false;

    if (!write_piece(file))
        return false;
    buf_fmt(&path, "%s/%s", file->media_dir, file->key);
    if (fsync(file->fd) != 0) {
        fail(file, "fsync");
    } else if (!make_parents(path.data)) {
        fail(file, "mkdir");
    } else if (clock_mono_ms() > file->deadline_ms) {
        file->has_failed = true;
        err_set(&file->err, ERR_CONFLICT, "storage: too late, the lease may be someone else's");
    } else if (rename(file->path, path.data) != 0) {
        fail(file, "rename");
    } else {
        file->is_committed = true;
        ok = sync_directory(path.data) || fail(file, "fsync of the directory");
    }
    buf_clear(&path);
    return ok;
}

static void on_work(uv_work_t *work)
{
    struct storage_file *file = (struct storage_file *)work;

    if (file->has_failed)
        return;
    if (file->task == COMMITTING)
        commit(file);
    else
        write_piece(file);
}

// Back on the loop's thread.

static void file_free(struct storage_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->fd >= 0 && !file->is_committed)
        unlink(file->path);
    free(file->filling);
    free(file->writing);
    free(file->path);
    free(file->media_dir);
    free(file->key);
    free(file);
}

static void run(struct storage_file *file, enum task task);

static void on_worked(uv_work_t *work, int status)
{
    struct storage_file *file = (struct storage_file *)work;
    enum task task = file->task;

    (void)status;
    file->task = IDLE;
    if (file->is_dropped) {
        file_free(file);
    } else if (task == COMMITTING) {
        storage_done_fn done = file->done;

        file->done = NULL;
        done(file->done_ctx, file->has_failed ? &file->err : NULL);
    } else if (file->wants_commit) {
        run(file, COMMITTING);
    } else if (file->is_refused) {
        file->is_refused = false;
        file->ready(file->ctx, file->has_failed ? &file->err : NULL);
    }
}

// Hands what was filled to a thread.
static void run(struct storage_file *file, enum task task)
{
    char *swap = file->filling;

    file->filling = file->writing;
    file->writing = swap;
    file->to_write = file->filled;
    file->filled = 0;
    file->task = task;
    file->is_truncating = file->wants_rewind;
    file->wants_rewind = false;
    uv_queue_work(loop_uv(file->loop), &file->work, on_work, on_worked);
}

struct storage_file *storage_create(struct loop *loop, const char *data_dir, storage_ready_fn ready,
                                    void *ctx)
{
    struct storage_file *file = mem_new(struct storage_file);
    struct buf path = {0}, media = {0};
    char name[25];

    id_random_hex(name, sizeof name - 1);
    buf_fmt(&path, "%s/tmp/%s", data_dir, name);
    buf_fmt(&media, "%s/media", data_dir);
    file->loop = loop;
    file->path = buf_take(&path);
    file->media_dir = buf_take(&media);
    file->fd = -1;
    file->filling = mem_resize(NULL, BUFFER_BYTES);
    file->writing = mem_resize(NULL, BUFFER_BYTES);
    file->ready = ready;
    file->ctx = ctx;
    return file;
}

bool storage_write(struct storage_file *file, const void *data, size_t len)
{
    if (file->filled + len > BUFFER_BYTES) {
        // Pieces are at most curl's 16 KB, so a full buffer is nearly full when it goes.
        if (file->task == IDLE)
            run(file, WRITING);
        if (file->filled + len > BUFFER_BYTES) {
            file->is_refused = true;
            return false;
        }
    }
    memcpy(file->filling + file->filled, data, len);
    file->filled += len;
    file->size += (int64_t)len;
    return true;
}

int64_t storage_size(const struct storage_file *file)
{
    return file->size;
}

void storage_rewind(struct storage_file *file)
{
    // A thread may be writing right now: only what comes next begins at 0.
    file->wants_rewind = true;
    file->filled = 0;
    file->size = 0;
}

void storage_commit(struct storage_file *file, const char *key, int64_t deadline_ms,
                    storage_done_fn done, void *ctx)
{
    file->key = mem_str(key);
    file->deadline_ms = deadline_ms;
    file->done = done;
    file->done_ctx = ctx;
    if (file->task == IDLE)
        run(file, COMMITTING);
    else
        file->wants_commit = true;
}

void storage_drop(struct storage_file **file)
{
    if (*file == NULL)
        return;
    if ((*file)->task == IDLE)
        file_free(*file);
    else
        (*file)->is_dropped = true;
    *file = NULL;
}

// Files that nobody has written to for so long are nobody's.

struct sweep {
    uv_work_t work; // first: what libuv gives back
    char *path;
};

static void on_sweep(uv_work_t *work)
{
    struct sweep *sweep = (struct sweep *)work;
    DIR *dir = opendir(sweep->path);
    struct dirent *entry;
    struct stat info;

    if (dir == NULL)
        return; // nothing was ever archived here
    while ((entry = readdir(dir)) != NULL) {
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode) && time(NULL) - info.st_mtime > LEFT_OVER_S)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

static void on_swept(uv_work_t *work, int status)
{
    struct sweep *sweep = (struct sweep *)work;

    (void)status;
    free(sweep->path);
    free(sweep);
}

void storage_sweep(struct loop *loop, const char *data_dir)
{
    struct sweep *sweep = mem_new(struct sweep);
    struct buf path = {0};

    buf_fmt(&path, "%s/tmp", data_dir);
    sweep->path = buf_take(&path);
    uv_queue_work(loop_uv(loop), &sweep->work, on_sweep, on_swept);
}
