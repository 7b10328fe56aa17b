/* Lets one of a program's system calls that write fail, for the tests in tests/it/faults.rs. The program is
 * started with this library in LD_PRELOAD, so that its calls come here before they reach the C library.
 *
 * Calls count that create, write, lock, rename or remove something below one of the folders in
 * LB_FAIL_UNDER (separated by colons). Each is a line in the file LB_FAIL_LOG: its number from 1 on, its
 * name, and the path. The call whose number is LB_FAIL_AT fails with the error number LB_FAIL_ERRNO, and
 * its line ends in " failed"; with 0, none fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int count;

/* The path that an open file has, or "". */
static void path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

static void full_path(int folder, const char *path, char *full) {
    if (path[0] == '/') {
        snprintf(full, PATH_MAX, "%s", path);
        return;
    }
    char from[PATH_MAX];
    if (folder == AT_FDCWD) {
        if (!getcwd(from, sizeof from)) from[0] = 0;
    } else {
        path_of(folder, from);
    }
    if (snprintf(full, PATH_MAX, "%s/%s", from, path) >= PATH_MAX) full[0] = 0;
}

static int is_concerned(const char *path) {
    const char *folders = getenv("LB_FAIL_UNDER");
    while (folders && *folders) {
        size_t length = strcspn(folders, ":");
        if (length && strncmp(path, folders, length) == 0 && (path[length] == '/' || !path[length])) return 1;
        folders += length + (folders[length] == ':');
    }
    return 0;
}

/* Whether this call is to fail; errno is then set. */
static int fails(const char *name, const char *path) {
    if (!is_concerned(path)) return 0;
    int number = atomic_fetch_add(&count, 1) + 1;
    const char *at = getenv("LB_FAIL_AT");
    int failing = at && atoi(at) == number;
    const char *log = getenv("LB_FAIL_LOG");
    if (log) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%d %s %s%s\n", number, name, path, failing ? " failed" : "");
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd >= 0) {
            if (syscall(SYS_write, fd, line, (size_t)length) < 0) failing = failing;
            syscall(SYS_close, fd);
        }
    }
    if (failing) {
        const char *error = getenv("LB_FAIL_ERRNO");
        errno = error ? atoi(error) : EIO;
    }
    return failing;
}

static int fails_at(const char *name, int folder, const char *path) {
    char full[PATH_MAX];
    full_path(folder, path, full);
    return fails(name, full);
}

static int fails_on(const char *name, int fd) {
    char path[PATH_MAX];
    path_of(fd, path);
    return fails(name, path);
}

#define REAL(name, result, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int is_writing(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define OPEN(name)                                                                                        \
    int name(const char *path, int flags, ...) {                                                          \
        va_list more;                                                                                     \
        va_start(more, flags);                                                                            \
        mode_t mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                                     \
        if (is_writing(flags) && fails_at("open", AT_FDCWD, path)) return -1;                             \
        return REAL(#name, int, const char *, int, mode_t)(path, flags, mode);                            \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                      \
    int name(int folder, const char *path, int flags, ...) {                                              \
        va_list more;                                                                                     \
        va_start(more, flags);                                                                            \
        mode_t mode = va_arg(more, mode_t);                                                               \
        va_end(more);                                                                                     \
        if (is_writing(flags) && fails_at("open", folder, path)) return -1;                               \
        return REAL(#name, int, int, const char *, int, mode_t)(folder, path, flags, mode);               \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *bytes, size_t length) {
    if (fails_on("write", fd)) return -1;
    return REAL("write", ssize_t, int, const void *, size_t)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int length) {
    if (fails_on("write", fd)) return -1;
    return REAL("writev", ssize_t, int, const struct iovec *, int)(fd, parts, length);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    if (fails_on("write", fd)) return -1;
    return REAL("pwrite64", ssize_t, int, const void *, size_t, off64_t)(fd, bytes, length, at);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags) {
    if (fails_on("write", to)) return -1;
    return REAL("copy_file_range", ssize_t, int, off64_t *, int, off64_t *, size_t, unsigned)(
        from, from_at, to, to_at, length, flags);
}

int fsync(int fd) {
    if (fails_on("sync", fd)) return -1;
    return REAL("fsync", int, int)(fd);
}

int fdatasync(int fd) {
    if (fails_on("sync", fd)) return -1;
    return REAL("fdatasync", int, int)(fd);
}

int ftruncate64(int fd, off64_t length) {
    if (fails_on("truncate", fd)) return -1;
    return REAL("ftruncate64", int, int, off64_t)(fd, length);
}

int flock(int fd, int operation) {
    if (fails_on("lock", fd)) return -1;
    return REAL("flock", int, int, int)(fd, operation);
}

int futimens(int fd, const struct timespec times[2]) {
    if (fails_on("time", fd)) return -1;
    return REAL("futimens", int, int, const struct timespec *)(fd, times);
}

int fchmod(int fd, mode_t mode) {
    if (fails_on("mode", fd)) return -1;
    return REAL("fchmod", int, int, mode_t)(fd, mode);
}

int rename(const char *from, const char *to) {
    if (fails_at("rename", AT_FDCWD, to)) return -1;
    return REAL("rename", int, const char *, const char *)(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    if (fails_at("rename", to_folder, to)) return -1;
    return REAL("renameat2", int, int, const char *, int, const char *, unsigned)(
        from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to) {
    if (fails_at("link", AT_FDCWD, to)) return -1;
    return REAL("link", int, const char *, const char *)(from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    if (fails_at("link", to_folder, to)) return -1;
    return REAL("linkat", int, int, const char *, int, const char *, int)(
        from_folder, from, to_folder, to, flags);
}

int mkdir(const char *path, mode_t mode) {
    if (fails_at("mkdir", AT_FDCWD, path)) return -1;
    return REAL("mkdir", int, const char *, mode_t)(path, mode);
}

int unlink(const char *path) {
    if (fails_at("remove", AT_FDCWD, path)) return -1;
    return REAL("unlink", int, const char *)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    if (fails_at("remove", folder, path)) return -1;
    return REAL("unlinkat", int, int, const char *, int)(folder, path, flags);
}

int rmdir(const char *path) {
    if (fails_at("remove", AT_FDCWD, path)) return -1;
    return REAL("rmdir", int, const char *)(path);
}
