/* SPDX-License-Identifier: BSD-2-Clause */
/* subjects.h - the library's structures as subjects of the machine. */
#ifndef PAWL_MODEL_SUBJECTS_H
#define PAWL_MODEL_SUBJECTS_H

#include <pawl/check.h>

extern const struct pawl_check_subject subjects_queue[], subjects_sync[];

#endif
