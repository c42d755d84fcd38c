/* SPDX-License-Identifier: BSD-2-Clause */
/* test_os.c - os.h: futex, membarrier, processors and quotas, eventfd, thread end, fork. */
#include "test.h"
#include "os.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- Futex ------------------------------------------------------------------------------------------------------------ */

static uint32_t word;

TEST(os, futex_wait_looks_at_the_value_and_the_deadline)
{
  word = 7;
  CHECK_CODE(os_futex_wait(&word, 8, PAWL_FOREVER, false), 0);
  CHECK_CODE(os_futex_wait(&word, 7, PAWL_NOWAIT, false), PAWL_TIMEOUT);
  CHECK_CODE(os_futex_wait(&word, 7, -1, false), PAWL_TIMEOUT);
  CHECK_CODE(os_futex_wait(&word, 7, INT64_MIN, true), PAWL_TIMEOUT);
}

TEST(os, futex_wait_never_ends_before_its_deadline)
{
  for (int i = 0; i < 20; i++) {
    pawl_time until = pawl_after(PAWL_US(700));
    CHECK_CODE(os_futex_wait(&word, word, until, i % 2), PAWL_TIMEOUT);
    CHECK_GE(pawl_now(), until);
  }
}

struct sleeper {
  struct test_thread thread;
  uint32_t *word;
  bool shared;
  int result;
};

static void sleep_on(void *arg)
{
  struct sleeper *sleeper = arg;
  test_waiting("a wake on the word");
  sleeper->result = os_futex_wait(sleeper->word, 0, PAWL_FOREVER, sleeper->shared);
}

TEST(os, futex_wake_wakes_as_many_as_it_says)
{
  struct sleeper sleepers[3];
  memset(sleepers, 0, sizeof(sleepers));
  word = 0;
  for (int i = 0; i < 3; i++) {
    sleepers[i].word = &word;
    test_start(&sleepers[i].thread, "sleeper", sleep_on, &sleepers[i]);
    test_until_asleep(&sleepers[i].thread);
  }
  CHECK_EQ(os_futex_wake(&word, 1, false), 1);
  CHECK_EQ(os_futex_wake(&word, INT32_MAX, false), 2);
  CHECK_EQ(os_futex_wake(&word, 1, false), 0);
  for (int i = 0; i < 3; i++) {
    test_join(&sleepers[i].thread);
    CHECK_CODE(sleepers[i].result, 0);
  }
}

static void ignore_signal(int signal)
{
  (void)signal;
}

TEST(os, futex_wait_tells_of_a_signal_handler)
{
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = ignore_signal;
  sigaction(SIGUSR1, &action, NULL);
  struct sleeper sleeper = {.word = &word};
  word = 0;
  test_start(&sleeper.thread, "sleeper", sleep_on, &sleeper);
  test_until_asleep(&sleeper.thread);
  pthread_kill(sleeper.thread.pthread, SIGUSR1);
  test_join(&sleeper.thread);
  CHECK_CODE(sleeper.result, -EINTR);
}

TEST(os, futex_shared_crosses_processes)
{
  uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  struct sleeper sleeper = {.word = shared, .shared = true};
  test_start(&sleeper.thread, "sleeper", sleep_on, &sleeper);
  test_until_asleep(&sleeper.thread);
  pid_t child = fork();
  if (child == 0)
    _exit(os_futex_wake(shared, 1, true));
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 1);
  test_join(&sleeper.thread);
}

TEST(os, futex_wake_of_unmapped_memory_is_harmless_and_keeps_errno)
{
  uint32_t *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(gone != MAP_FAILED);
  munmap(gone, 4096);
  errno = 1234;
  CHECK_EQ(os_futex_wake(gone, 1, false), 0);
  CHECK_EQ(os_futex_wake(gone, 1, true), 0);
  CHECK_EQ(errno, 1234);
}

/* -- Membarrier ------------------------------------------------------------------------------------------------------- */

static void ask_membarrier(void *arg)
{
  int *answer = arg;
  *answer = os_membarrier();
}

