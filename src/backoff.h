/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backoff.h - how the FIFO cores keep cache lines from bouncing. Layer 1. Two situations, two answers:
 *
 *  lost CAS   Somebody else made progress. Who loses pauses for as long as a hundred operations take, and longer each time,
 *             before it even looks again; meanwhile the winner runs a batch out of its own cache. (That losers should not
 *             look at once is crossbeam's observation, which retries with the stale value; a long pause and a fresh look
 *             disturb the winner less and take turns more fairly: measured, bench/RESULTS.md.)
 *  caught up  A get that has taken all it knew of, or a put that has filled all it knew to be free, looks at the opposite
 *             index, whose line the other side is writing. If it comes once per item, both sides crawl. So it pauses before
 *             it looks, longer each time that the look was worth while, so that there is a batch to be had; a look in vain
 *             ends that. A thread that puts and gets in turn would wait for itself, and does not pause.
 */
#ifndef PAWL_SRC_BACKOFF_H
#define PAWL_SRC_BACKOFF_H

#include "atomic.h"

/*
 * A locked operation waits until earlier stores have left the core. A put's store into a cell whose line is in a get's cache
 * takes some 100 ns, so that the next put's CAS would stand there for that long. Hence both sides ask for the lines that they
 * will need two lines ahead; a get only as far as it knows of items, lest it takes the line that a put is about to write.
 */
enum { CELLS_PER_LINE = 4, CELLS_AHEAD = 2 * CELLS_PER_LINE };

enum {
#ifndef BACKOFF_FIRST
  BACKOFF_FIRST = 256, /* pauses; a pause is 5 to 50 ns */
#endif
  BACKOFF_DOUBLINGS = 2,
  BACKOFF_CAUGHT_UP = 4, /* first pauses of who has caught up, */
  BACKOFF_EMPTY = 32,    /* at most, of a get: half a microsecond, */
  BACKOFF_FULL = 32,     /* at most, of a put, and not more than maxsize / 8 */
};

/* How the usual case of an operation went, which is tried first: through, not tried, its CAS lost to a rival, or voided (by a get or a close). */
enum quick { QUICK_THROUGH, QUICK_UNUSUAL, QUICK_LOST, QUICK_VOIDED };

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

/* Before a look at the opposite index. `pauses` is the side's patience, `own` says that this thread is the other side, too. */
static inline void backoff_before_look(const uint32_t *pauses, bool own)
{
  uint32_t n = at_load_relaxed(pauses);
  if (n > 0 && !own)
    backoff_pause(n);
}

/* After it. */
static inline void backoff_after_look(uint32_t *pauses, bool found, uint32_t most)
{
  uint32_t n = at_load_relaxed(pauses), next = !found ? 0 : n == 0 ? BACKOFF_CAUGHT_UP : 2 * n;
  if (next > most)
    next = most;
  if (next != n)
    at_store_relaxed(pauses, next);
}

static inline uint32_t backoff_full(int64_t maxsize)
{
  return maxsize / 8 < BACKOFF_FULL ? (uint32_t)(maxsize / 8) : BACKOFF_FULL;
}

#endif
