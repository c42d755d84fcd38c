/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admit.h - how every core counts a put for task_done and join: once, and before its item can be reserved, so that whoever
 * sees the reservation sees it counted. Layer 1. What became of a put that was counted and then failed is queue.c's business.
 */
#ifndef PAWL_SRC_ADMIT_H
#define PAWL_SRC_ADMIT_H

#include "atomic.h"

/* `admitted`: NULL on an untracked queue, else whether this put has been counted in `count`. */
static inline void admit(uint64_t *count, bool *admitted)
{
  if (admitted != NULL && !*admitted) {
    *admitted = true;
    (void)at_add_seq(count, UINT64_C(1)); /* [D] of queue.c */
  }
}

#endif