TEST(os, membarrier_gives_all_threads_one_answer)
{
  struct test_thread threads[4];
  int answers[4];
  for (int i = 0; i < 4; i++)
    test_start(&threads[i], "asker", ask_membarrier, &answers[i]);
  for (int i = 0; i < 4; i++)
    test_join(&threads[i]);
  for (int i = 0; i < 4; i++)
    CHECK_EQ(answers[i], os_membarrier());
  pid_t child = fork();
  if (child == 0)
    _exit(os_membarrier());
  int status;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), answers[0]);
}

/* -- Processors ------------------------------------------------------------------------------------------------------- */

TEST(os, cpu_count_follows_affinity)
{
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0)
    test_skip("affinity cannot be set here");
  CHECK_EQ(os_cpu_count(), 1);
}

/* A made-up root directory, removed at the end. */
static char root[64];

static void write_under_root(const char *path, const char *text)
{
  char full[512];
  snprintf(full, sizeof(full), "%s%s", root, path);
  for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(full, 0700);
    *slash = '/';
  }
  FILE *file = fopen(full, "w");
  CHECK(file != NULL);
  fputs(text, file);
  fclose(file);
}

static void remove_root(void)
{
  char command[128];
  snprintf(command, sizeof(command), "rm -rf %s", root);
  CHECK_EQ(system(command), 0);
}

static void make_root(const char *cgroup)
{
  strcpy(root, "/tmp/pawl-quota-XXXXXX");
  CHECK(mkdtemp(root) != NULL);
  if (cgroup)
    write_under_root("/proc/self/cgroup", cgroup);
}

struct quota_case {
  const char *cgroup;
  const char *files[3][2];
  unsigned expected;
};

static const struct quota_case quota_cases[] = {
    {NULL, {{0}}, 0},
    {"", {{0}}, 0},
    {"0::/\n", {{0}}, 0},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "50000 100000\n"}}, 1},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "200001 100000\n"}}, 3},
    {"0::/a/b\n", {{"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}}, 0},
    {"0::/a/b\n", {{"/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n"}, {"/sys/fs/cgroup/a/cpu.max", "300000 100000\n"}}, 3},
    {"0::/a/b\n", {{"/sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"}, {"/sys/fs/cgroup/a/cpu.max", "300000 100000\n"}}, 2},
    {"0::/gone/in/this/container\n", {{"/sys/fs/cgroup/cpu.max", "400000 100000\n"}}, 4},
    {"0::/../sibling\n", {{"/sys/fs/cgroup/cpu.max", "400000 100000\n"}}, 4},
    {"1:name=systemd:/x\n0::/h\n", {{"/sys/fs/cgroup/unified/h/cpu.max", "500000 100000\n"}}, 5},
    {"4:cpu,cpuacct:/d\n",
     {{"/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us", "250000\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us", "100000\n"}},
     3},
    {"4:cpuacct,cpu:/docker/0123\n",
     {{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"}, {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "50000\n"}},
     2},
    {"4:cpu:/d\n",
     {{"/sys/fs/cgroup/cpu/d/cpu.cfs_quota_us", "-1\n"}, {"/sys/fs/cgroup/cpu/d/cpu.cfs_period_us", "100000\n"}},
     0},
    {"4:cpuset:/d\n",
     {{"/sys/fs/cgroup/cpuset/d/cpu.cfs_quota_us", "100000\n"}, {"/sys/fs/cgroup/cpuset/d/cpu.cfs_period_us", "100000\n"}},
     0},
    {"4:cpu:/d\n", {{"/sys/fs/cgroup/cpu/d/cpu.cfs_quota_us", "100000\n"}}, 0},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "9223372036854775807 1\n"}}, 0},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "100000 0\n"}}, 0},
    {"0::/\n", {{"/sys/fs/cgroup/cpu.max", "garbage\n"}}, 0},
    {"no colons at all\n:\n::\n0::/a\n", {{"/sys/fs/cgroup/a/cpu.max", "100000 100000"}}, 1},
};

