/* SPDX-License-Identifier: BSD-2-Clause */
/* runner.h - what harness.c asks of the runner it is linked with: plain.c or criterion.c. */
#ifndef PAWL_TESTS_RUNNER_H
#define PAWL_TESTS_RUNNER_H

#include <stdbool.h>

enum { TEST_EXIT_FAILED = 1, TEST_EXIT_TIMEOUT = 124, TEST_EXIT_SKIPPED = 77 };

/* Ends the test's process as failed. `own_thread`: called on the thread that runs the body. */
_Noreturn void runner_fail(bool own_thread);

/* Ends the test as skipped. Called on the thread that runs the body. */
_Noreturn void runner_skip(void);

#endif
