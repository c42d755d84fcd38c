/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backoff.h - how the FIFO cores keep cache lines from bouncing. Layer 1. Two situations, two answers:
 *
 *  lost CAS   Somebody else made progress. Who loses pauses for as long as a hundred operations take, and longer each time,
 *             before it even looks again; meanwhile the winner runs a batch out of its own cache. (That losers should not
 *             look at once is crossbeam's observation, which retries with the stale value; a long pause and a fresh look
 *             disturb the winner less and take turns more fairly: measured, bench/RESULTS.md.)
 *  caught up  A get that has taken all it knew of, or a put that has filled all it knew to be free, looks at the opposite
 *             index, whose line the other side is writing. If it comes once per item, both sides crawl. Straight after a
 *             success it pauses first, once, so that there is a batch to be had when it looks. A thread that puts and gets in
 *             turn would wait for itself, and does not pause.
 */
#ifndef PAWL_SRC_BACKOFF_H
#define PAWL_SRC_BACKOFF_H

#include "atomic.h"

enum {
#ifndef BACKOFF_FIRST
  BACKOFF_FIRST = 128, /* pauses; a pause is 5 to 50 ns */
#endif
  BACKOFF_DOUBLINGS = 2,
  BACKOFF_EMPTY = 16, /* pauses of a get that has caught up: some ten items */
  BACKOFF_FULL = 128, /* at most, of a put that has: an eighth of the queue may drain */
};

static inline void backoff_pause(unsigned n)
{
  for (n = at_spins(n); n > 0; n--)
    at_pause();
}

/* After a lost CAS; `losses` counts those of this operation. */
static inline void backoff_lost(unsigned *losses)
{
  backoff_pause((unsigned)BACKOFF_FIRST << *losses);
  if (*losses < BACKOFF_DOUBLINGS)
    ++*losses;
}

/* Notes what a thread does with a structure; a store only when that changes. */
static inline void backoff_role(const void **role, const void *structure)
{
  if (*role != structure)
    *role = structure;
}

/* After a look that was worth while. */
static inline void backoff_hot(uint32_t *hot)
{
  if (at_load_relaxed(hot) == 0)
    at_store_relaxed(hot, 1u);
}

/* Before a look at the opposite index; `hot` says whether the last look was worth while, `own` whether this thread is (also)
 * the other side. */
static inline void backoff_caught_up(uint32_t *hot, bool own, unsigned pauses)
{
  if (own || at_load_relaxed(hot) == 0)
    return;
  at_store_relaxed(hot, 0u);
  backoff_pause(pauses);
}

static inline unsigned backoff_full(int64_t maxsize)
{
  return maxsize / 8 < BACKOFF_FULL ? (unsigned)(maxsize / 8) : BACKOFF_FULL;
}

#endif
