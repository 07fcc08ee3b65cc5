// Files that are nobody else's.
#include "core/base/private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/log.h"

enum { OTHERS = 077 };

static mode_t operators_umask = OTHERS;

void private_start(void)
{
    operators_umask = umask(OTHERS);
}

mode_t private_served(mode_t mode)
{
    return mode & ~operators_umask;
}

void private_tighten(const char *directory, const char *name)
{
    struct buf path = {0};
    struct stat info;
    mode_t mode;

    buf_fmt(&path, "%s/%s", directory, name);
    if (lstat(path.data, &info) == 0 && (info.st_mode & OTHERS) != 0 && !S_ISLNK(info.st_mode)) {
        mode = info.st_mode & 0700;
        if (chmod(path.data, mode) == 0)
            log_warn("rights.tightened", "path=%s from=%04o to=%04o", path.data,
                     (unsigned)(info.st_mode & 07777), (unsigned)mode);
        else
            log_warn("rights.open", "path=%s error=\"%s\"", path.data, strerror(errno));
    }
    buf_clear(&path);
}

bool private_make(const char *path, struct err *err)
{
    struct buf part = {0};
    bool ok = true;

    buf_str(&part, path);
    for (char *slash = strchr(part.data + 1, '/'); ok; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(part.data, 0700) != 0 && errno != EEXIST)
            ok = err_set(err, ERR_IO, "%s: %s", part.data, strerror(errno));
        if (slash == NULL)
            break;
        *slash = '/';
    }
    buf_clear(&part);
    return ok;
}
