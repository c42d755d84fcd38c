/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * levels.h - what CI and a release run: `pawl-check ci|full [structure ..]`, and `pawl-check survivors`.
 *
 * Options of the levels: --share X (of the schedules), --seed S, --jobs N, --data DIR (the files of kills and survivors),
 * --results FILE (see levels.c). The exit status is 0 only if nothing failed.
 */
#ifndef PAWL_MODEL_LEVELS_H
#define PAWL_MODEL_LEVELS_H

#include "machine.h"

int levels_main(int argc, char **argv, const struct pawl_check_subject *subjects);
int survivors_main(int argc, char **argv, const struct pawl_check_subject *subjects);

#endif
