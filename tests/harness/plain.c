/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain.c - runs the tests without Criterion: each in a forked child, one line per test, Criterion's closing line.
 *
 *   tests-plain [--list] [--jobs N] [--filter PATTERN]...   PATTERN as in fnmatch(3), on "suite/name"; several: any of them
 *
 * Exit status 0 only if every test passed, at least one ran, and every filter matched one.
 */
#include "test.h"
#include "runner.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILTERS_MAX = 256, JOBS_MAX = 64 };

/* A test under way. */
struct job {
  const struct test_case *test; /* NULL: free */
  pid_t child;
  double began;
};

static struct test_case *tests; /* in order of registration */
static struct test_case **last = &tests;
static const char *filters[FILTERS_MAX];
static bool matched[FILTERS_MAX];
static int filter_count;
static struct job running[JOBS_MAX];
static int jobs; /* at once: one per processor, as Criterion does */
static struct {
  int tested, passing, failing, crashing, skipped;
} count;

void test_register(struct test_case *test)
{
  *last = test;
  last = &test->next;
}

void runner_fail(bool own_thread)
{
  (void)own_thread;
  _exit(TEST_EXIT_FAILED);
}

void runner_skip(void)
{
  _exit(TEST_EXIT_SKIPPED);
}

static bool selected(const struct test_case *test)
{
  char full[256];
  bool any = filter_count == 0;
  snprintf(full, sizeof(full), "%s/%s", test->suite, test->name);
  for (int i = 0; i < filter_count; i++) {
    if (fnmatch(filters[i], full, 0) == 0)
      any = matched[i] = true;
  }
  return any;
}

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The watchdog inside the child ends it in time; what it has forked and left behind goes with its process group. */
static void start(const struct test_case *test)
{
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    test_begin();
    test->body();
    test_end();
    exit(EXIT_SUCCESS); /* not _exit: leak checkers run at exit */
  }
  if (child < 0) {
    perror("fork");
    exit(EXIT_FAILURE);
  }
  for (int i = 0; i < jobs; i++) {
    if (!running[i].test) {
      running[i] = (struct job){test, child, seconds()};
      return;
    }
  }
}

static const char *judge(int status)
{
  count.tested++;
  if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
    count.passing++;
    return "PASS";
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_EXIT_SKIPPED) {
    count.passing++;
    count.skipped++;
    return "SKIP";
  }
  count.failing++; /* as Criterion counts: a crash is a failure too */
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return "TIMEOUT";
  if (WIFSIGNALED(status)) {
    count.crashing++;
    return "CRASH";
  }
  return WEXITSTATUS(status) == TEST_EXIT_TIMEOUT ? "TIMEOUT" : "FAIL";
}

static struct job *job_of(pid_t child)
{
  for (int i = 0; i < jobs; i++) {
    if (running[i].test && running[i].child == child)
      return &running[i];
  }
  return NULL;
}

/* Waits for one of the tests under way. */
static void finish_one(void)
{
  int status;
  struct job *job;
  pid_t child;
  do {
    child = wait(&status);
    job = child > 0 ? job_of(child) : NULL;
  } while (!job && (child > 0 || errno == EINTR));
  if (!job) {
    perror("wait");
    exit(EXIT_FAILURE);
  }
  kill(-child, SIGKILL);
  printf("[%s] %s/%s (%.2fs)\n", judge(status), job->test->suite, job->test->name, seconds() - job->began);
  job->test = NULL;
}

static void run_selected(void)
{
  int under_way = 0;
  for (struct test_case *test = tests; test; test = test->next) {
    if (!selected(test))
      continue;
    if (under_way == jobs) {
      finish_one();
      under_way--;
    }
    start(test);
    under_way++;
  }
  while (under_way-- > 0)
    finish_one();
}

static void list_selected(void)
{
  for (struct test_case *test = tests; test; test = test->next) {
    if (selected(test))
      printf("%s/%s\n", test->suite, test->name);
  }
}

static void read_arguments(int argc, char **argv, bool *list)
{
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--list") == 0) {
      *list = true;
    } else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc && filter_count < FILTERS_MAX) {
      filters[filter_count++] = argv[++i];
    } else if (strcmp(argv[i], "--jobs") == 0 && i + 1 < argc && atoi(argv[i + 1]) > 0) {
      jobs = atoi(argv[++i]);
    } else {
      fprintf(stderr, "usage: %s [--list] [--jobs N] [--filter PATTERN]...\n", argv[0]);
      exit(2);
    }
  }
}

int main(int argc, char **argv)
{
  bool list = false, stray = false;
  jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
  read_arguments(argc, argv, &list);
  if (jobs > JOBS_MAX)
    jobs = JOBS_MAX;
  if (list)
    list_selected();
  else
    run_selected();
  for (int i = 0; i < filter_count; i++) {
    if (!matched[i]) {
      fprintf(stderr, "no test matches %s\n", filters[i]);
      stray = true;
    }
  }
  if (list)
    return stray;
  if (count.tested == 0)
    fputs("no test was executed\n", stderr);
  if (count.skipped > 0)
    printf("[----] Skipped: %d\n", count.skipped);
  printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d\n", count.tested, count.passing,
         count.failing, count.crashing);
  return stray || count.tested == 0 || count.passing != count.tested;
}
