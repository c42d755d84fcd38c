/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fifo_history.h - is a history of hundreds of thousands of puts and gets that of a FIFO queue? In O(n log n).
 */
#ifndef PAWL_TESTS_FIFO_HISTORY_H
#define PAWL_TESTS_FIFO_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fifo_op {
  uint64_t invoked, returned; /* stamps */
  uint64_t item;              /* put, or got with result 0; every item is put once */
  int32_t result;             /* 0, PAWL_EMPTY, PAWL_FULL; another failure is passed over */
  bool is_put;
};

struct fifo_fault {
  const char *rule;
  struct fifo_op first, second; /* the operations that prove it; the same twice if it takes one */
};

/*
 * Checks operations that have all returned. `maxsize` <= 0: unbounded. True if no fault was found.
 * `drained`: the queue was empty afterwards, so that an item never got is lost.
 */
bool fifo_history_check(const struct fifo_op *ops, size_t n, int64_t maxsize, bool drained, struct fifo_fault *fault);

#endif
