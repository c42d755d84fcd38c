/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - runs real threads on a queue, records what they did with stamps, and has it checked.
 */
#ifndef PAWL_TESTS_RECORD_H
#define PAWL_TESTS_RECORD_H

#include "fifo_history.h"
#include "subjects.h"

#include <stdio.h>

enum { RECORD_THREADS_MAX = 16 };

struct record_plan {
  const struct subject *subject;
  int producers, consumers;
  int64_t maxsize;
  size_t operations; /* of all threads in a round, about: answers EMPTY and FULL count too */
  bool all_calls;    /* short rounds of pawl_queue: task_done, join, shutdown and new bounds too */
  bool unfenced;     /* stamps without fences, to see what they are good for */
  uint64_t seed;
  FILE *report; /* short rounds: where to print a history that is wrong; may be NULL */
};

/*
 * One round of producers and consumers on a fresh queue, checked by fifo_history_check. True if it is correct. `*recorded`
 * grows by the operations recorded.
 */
bool record_fifo_round(const struct record_plan *plan, uint64_t *recorded, struct fifo_fault *fault);

/*
 * Many short rounds of two threads with a few operations each, for subjects of any order, each checked completely by
 * history_check. NULL if all are correct, else the rule broken.
 */
const char *record_short_rounds(const struct record_plan *plan, size_t rounds);

#endif
