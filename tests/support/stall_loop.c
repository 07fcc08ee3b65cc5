// Loaded before a program: the thread whose name the file SPOOL_STALL has in its first 16 bytes
// doesn't get on with its event loop, for as long as it is named there. Nothing else stands still.
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NAME_BYTES = 16 };

static const char *named(void)
{
    static _Atomic(const char *) file;
    const char *name = atomic_load(&file);

    if (name == NULL) {
        const char *path = getenv("SPOOL_STALL");
        int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        void *map = fd < 0 ? MAP_FAILED : mmap(NULL, NAME_BYTES, PROT_READ, MAP_SHARED, fd, 0);

        if (fd >= 0)
            close(fd);
        name = map == MAP_FAILED ? "" : map;
        atomic_store(&file, name);
    }
    return name;
}

// libuv uses the one or the other.
int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    return epoll_pwait(epoll, events, most, timeout_ms, NULL);
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms,
                const sigset_t *signals)
{
    char name[NAME_BYTES] = "";

    prctl(PR_GET_NAME, name);
    while (strncmp(named(), name, NAME_BYTES) == 0)
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout_ms, signals, 8);
}
