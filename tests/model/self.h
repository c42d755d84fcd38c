/* SPDX-License-Identifier: BSD-2-Clause */
/* self.h - the machine tested by what must be found and what must not. */
#ifndef PAWL_MODEL_SELF_H
#define PAWL_MODEL_SELF_H

#include <pawl/check.h>

/* `pawl-check self`: prints one line per test; returns how many failed. */
int self_test(const struct pawl_check_subject *subjects);

#endif
