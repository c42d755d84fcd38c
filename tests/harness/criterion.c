/* SPDX-License-Identifier: BSD-2-Clause */
/* criterion.c - the harness under Criterion: how a test ends, and that a run without any test is a failed run. */
#include "runner.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>

/* Criterion unwinds by longjmp, which only its own thread may do; another thread ends the process, shown as a crash. */
void runner_fail(bool own_thread)
{
  if (own_thread)
    cr_assert_fail("see the line above");
  abort();
}

void runner_skip(void)
{
  cr_skip_test("see the line above");
  abort();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
  if (stats->nb_tests - stats->tests_skipped == 0) {
    fputs("no test was executed\n", stderr);
    exit(TEST_EXIT_FAILED);
  }
}