TEST(os, quotas_of_cgroups_v1_and_v2)
{
  for (size_t i = 0; i < sizeof(quota_cases) / sizeof(quota_cases[0]); i++) {
    const struct quota_case *c = &quota_cases[i];
    make_root(c->cgroup);
    for (int f = 0; f < 3 && c->files[f][0]; f++)
      write_under_root(c->files[f][0], c->files[f][1]);
    unsigned quota = os_quota(root);
    remove_root();
    if (quota != c->expected)
      test_fail(__FILE__, __LINE__, "case %zu (%s): quota %u, not %u", i, c->cgroup, quota, c->expected);
  }
}

TEST(os, a_cgroup_path_of_any_length_is_survived)
{
  static char line[6000];
  make_root(NULL);
  for (size_t length = 100; length < sizeof(line) - 8; length += 977) {
    snprintf(line, sizeof(line), "0::%0*d\n", (int)length, 0);
    for (char *c = line + 3; *c == '0'; c++)
      *c = (c - line) % 50 == 3 ? '/' : 'x';
    write_under_root("/proc/self/cgroup", line);
    write_under_root("/sys/fs/cgroup/cpu.max", "600000 100000\n");
    CHECK_EQ(os_quota(root), 6);
  }
  remove_root();
}

/* -- Eventfd ---------------------------------------------------------------------------------------------------------- */

static bool readable(int fd)
{
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  return poll(&poll_fd, 1, 0) == 1;
}

TEST(os, eventfd_is_readable_from_write_to_clear)
{
  int fd = os_eventfd();
  CHECK_GE(fd, 0);
  os_eventfd_clear(fd);
  CHECK(!readable(fd));
  os_eventfd_write(fd);
  os_eventfd_write(fd);
  CHECK(readable(fd));
  os_eventfd_clear(fd);
  CHECK(!readable(fd));
  os_close(fd);
}

/* -- Thread end ------------------------------------------------------------------------------------------------------- */

static int ended;
static pthread_key_t late_key;

static void count_end(void *self)
{
  CHECK(os_self() == NULL);
  __atomic_fetch_add((int *)self, 1, __ATOMIC_RELAXED);
}

static void set_self(void *arg)
{
  CHECK(os_self() == NULL);
  CHECK_CODE(os_set_self(arg, count_end), 0);
  CHECK(os_self() == arg);
}

TEST(os, own_pointer_is_per_thread_and_given_back_at_its_end)
{
  struct test_thread threads[3];
  for (int i = 0; i < 3; i++)
    test_start(&threads[i], "thread", set_self, &ended);
  for (int i = 0; i < 3; i++)
    test_join(&threads[i]);
  CHECK_EQ(ended, 3);
  CHECK(os_self() == NULL);
}

static void set_again(void *arg)
{
  if (!os_self())
    CHECK_CODE(os_set_self(arg, count_end), 0);
}

static void set_late(void *arg)
{
  pthread_setspecific(late_key, arg);
  CHECK_CODE(os_set_self(arg, count_end), 0);
}

TEST(os, own_pointer_set_by_a_later_destructor_is_given_back_too)
{
  uint32_t unused = 0;
  CHECK_EQ(os_futex_wake(&unused, 1, false), 0);
  struct test_thread thread;
  test_start(&thread, "first", set_self, &ended); /* makes Pawl's key, so that late_key's destructor runs after it */
  test_join(&thread);
  CHECK_EQ(pthread_key_create(&late_key, set_again), 0);
  test_start(&thread, "late", set_late, &ended);
  test_join(&thread);
  CHECK_EQ(ended, 3);
}

/* -- Fork ------------------------------------------------------------------------------------------------------------- */

TEST(os, fork_count_differs_in_the_child)
{
  uint32_t before = os_fork_count();
  int status;
  pid_t child = fork();
  if (child == 0) {
    uint32_t in_child = os_fork_count();
    pid_t grandchild = fork();
    if (grandchild == 0)
      _exit(os_fork_count() != in_child && os_fork_count() != before);
    _exit(in_child != before && waitpid(grandchild, &status, 0) == grandchild && WEXITSTATUS(status) == 1);
  }
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK_EQ(WEXITSTATUS(status), 1);
  CHECK_EQ(os_fork_count(), before);
}
