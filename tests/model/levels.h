/* SPDX-License-Identifier: BSD-2-Clause */
/* levels.h - what CI and a release run. */
#ifndef PAWL_MODEL_LEVELS_H
#define PAWL_MODEL_LEVELS_H

#include <pawl/check.h>
#include <stdio.h>

/*
 * `pawl-check ci` and `pawl-check full [structure ..]`: everything on two processes, then one table. `--share X` scales the
 * number of schedules, `--seed S`, `--jobs N`, `--data DIR` has kills.txt and survivors.txt. Exit status 1 on any fault.
 */
int levels_main(int argc, char **argv, const struct pawl_check_subject *subjects);

#endif
