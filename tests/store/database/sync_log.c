/* Preloaded into a process (Linux): writes "s" to the file SYNC_LOG after each fsync and fdatasync. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int noted(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  int failed = real(fd);
  const char *path = getenv("SYNC_LOG");
  int log = path && !failed ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
  if (log >= 0) {
    if (write(log, "s", 1) != 1) abort();
    close(log);
  }
  return failed;
}

int fsync(int fd) { return noted("fsync", fd); }
int fdatasync(int fd) { return noted("fdatasync", fd); }
