/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subjects.h - queues by name for the checkers of real-thread histories: Pawl's, a queue under a lock as the control, that
 * queue with one fault planted, and ck_ring.
 */
#ifndef PAWL_TESTS_SUBJECTS_H
#define PAWL_TESTS_SUBJECTS_H

#include <pawl.h>

enum subject_traits {
  SUBJECT_BOUNDED = 1,
  SUBJECT_SPSC = 2,
  SUBJECT_LIFO = 4,
  SUBJECT_PRIORITY = 8,    /* the key is the item's upper half */
  SUBJECT_FAULTY = 16,     /* must be found out */
  SUBJECT_PEER = 32,       /* not Pawl's; its faults are only told */
  SUBJECT_QUEUE = 64,      /* a struct pawl_queue */
  SUBJECT_ONE_POINT = 128, /* a put of such a queue reserves nothing: FULL means that so many items are inside */
};

struct subject {
  const char *name;
  unsigned traits;
  void *(*make)(int64_t maxsize);
  int (*put)(void *queue, uint64_t item, pawl_time until);
  int (*get)(void *queue, uint64_t *item, pawl_time until);
  void (*destroy)(void *queue);
};

extern const struct subject subjects[]; /* the last has no name */
const struct subject *subject_find(const char *name);

#endif
