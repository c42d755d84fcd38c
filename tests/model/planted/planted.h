/* SPDX-License-Identifier: BSD-2-Clause */
/* planted.h - structures with a known fault each, written like the library on src/atomic.h. */
#ifndef PAWL_MODEL_PLANTED_H
#define PAWL_MODEL_PLANTED_H

#include "../../../src/atomic.h"

extern const struct pawl_check_subject planted_rings[], planted_waits[], planted_lists[];

#endif
