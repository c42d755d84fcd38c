/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workers.h - the threads that answer requests: they take exchanges from one queue and put them, answered, into another.
 */
#ifndef PAWL_SERVE_WORKERS_H
#define PAWL_SERVE_WORKERS_H

#include <pawl.h>
#include <pthread.h>

enum { WORKERS_MAX = 256 };

struct workers {
  struct pawl_queue *requests;
  struct pawl_queue *replies;
  int64_t work; /* nanoseconds that a request keeps its worker, asleep as if it waited for a disk */
  unsigned running;
  pthread_t threads[WORKERS_MAX];
};

/* Starts `count` threads over workers->requests, replies and work. 0 or -errno, and then none runs. */
int workers_start(struct workers *workers, unsigned count);

/* Waits for the threads to end, which they do when `requests` has been shut down and is dry. */
void workers_join(struct workers *workers);

#endif
