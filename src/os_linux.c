/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os_linux.c - os.h on Linux: futex, clock, processors, membarrier, eventfd, and what happens when threads end and
 * processes fork. Layer 0, the only file that makes system calls. Functions that may run in signal handlers keep errno.
 * Sources: futex(2), membarrier(2), cgroups(7), the kernel's cgroup-v2 and sched-bwc documents.
 */
#include "os.h"
#include "atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

/* -- Futex, clock ----------------------------------------------------------------------------------------------------- */

int os_futex_wait(uint32_t *word, uint32_t value, pawl_time until, bool shared)
{
  /* The bitset form takes an absolute time on CLOCK_MONOTONIC, so that a retry needs no arithmetic. */
  int operation = FUTEX_WAIT_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);
  if (until < 0)
    until = 0;
  const struct timespec at = {.tv_sec = until / NS_PER_S, .tv_nsec = until % NS_PER_S};
  int saved = errno, result = 0;
  if (syscall(SYS_futex, word, operation, value, until == PAWL_FOREVER ? NULL : &at, NULL, FUTEX_BITSET_MATCH_ANY) < 0) {
    if (errno == ETIMEDOUT)
      result = PAWL_TIMEOUT;
    else if (errno == EINTR)
      result = -EINTR;
  }
  errno = saved;
  return result;
}

int os_futex_wake(uint32_t *word, int n, bool shared)
{
  int saved = errno;
  long woken = syscall(SYS_futex, word, FUTEX_WAKE | (shared ? 0 : FUTEX_PRIVATE_FLAG), n, NULL, NULL, 0);
  errno = saved;
  return woken < 0 ? 0 : (int)woken;
}

pawl_time os_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (pawl_time)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* -- Processors: affinity, cut by cgroup quotas ----------------------------------------------------------------------- */

enum { FILE_MAX = 4096, CPUS_MAX = 65536 };

/* The first FILE_MAX - 1 bytes of a file as a string; false if it cannot be read. */
static bool read_file(const char *path, char text[static FILE_MAX])
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  size_t length = 0;
  for (ssize_t n; length < FILE_MAX - 1; length += (size_t)n) {
    n = read(fd, text + length, FILE_MAX - 1 - length);
    if (n < 0 && errno == EINTR)
      n = 0;
    else if (n <= 0)
      break;
  }
  close(fd);
  text[length] = '\0';
  return true;
}

/* Whole processors that a quota allows, rounded up; 0: no limit. */
static unsigned quota_of(long long quota, long long period)
{
  if (quota <= 0 || period <= 0)
    return 0;
  long long cpus = quota / period + (quota % period != 0);
  return cpus > CPUS_MAX ? 0 : (unsigned)cpus;
}

static unsigned quota_v2(const char *directory)
{
  char path[PATH_MAX], text[FILE_MAX];
  long long quota, period;
  snprintf(path, sizeof(path), "%s/cpu.max", directory);
  /* "max 100000" has no number in front: no limit. */
  return read_file(path, text) && sscanf(text, "%lld %lld", &quota, &period) == 2 ? quota_of(quota, period) : 0;
}

static unsigned quota_v1(const char *directory)
{
  char path[PATH_MAX], text[FILE_MAX];
  long long quota, period;
  snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
  if (!read_file(path, text) || sscanf(text, "%lld", &quota) != 1)
    return 0;
  snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
  return read_file(path, text) && sscanf(text, "%lld", &period) == 1 ? quota_of(quota, period) : 0;
}

static unsigned smaller_quota(unsigned a, unsigned b)
{
  return a == 0 || (b != 0 && b < a) ? b : a;
}

/*
 * The least quota of a group and its ancestors up to the mount point. In a container the path may be the host's and not
 * exist below the mount point; climbing then reaches the container's own group.
 */
static unsigned quota_along(const char *mount, const char *group, unsigned (*quota_in)(const char *directory))
{
  char directory[PATH_MAX];
  int length = snprintf(directory, sizeof(directory), "%s%s", mount, group);
  size_t root = strlen(mount);
  if (length < 0 || (size_t)length >= sizeof(directory))
    directory[root] = '\0';
  unsigned least = quota_in(directory);
  for (char *slash; strlen(directory) > root && (slash = strrchr(directory, '/')) != NULL && slash >= directory + root;) {
    *slash = '\0';
    least = smaller_quota(least, quota_in(directory));
  }
  return least;
}

/* True if a comma-separated list of controllers names `cpu`. */
static bool names_cpu(const char *list)
{
  for (; *list; list += strcspn(list, ",") + (list[strcspn(list, ",")] == ',')) {
    if (strncmp(list, "cpu", 3) == 0 && (list[3] == ',' || list[3] == '\0'))
      return true;
  }
  return false;
}

