/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain.c - runs the tests without Criterion: each in a forked child, one line per test, Criterion's closing line.
 *
 *   tests-plain [--list] [--filter PATTERN]...     PATTERN as in fnmatch(3), on "suite/name"; several: any of them
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
#include <unistd.h>

enum { FILTERS_MAX = 256 };

static struct test_case *tests; /* in order of registration */
static struct test_case **last = &tests;
static const char *filters[FILTERS_MAX];
static bool matched[FILTERS_MAX];
static int filter_count;
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

/* The watchdog inside the child ends it in time; what it has forked and left behind goes with its process group. */
static int run_in_child(const struct test_case *test)
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
  int status = 0;
  if (child < 0) {
    perror("fork");
    exit(EXIT_FAILURE);
  }
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  kill(-child, SIGKILL);
  return status;
}

static void run(const struct test_case *test)
{
  int status = run_in_child(test);
  const char *verdict;
  count.tested++;
  if (WIFSIGNALED(status)) {
    count.failing++; /* as Criterion counts: a crash is a failure too */
    count.crashing++;
    verdict = "CRASH";
  } else if (WEXITSTATUS(status) == EXIT_SUCCESS) {
    count.passing++;
    verdict = "PASS";
  } else if (WEXITSTATUS(status) == TEST_EXIT_SKIPPED) {
    count.passing++;
    count.skipped++;
    verdict = "SKIP";
  } else {
    count.failing++;
    verdict = WEXITSTATUS(status) == TEST_EXIT_TIMEOUT ? "TIMEOUT" : "FAIL";
  }
  printf("[%s] %s/%s\n", verdict, test->suite, test->name);
}

static void read_arguments(int argc, char **argv, bool *list)
{
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--list") == 0) {
      *list = true;
    } else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc && filter_count < FILTERS_MAX) {
      filters[filter_count++] = argv[++i];
    } else {
      fprintf(stderr, "usage: %s [--list] [--filter PATTERN]...\n", argv[0]);
      exit(2);
    }
  }
}

int main(int argc, char **argv)
{
  bool list = false, stray = false;
  read_arguments(argc, argv, &list);
  for (struct test_case *test = tests; test; test = test->next) {
    if (!selected(test))
      continue;
    if (list)
      printf("%s/%s\n", test->suite, test->name);
    else
      run(test);
  }
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
