/* Preloaded into a command under test (Linux): ends it, or fails it, at a chosen moment.

   Operations on files under one of the folders FAULTS_UNDER (separated by ":") are counted: opening
   for writing, writing, syncing, renaming, removing, making a folder. A byte is written to the file
   FAULTS_LOG for each. The operation number FAULTS_AT, from 1, does what FAULTS_DO says:

     kill    half of a write is done, then SIGKILL
     term    SIGTERM is sent, then the operation is done
     enospc, eio
             it fails, and so do all later ones that would need space

   Allocations of at least FAULTS_LEAST bytes are counted likewise in FAULTS_ALLOCATIONS; number
   FAULTS_NO_MEMORY_AT fails. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, KILL, TERM, FAIL };

static char under[8][PATH_MAX];
static int n_under, log_fd = -1, memory_log_fd = -1, what, error_number;
static long at, memory_at, least;
static atomic_long n_done, n_allocations;
static int ready;

static int opened_log(const char *name) {
  const char *path = getenv(name);
  if (!path) return -1;
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  /* Out of the way of the numbers that programs count on. */
  int high = fcntl(fd, F_DUPFD_CLOEXEC, 500);
  syscall(SYS_close, fd);
  return high;
}

static long number_in(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

__attribute__((constructor)) static void prepare(void) {
  const char *folders = getenv("FAULTS_UNDER"), *act = getenv("FAULTS_DO");
  while (folders && *folders && n_under < 8) {
    size_t n = strcspn(folders, ":");
    if (n > 0 && n < PATH_MAX) {
      memcpy(under[n_under], folders, n);
      under[n_under++][n] = 0;
    }
    folders += n + (folders[n] == ':');
  }
  at = number_in("FAULTS_AT");
  memory_at = number_in("FAULTS_NO_MEMORY_AT");
  least = number_in("FAULTS_LEAST");
  if (act) what = !strcmp(act, "kill") ? KILL : !strcmp(act, "term") ? TERM : FAIL;
  error_number = act && !strcmp(act, "eio") ? EIO : ENOSPC;
  log_fd = opened_log("FAULTS_LOG");
  memory_log_fd = opened_log("FAULTS_ALLOCATIONS");
  ready = 1;
}

static int is_under(const char *path) {
  for (int i = 0; i < n_under; i++) {
    size_t n = strlen(under[i]);
    if (!strncmp(path, under[i], n) && (path[n] == '/' || !path[n])) return 1;
  }
  return 0;
}

static int place_is_under(int folder, const char *path) {
  char whole[2 * PATH_MAX], link[64];
  if (!n_under || !path) return 0;
  if (path[0] == '/') return is_under(path);
  ssize_t n;
  if (folder == AT_FDCWD) {
    n = syscall(SYS_getcwd, whole, PATH_MAX);
    n = n > 0 ? (ssize_t)strlen(whole) : -1;
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    n = readlink(link, whole, PATH_MAX);
  }
  if (n < 0) return 0;
  snprintf(whole + n, sizeof whole - n, "/%s", path);
  return is_under(whole);
}

static int file_is_under(int fd) {
  char link[64], path[PATH_MAX];
  if (!n_under || fd == log_fd || fd == memory_log_fd) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return is_under(path);
}

/* Counts one operation. Returns whether it must fail, with errno set; KILL is left to the caller,
   who may do half of the work before. */
static int is_due(int needs_space, int *die) {
  long n = atomic_fetch_add(&n_done, 1) + 1;
  if (log_fd >= 0) syscall(SYS_write, log_fd, ".", 1);
  if (what == FAIL && at && (n == at || (n > at && needs_space))) {
    errno = error_number;
    return 1;
  }
  if (n != at) return 0;
  if (what == TERM) syscall(SYS_kill, getpid(), SIGTERM);
  if (what == KILL) *die = 1;
  return 0;
}

static void end_now(void) {
  for (;;) syscall(SYS_kill, getpid(), SIGKILL);
}

#define REAL(name)                                           \
  static __typeof__(name) *real;                             \
  int saved_errno = errno, die = 0;                          \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
  errno = saved_errno

#define COUNTED(is_ours, needs_space)             \
  if (is_ours) {                                  \
    int before = errno;                           \
    if (is_due(needs_space, &die)) return -1;     \
    if (die) end_now();                           \
    errno = before;                               \
  }

#define WRITING(count)                                             \
  if (file_is_under(fd)) {                                         \
    int before = errno;                                            \
    if (is_due(1, &die)) return -1;                                \
    if (die) {                                                     \
      HALF;                                                        \
      end_now();                                                   \
    }                                                              \
    errno = before;                                                \
  }

#define HALF real(fd, data, n / 2)
ssize_t write(int fd, const void *data, size_t n) {
  REAL(write);
  WRITING(n)
  return real(fd, data, n);
}
#undef HALF

#define HALF real(fd, data, n / 2, offset)
ssize_t pwrite(int fd, const void *data, size_t n, off_t offset) {
  REAL(pwrite);
  WRITING(n)
  return real(fd, data, n, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset) {
  REAL(pwrite64);
  WRITING(n)
  return real(fd, data, n, offset);
}
#undef HALF

#define HALF real(fd, parts, n / 2)
ssize_t writev(int fd, const struct iovec *parts, int n) {
  REAL(writev);
  WRITING(n)
  return real(fd, parts, n);
}
#undef HALF

#define HALF real(fd, from, offset, n / 2)
ssize_t sendfile(int fd, int from, off_t *offset, size_t n) {
  REAL(sendfile);
  WRITING(n)
  return real(fd, from, offset, n);
}

ssize_t sendfile64(int fd, int from, off64_t *offset, size_t n) {
  REAL(sendfile64);
  WRITING(n)
  return real(fd, from, offset, n);
}
#undef HALF

int fsync(int fd) {
  REAL(fsync);
  COUNTED(file_is_under(fd), 0)
  return real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  COUNTED(file_is_under(fd), 0)
  return real(fd);
}

int ftruncate(int fd, off_t size) {
  REAL(ftruncate);
  COUNTED(file_is_under(fd), 0)
  return real(fd, size);
}

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  COUNTED(file_is_under(fd), 0)
  return real(fd, size);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  COUNTED(place_is_under(AT_FDCWD, to), 0)
  return real(from, to);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
  REAL(renameat);
  COUNTED(place_is_under(to_fd, to), 0)
  return real(from_fd, from, to_fd, to);
}

int unlink(const char *path) {
  REAL(unlink);
  if (what != FAIL) COUNTED(place_is_under(AT_FDCWD, path), 0)
  return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
  REAL(unlinkat);
  if (what != FAIL) COUNTED(place_is_under(folder, path), 0)
  return real(folder, path, flags);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  COUNTED(place_is_under(AT_FDCWD, path), 1)
  return real(path, mode);
}

#define OPENING(folder)                                                         \
  mode_t mode = 0;                                                              \
  if (flags & (O_CREAT | O_TMPFILE)) {                                          \
    va_list more;                                                               \
    va_start(more, flags);                                                      \
    mode = va_arg(more, mode_t);                                                \
    va_end(more);                                                               \
  }                                                                             \
  COUNTED((flags & O_CREAT) && (flags & (O_WRONLY | O_RDWR)) &&                 \
              place_is_under(folder, path), 1)

int open(const char *path, int flags, ...) {
  REAL(open);
  OPENING(AT_FDCWD)
  return real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  REAL(open64);
  OPENING(AT_FDCWD)
  return real(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  REAL(openat);
  OPENING(folder)
  return real(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
  REAL(openat64);
  OPENING(folder)
  return real(folder, path, flags, mode);
}

/* Memory. These names of glibc need no dlsym, which itself allocates. */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

static int no_memory(size_t n) {
  if (!ready || !least || n < (size_t)least) return 0;
  long number = atomic_fetch_add(&n_allocations, 1) + 1;
  if (memory_log_fd >= 0) syscall(SYS_write, memory_log_fd, ".", 1);
  if (number != memory_at) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t n) { return no_memory(n) ? NULL : __libc_malloc(n); }

void *calloc(size_t n, size_t size) {
  size_t total;
  if (!__builtin_mul_overflow(n, size, &total) && no_memory(total)) return NULL;
  return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n) { return no_memory(n) ? NULL : __libc_realloc(old, n); }

void *memalign(size_t alignment, size_t n) {
  return no_memory(n) ? NULL : __libc_memalign(alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n) { return memalign(alignment, n); }

int posix_memalign(void **place, size_t alignment, size_t n) {
  if (no_memory(n)) return ENOMEM;
  *place = __libc_memalign(alignment, n);
  return *place ? 0 : ENOMEM;
}

void *mmap(void *address, size_t n, int protection, int flags, int fd, off_t offset) {
  if ((flags & MAP_ANONYMOUS) && !(flags & MAP_NORESERVE) && no_memory(n)) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, address, n, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t n, int protection, int flags, int fd, off64_t offset) {
  return mmap(address, n, protection, flags, fd, offset);
}
