/* SPDX-License-Identifier: BSD-2-Clause */
/* litmus.h - programs whose outcomes are known. */
#ifndef PAWL_MODEL_LITMUS_H
#define PAWL_MODEL_LITMUS_H

#include <pawl/check.h>

enum litmus_expected {
  LITMUS_SHOWN,     /* allowed by C20, and the machine must find it */
  LITMUS_FORBIDDEN, /* by C20 */
  LITMUS_NOT_SHOWN, /* allowed by C20, but not found by this machine */
};

struct litmus_test {
  struct pawl_check_subject subject;
  enum litmus_expected expected;
};

extern const struct litmus_test litmus_tests[]; /* ends with a zero name */

#endif