/* One line of /proc/self/cgroup: "0::/path" for v2, "4:cpu,cpuacct:/path" for v1. */
static unsigned quota_of_line(const char *root, char *line)
{
  char mount[PATH_MAX];
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group)
    return 0;
  *group++ = '\0';
  controllers++;
  if (*controllers == '\0') {
    unsigned least = 0;
    const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (int i = 0; i < 2; i++) {
      snprintf(mount, sizeof(mount), "%s%s", root, mounts[i]);
      least = smaller_quota(least, quota_along(mount, group, quota_v2));
    }
    return least;
  }
  if (!names_cpu(controllers))
    return 0;
  unsigned least = 0;
  const char *const mounts[] = {"cpu", controllers};
  for (int i = 0; i < 2; i++) {
    snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/%s", root, mounts[i]);
    least = smaller_quota(least, quota_along(mount, group, quota_v1));
  }
  return least;
}

unsigned os_quota(const char *root)
{
  char path[PATH_MAX], text[FILE_MAX];
  snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
  unsigned least = 0;
  if (!read_file(path, text))
    return 0;
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n")) != NULL;)
    least = smaller_quota(least, quota_of_line(root, line));
  return least;
}

uint64_t os_memory(void)
{
  struct sysinfo about;
  return sysinfo(&about) == 0 ? ((uint64_t)about.totalram + about.totalswap) * about.mem_unit : UINT64_MAX;
}

void os_yield(void)
{
  (void)sched_yield();
}

static unsigned affinity(void)
{
  /* The kernel refuses a set smaller than its own; this one holds eight times as many as any kernel is built for. */
  cpu_set_t set[CPUS_MAX / CPU_SETSIZE];
  CPU_ZERO_S(sizeof(set), set);
  int cpus = sched_getaffinity(0, sizeof(set), set) == 0 ? CPU_COUNT_S(sizeof(set), set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
  return cpus > 0 ? (unsigned)cpus : 1;
}

unsigned os_cpu_count(void)
{
  int cancel; /* put off: a file would stay open */
  (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
  unsigned cpus = smaller_quota(os_quota(""), affinity());
  (void)pthread_setcancelstate(cancel, NULL);
  return cpus;
}

static unsigned processors_at_load;

static __attribute__((constructor)) void learn_processors(void)
{
  int saved = errno;
  processors_at_load = os_cpu_count(); /* here, because it takes files and 24 KiB of stack */
  errno = saved;
}

bool os_parallel(void)
{
  return processors_at_load > 1;
}

/* -- Membarrier ------------------------------------------------------------------------------------------------------- */

bool pawl__asymmetric;

/* At load, because registering takes an RCU grace period, some 10 ms, as soon as the process has two threads. */
static __attribute__((constructor)) void learn_membarrier(void)
{
  int saved = errno;
  pawl__asymmetric = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  errno = saved;
}

bool os_membarrier(void)
{
  if (!pawl__asymmetric)
    return false;
  int saved = errno;
  /* Threads have left out their fences: there is no way on if the kernel, against its word, forgets the registration. */
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0 &&
      (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0 ||
       syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0))
    abort();
  errno = saved;
  return true;
}

/* -- Eventfd ---------------------------------------------------------------------------------------------------------- */

int os_eventfd(void)
{
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/*
 * By syscall(), because the C library's read, write and close are cancellation points: a put that has succeeded and then is
 * cancelled while it tells the descriptor would return neither 0 nor a code. A full counter (EAGAIN) is readable already,
 * and an empty one is clear already.
 */
static void move_count(long operation, int fd, eventfd_t count)
{
  int saved = errno;
  while (syscall(operation, fd, &count, sizeof(count)) < 0 && errno == EINTR)
    ;
  errno = saved;
}

void os_eventfd_write(int fd)
{
  move_count(SYS_write, fd, 1);
}

void os_eventfd_clear(int fd)
{
  move_count(SYS_read, fd, 0);
}

void os_close(int fd)
{
  (void)syscall(SYS_close, fd);
}

/* -- The thread's own pointer ----------------------------------------------------------------------------------------- */

_Thread_local void *pawl__self;
static _Thread_local void (*self_at_exit)(void *self);
static pthread_once_t self_once = PTHREAD_ONCE_INIT;
static pthread_key_t self_key;
static int self_key_error;

/*
 * The pointer is gone before at_exit gives away what it points to. A later destructor of another key that uses Pawl sets a
 * new one, for which the C library calls this again.
 */
static void thread_ends(void *self)
{
  pawl__self = NULL;
  self_at_exit(self);
}

static void make_self_key(void)
{
  self_key_error = pthread_key_create(&self_key, thread_ends);
}

int os_set_self(void *self, void (*at_exit)(void *self))
{
  pthread_once(&self_once, make_self_key);
  int error = self_key_error != 0 ? self_key_error : pthread_setspecific(self_key, self);
  if (error != 0)
    return -error;
  self_at_exit = at_exit;
  pawl__self = self;
  return 0;
}

/* -- Fork ------------------------------------------------------------------------------------------------------------- */

static uint32_t forks;

static void child_starts(void)
{
  at_store_relaxed(&forks, forks + 1);
}

/* At load: a fork that comes before the first question counts, too. Without memory at that time children are not told apart. */
static __attribute__((constructor)) void count_forks(void)
{
  (void)pthread_atfork(NULL, NULL, child_starts);
}

uint32_t os_fork_count(void)
{
  return at_load_relaxed(&forks);
}

int os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
  return -pthread_atfork(before, in_parent, in_child);
}
