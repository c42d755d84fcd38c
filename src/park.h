/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * park.h - sleeping until something may have changed: an eventcount, and park_until, the library's only wait loop. Layer 2.
 */
#ifndef PAWL_SRC_PARK_H
#define PAWL_SRC_PARK_H

#include "atomic.h"
#include "os.h"

/*
 * One try at what the caller waits for. Returns anything but `busy` to end the wait with that result.
 * `key` is NULL while spinning. Before a sleep it is not NULL: an attempt on a word then marks the word as waited for and
 * stores the value to sleep on; an attempt on an eventcount ignores it.
 */
typedef int park_attempt(void *arg, uint32_t *key);

enum park_kind {
  PARK_EVENT,        /* on an eventcount, one wake in flight */
  PARK_EVENT_SHARED, /* the same between processes: a wake per event, because a wake in flight must not die with its bearer */
  PARK_WORD,         /* on a word of the caller's object */
  PARK_WORD_SHARED,
};

struct park_at {
  enum park_kind kind;
  struct pawl__park *event; /* PARK_EVENT* */
  uint32_t *word;           /* PARK_WORD* */
};

/*
 * Tries, spins a little, announces, tries again, sleeps, and so on until the attempt returns something else than `busy` or
 * the deadline has passed; then returns `busy`. The last try always comes after the deadline was found passed.
 */
int park_until(struct park_at at, int busy, pawl_time until, park_attempt *attempt, void *arg);

/* After something has changed that one waiter can use. Costs one load when nobody waits. */
void park_wake_one(struct pawl__park *park);
/* After something has changed for everybody. */
void park_wake_all(struct pawl__park *park);

#endif
