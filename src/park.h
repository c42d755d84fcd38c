/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * park.h - sleeping until something may have changed: an eventcount, and park_until, the library's only wait loop. Layer 2.
 *
 * Source: eventcounts (Reed and Kanodia, CACM 22(2), 1979) in their futex form. Deviation: at most one wake is in flight.
 *
 * `epoch` is what sleepers sleep on. `state` holds
 *     bits 0..23  waiters: threads between announcing and retracting. Only waiters change it.
 *     bit 30      PARK_ARMED: somebody polls a descriptor; the next waker clears the bit and writes the descriptor.
 *     bit 31      PARK_FLIGHT: a wake is in flight. Legal to clear any time by a thread that is about to attempt anew;
 *                 illegal to set without raising the epoch and waking afterwards.
 *
 * `sleeps` counts waits that came to announce themselves.
 *
 * Price of one wake in flight: while its bearer, or a waker between setting the bit and waking, does not get to run, nobody
 * else is woken. It is paid back as soon as that thread runs (P3), and never by those who spin or come anew.
 *
 * No wake is lost:
 *  P1  A waiter announces itself (seq_cst add) before its decisive attempt, a waker changes the structure (seq_cst) before
 *      it loads `state` (seq_cst) [W]: the waker sees the waiter, or the attempt sees the change.
 *  P2  A waiter reads `epoch` before that attempt and sleeps on the value it read; a waker raises it before it wakes. So a
 *      wake between attempt and sleep is not slept through.
 *  P3  A waker that finds PARK_FLIGHT set may leave: the bit is cleared by a waiter only before an attempt of its own (P4),
 *      seq_cst, hence that attempt sees the waker's change.
 *  P4  Whoever set the bit raises the epoch and wakes one sleeper; every waiter that announced before is then asleep no
 *      more, or finds the epoch changed: at least one runs its loop again, and begins by clearing the bit; or all have left.
 *  P5  A waiter that leaves after a change which it could use looks whether more is left, and if so wakes the next: the
 *      caller does that by park_wake_one, because only it knows what "more" is.
 *
 * After a fork the child's parks count sleepers that are not there, and perhaps a wake in flight to one of them. `fork` is the
 * fork count in which the words were last known to be right; the first who waits in a later one clears them.
 *
 * A waiter that leaves with its wake unused (deadline) has attempted after clearing the bit, so P3 holds for it, too.
 */
#ifndef PAWL_SRC_PARK_H
#define PAWL_SRC_PARK_H

#include "atomic.h"
#include "os.h"

#define PARK_WAITERS ((uint32_t)0x00ffffff)
#define PARK_ARMED ((uint32_t)1 << 30)
#define PARK_FLIGHT ((uint32_t)1 << 31)

/*
 * One try at what the caller waits for. Returns anything but `busy` to end the wait with that result.
 * `key` is NULL while spinning. Before a sleep it is not NULL: an attempt on a word then marks the word as waited for and
 * stores the value to sleep on; an attempt on an eventcount ignores it.
 */
typedef int park_attempt(void *arg, uint32_t *key);

enum park_kind {
  PARK_EVENT,        /* on an eventcount, one wake in flight */
  PARK_WORD,         /* on a word of the caller's object, which the releasing operation changes and wakes by address */
  PARK_EVENT_SHARED, /* the same between processes; wakers use park_wake_shared */
  PARK_WORD_SHARED,
};

struct park_at {
  enum park_kind kind;
  struct pawl__park *event; /* PARK_EVENT and _SHARED */
  uint32_t *word;           /* PARK_WORD and _SHARED */
};

static inline struct park_at park_on(struct pawl__park *event)
{
  return (struct park_at){.kind = PARK_EVENT, .event = event};
}

/*
 * Tries, spins a little, announces, tries again, sleeps, and so on until the attempt returns something else than `busy`, or
 * the deadline has passed and one more try has been made; then returns `busy`. `until` in the past: one try.
 */
int park_until(struct park_at at, int busy, pawl_time until, park_attempt *attempt, void *arg);

bool park_wake_slow(struct pawl__park *park);

/* Has somebody to be woken after a change? */
static inline bool park_is_awaited(const struct pawl__park *park)
{
  return __builtin_expect(at_load_seq(&park->state) & (PARK_WAITERS | PARK_ARMED), 0); /* [W] */
}

/*
 * After a change that one waiter can use. One load when nobody waits; a system call only if somebody sleeps. Lock-free.
 * True: a descriptor was armed, is so no more, and the caller has to write it.
 */
static inline PAWL_CHECK bool park_wake_one(struct pawl__park *park)
{
  return park_is_awaited(park) && park_wake_slow(park);
}

/* After a change for everybody. Returns as park_wake_one. */
PAWL_CHECK bool park_wake_all(struct pawl__park *park);

/* Between processes: after every change. A wake in flight could die with its bearer, so there is none. */
void park_wake_shared(struct pawl__park *park);

/* Arms a descriptor. The caller then looks whether what it waits for is there already, and if so takes it back: true if it
 * was still armed, and the caller has to write the descriptor itself. */
static inline void park_arm(struct pawl__park *park)
{
  (void)at_or_seq(&park->state, PARK_ARMED); /* [W] */
}

/* Whoever clears the bit writes the descriptor; acquire, so that this comes after the descriptor was cleared by who armed it. */
static inline bool park_disarm(struct pawl__park *park)
{
  return at_and_acquire(&park->state, ~PARK_ARMED) & PARK_ARMED;
}

/* Threads that wait, a snapshot; in a forked child perhaps some that are not there. */
static inline uint32_t park_was_waiting(const struct pawl__park *park)
{
  return at_load_relaxed(&park->state) & PARK_WAITERS;
}

/* Threads of this process that wait, a snapshot. */
uint32_t park_count(struct pawl__park *park);

#endif
