/* A disk that fails once: loaded into a program with LD_PRELOAD, it lets one fsync or fdatasync of
 * one file return EIO, as Linux does when pages could not be written. The next ones succeed, as
 * they do on Linux, where a failed page counts as clean afterwards: whoever tries again is told
 * that all is well.
 *
 *   FSYNC_FAULT_FILE   the file; or a folder with a slash at its end, for all files in it
 *   FSYNC_FAULT_ORDER  while this file is not there nothing fails; it says that the nth call from
 *                      now on is to fail
 *
 * Before it fails, the call creates ORDER.reached and waits for ORDER.go, so that a test can see
 * what was durable at that moment. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A test that never says go has died; its limit is a minute. */
#define WAIT_MILLISECONDS_MAX 60000

static atomic_long calls;

static int is_meant(int fd) {
    const char *file = getenv("FSYNC_FAULT_FILE");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (file == NULL || length < 0) return 0;
    path[length] = '\0';
    size_t meant = strlen(file);
    if (meant > 0 && file[meant - 1] == '/') return strncmp(path, file, meant) == 0;
    return strcmp(path, file) == 0;
}

/* Which call is to fail; 0 where nothing was ordered. */
static long ordered(const char *order) {
    FILE *file = order == NULL ? NULL : fopen(order, "re");
    long nth = 0;
    if (file == NULL) return 0;
    if (fscanf(file, "%ld", &nth) != 1) nth = 0;
    fclose(file);
    return nth;
}

static void wait_for_go(const char *order) {
    char path[PATH_MAX];
    const struct timespec millisecond = {0, 1000000};
    snprintf(path, sizeof path, "%s.reached", order);
    int reached = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (reached >= 0) close(reached);
    snprintf(path, sizeof path, "%s.go", order);
    for (int waited = 0; waited < WAIT_MILLISECONDS_MAX && access(path, F_OK) != 0; waited++)
        nanosleep(&millisecond, NULL);
}

static int fails(int fd) {
    const char *order = getenv("FSYNC_FAULT_ORDER");
    long nth = ordered(order);
    if (nth == 0 || !is_meant(fd) || atomic_fetch_add(&calls, 1) + 1 != nth) return 0;
    wait_for_go(order);
    return 1;
}

static int sync_with(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (fails(fd) || real == NULL) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd) { return sync_with("fsync", fd); }

int fdatasync(int fd) { return sync_with("fdatasync", fd); }
