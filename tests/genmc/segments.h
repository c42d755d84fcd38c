/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segments.h - what the models of fifo.h and spsc.h share: the queue, with CELLS per segment, bounded to MAXSIZE or not. Included
 * before the core.
 *
 * A get has no patience in world 3: it voids the cell of every put that is midway, so that the executions of a few puts and gets
 * beside each other are too many. VOIDS bounds that: each thread loses patience VOIDS times, only thread VOIDING_THREAD if that is
 * defined, and otherwise waits for the put. So what is followed is every execution with no more voids than that.
 */
#ifndef PAWL_TESTS_GENMC_SEGMENTS_H
#define PAWL_TESTS_GENMC_SEGMENTS_H

#include "fifo_segment.h"

#ifndef MAXSIZE
#define MAXSIZE 0
#endif

#if defined(VOIDS) && !defined(PAWL_NATIVE)
#ifndef VOIDING_THREAD
#define VOIDING_THREAD thread_index
#endif
static _Thread_local int voids_left = VOIDS;

/* To wait until the put comes through is to have found it so at once: the other executions end here. */
static inline unsigned lose_patience(void)
{
  __VERIFIER_assume(thread_index == VOIDING_THREAD && voids_left-- > 0);
  return 0;
}
#undef at_spins
#define at_spins(n) ((void)(n), lose_patience())
#endif

static struct pawl__fifo fifo;
static int64_t maxsize = MAXSIZE;
static _Thread_local bool moved; /* nobody asks */

static struct fifo_mode mode(void)
{
  return (struct fifo_mode){.maxsize = &maxsize, .cells = CELLS, .grow = true};
}

static void queue_new(void)
{
}

#endif
