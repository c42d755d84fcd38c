/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork.c - what a forked child finds. Layer 3. Only the forking thread lives on in the child:
 *  - a lock-free FIFO needs nothing: a put that was midway is voided by the first get that meets it;
 *  - its producer of an SPSC queue may have filled a cell without having said so: spsc_repair;
 *  - a ring may hold cells of threads that are not there any more: ring_repair;
 *  - a pool's lanes may be held by such threads: pool_repair;
 *  - a custom order's callbacks may be under way: the fork waits for them, but not for ever (FORK_WAIT): a callback that
 *    takes longer leaves the caller's own structure as it is; its lock is free again in any case;
 *  - heaps under locks are locked before the fork, if that is possible within FORK_WAIT; otherwise what is in them is given up;
 *  - parks count sleepers that are not there any more: park.c, by the fork count;
 *  - hazard slots of such threads retain what they name; a few nodes, R4 of reclaim.h.
 */
#include "fork.h"
#include "core.h"
#include "os.h"

#define FORK_WAIT PAWL_MS(100)

static AT_GLOBAL struct pawl_lock lock; /* held across fork, so that the child finds the list whole */
static AT_GLOBAL struct pawl_queue *first;

static void enter(void)
{
  (void)!pawl_lock_acquire(&lock, PAWL_FOREVER);
}

static void leave(void)
{
  (void)pawl_lock_release(&lock);
}

static void before(void)
{
  enter();
  for (struct pawl_queue *q = first; q != NULL; q = q->next_)
    q->fork_locked_ = core_lock(q, pawl_after(FORK_WAIT));
}

static void in_parent(void)
{
  for (struct pawl_queue *q = first; q != NULL; q = q->next_)
    if (q->fork_locked_)
      core_release(q);
  leave();
}

static void in_child(void)
{
  for (struct pawl_queue *q = first; q != NULL; q = q->next_)
    core_repair(q);
  (void)pawl_lock_release(&lock);
}

/* At load, so that no fork comes between the first queue and the hooks. */
static __attribute__((constructor)) void hook(void)
{
  (void)os_at_fork(before, in_parent, in_child);
}

void fork_register(struct pawl_queue *q)
{
  enter();
  q->next_ = first;
  first = q;
  leave();
}

void fork_unregister(struct pawl_queue *q)
{
  enter();
  struct pawl_queue **link = &first;
  while (*link != NULL && *link != q)
    link = &(*link)->next_;
  if (*link == q)
    *link = q->next_;
  leave();
}
