/* Preloaded into a process on Linux, it writes down every system call that changes what stands below a folder, with the
 * bytes: what a disk of the engine's own could not see, above all what the index store does.
 *
 *   TILLROLL_CALLS_ROOT   the folder
 *   TILLROLL_CALLS_LOG    where to append; power/calls.rs reads it
 *
 * record := call (1 byte), 3 zero bytes, descriptor (4), offset (8), length of path, of second path, of data (8 each), and
 * the three. One lock is held from before a call until it is written down, so that the log has the order of the disk. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { FILES_MAX = 4096 };

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static unsigned char is_watched[FILES_MAX];
static const char *root;
static int log_file = -1;

static void fail(const char *why)
{
    fprintf(stderr, "calls.c: %s\n", why);
    abort();
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("TILLROLL_CALLS_LOG");
    root = getenv("TILLROLL_CALLS_ROOT");
    if (root == NULL || path == NULL)
        return;
    log_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log_file < 0)
        fail("the log cannot be opened");
}

static int is_below(const char *path)
{
    return log_file >= 0 && root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static int is_file_watched(int file)
{
    return file >= 0 && file < FILES_MAX && is_watched[file];
}

static void put(const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        long written = syscall(SYS_write, log_file, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            fail("the log cannot be written");
        next += written;
        length -= (size_t)written;
    }
}

static void record(char call, int file, uint64_t offset, const char *path, const char *other, const void *data,
                   size_t length)
{
    int saved = errno;
    char head[40] = {0};
    uint64_t lengths[3] = {path ? strlen(path) : 0, other ? strlen(other) : 0, length};
    int32_t number = file;
    head[0] = call;
    memcpy(head + 4, &number, 4);
    memcpy(head + 8, &offset, 8);
    memcpy(head + 16, lengths, 24);
    put(head, sizeof head);
    put(path, lengths[0]);
    put(other, lengths[1]);
    put(data, length);
    errno = saved;
}

/* The path of a name in an open folder, where it is not a path from the root already. */
static const char *whole(int folder, const char *path, char *room)
{
    char link[64];
    ssize_t length;
    if (path[0] == '/' || folder == AT_FDCWD)
        return path;
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    length = readlink(link, room, PATH_MAX - strlen(path) - 2);
    if (length < 0)
        return path;
    room[length] = '/';
    strcpy(room + length + 1, path);
    return room;
}

static int open_any(int folder, const char *path, int flags, mode_t mode)
{
    char room[PATH_MAX];
    const char *name = whole(folder, path, room);
    struct stat found;
    int file, is_new;
    if (!is_below(name)) {
        file = (int)syscall(SYS_openat, folder, path, flags, mode);
        /* The C library may have closed a watched one of this number by itself. */
        if (file >= 0 && file < FILES_MAX)
            is_watched[file] = 0;
        return file;
    }
    pthread_mutex_lock(&order);
    is_new = (flags & O_CREAT) && stat(name, &found) != 0;
    file = (int)syscall(SYS_openat, folder, path, flags, mode);
    if (file >= FILES_MAX)
        fail("too many files");
    if (file >= 0) {
        is_watched[file] = 1;
        record(is_new ? 'C' : 'O', file, 0, name, NULL, NULL, 0);
        if ((flags & O_TRUNC) && !is_new)
            record('T', file, 0, NULL, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&order);
    return file;
}

#define MODE(flags, mode)                             \
    mode_t mode = 0;                                  \
    if ((flags) & O_CREAT) {                          \
        va_list rest;                                 \
        va_start(rest, flags);                        \
        mode = (mode_t)va_arg(rest, unsigned);        \
        va_end(rest);                                 \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_any(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_any(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_any(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_any(folder, path, flags, mode);
}

int close(int file)
{
    int done;
    if (!is_file_watched(file))
        return (int)syscall(SYS_close, file);
    pthread_mutex_lock(&order);
    is_watched[file] = 0;
    done = (int)syscall(SYS_close, file);
    record('c', file, 0, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset)
{
    ssize_t written;
    if (!is_file_watched(file))
        return syscall(SYS_pwrite64, file, bytes, length, offset);
    pthread_mutex_lock(&order);
    written = syscall(SYS_pwrite64, file, bytes, length, offset);
    if (written > 0)
        record('W', file, (uint64_t)offset, NULL, NULL, bytes, (size_t)written);
    pthread_mutex_unlock(&order);
    return written;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    return pwrite64(file, bytes, length, offset);
}

ssize_t write(int file, const void *bytes, size_t length)
{
    ssize_t written;
    off_t offset;
    if (!is_file_watched(file))
        return syscall(SYS_write, file, bytes, length);
    pthread_mutex_lock(&order);
    written = syscall(SYS_write, file, bytes, length);
    offset = (off_t)syscall(SYS_lseek, file, 0, SEEK_CUR);
    if (written > 0)
        record('W', file, (uint64_t)(offset - written), NULL, NULL, bytes, (size_t)written);
    pthread_mutex_unlock(&order);
    return written;
}

int ftruncate64(int file, off64_t length)
{
    int done;
    if (!is_file_watched(file))
        return (int)syscall(SYS_ftruncate, file, length);
    pthread_mutex_lock(&order);
    done = (int)syscall(SYS_ftruncate, file, length);
    if (done == 0)
        record('T', file, (uint64_t)length, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int ftruncate(int file, off_t length)
{
    return ftruncate64(file, length);
}

/* The real sync is left out: nobody cuts the power of the test itself. */
static int sync_any(int file, long number)
{
    if (!is_file_watched(file))
        return (int)syscall(number, file);
    pthread_mutex_lock(&order);
    record('S', file, 0, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&order);
    return 0;
}

int fsync(int file)
{
    return sync_any(file, SYS_fsync);
}

int fdatasync(int file)
{
    return sync_any(file, SYS_fdatasync);
}

/* It orders nothing and makes nothing durable, so there is nothing to write down. */
int sync_file_range(int file, off64_t offset, off64_t length, unsigned flags)
{
    if (is_file_watched(file))
        return 0;
    return (int)syscall(SYS_sync_file_range, file, offset, length, flags);
}

int rename(const char *from, const char *to)
{
    int done;
    if (!is_below(from) && !is_below(to))
        return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&order);
    done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (done == 0)
        record('R', -1, 0, from, to, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int unlinkat(int folder, const char *path, int flags)
{
    char room[PATH_MAX];
    const char *name = whole(folder, path, room);
    int done;
    if (!is_below(name))
        return (int)syscall(SYS_unlinkat, folder, path, flags);
    pthread_mutex_lock(&order);
    done = (int)syscall(SYS_unlinkat, folder, path, flags);
    if (done == 0)
        record('U', -1, 0, name, NULL, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
    int done;
    if (!is_below(path))
        return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    pthread_mutex_lock(&order);
    done = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (done == 0)
        record('M', -1, 0, path, NULL, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

/* Copies go the long way, through calls that are written down. */
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *to_at, size_t length, unsigned flags)
{
    (void)from, (void)at, (void)to, (void)to_at, (void)length, (void)flags;
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile64(int to, int from, off64_t *offset, size_t length)
{
    (void)to, (void)from, (void)offset, (void)length;
    errno = ENOSYS;
    return -1;
}
