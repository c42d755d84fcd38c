/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kit.h - what the acceptance tests of queues, locks and parks share: the kinds of queue, threads that can be seen asleep,
 * an allocator that counts and fails on demand. For tests only; nothing here knows the inside of the library.
 *
 * A test arranges its state by threads that run one call each (struct call) and by waiting until such a thread is really
 * asleep in the kernel (test_until_asleep), never by sleeping itself. Whatever hangs is ended by the harness's watchdog.
 */
#ifndef PAWL_TESTS_KIT_H
#define PAWL_TESTS_KIT_H

#include "stock.h"
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Waits until the condition holds, polling; the watchdog ends it if it never does. */
#define EVENTUALLY(condition)                                                                                                  \
  do {                                                                                                                         \
    test_waiting(#condition);                                                                                                  \
    while (!(condition))                                                                                                       \
      kit_pause();                                                                                                             \
    test_waiting(NULL);                                                                                                        \
  } while (0)
void kit_pause(void); /* about 0.1 ms */

/* --- one call in a thread of its own --- */

struct call {
  int (*run)(struct call *);
  void *object; /* queue, lock, whatever `run` works on */
  uint64_t item;
  pawl_time until;
  void *more; /* whatever else `run` needs */
  int result;
  _Atomic int phase; /* 0, then 1 just before `run`, 2 after it */
  struct test_thread thread;
};

void call_begin(struct call *call, int (*run)(struct call *), void *object, uint64_t item, pawl_time until);
void call_wait_asleep(struct call *call); /* until it sleeps in the kernel inside `run` */
/* Begins n calls without a deadline, each in a thread of its own, and waits until all of them sleep. */
void calls_asleep(struct call *calls, int n, int (*run)(struct call *), void *object, uint64_t item);
bool call_has_returned(struct call *call);
int call_end(struct call *call); /* waits for its end: the result */

/* Until none is at work any more, makes the threads stand anywhere for a while, by signals (SIGUSR1). */
void disturb(const struct test_thread *threads, int n, _Atomic int *working);

int run_put(struct call *call);
int run_get(struct call *call); /* the item to call->item */
int run_join(struct call *call);
int run_task_done(struct call *call);

/* --- the kinds of queue --- */

enum kind_traits {
  KIND_BOUNDED = 1,
  KIND_UNBOUNDED = 2,
  KIND_TRACKED = 4,
  KIND_MANY = 8, /* several putters and getters at once */
  KIND_DROPS = 16,
  KIND_RING = 32,
  KIND_CUSTOM = 64,
  KIND_STATIC = 128, /* made by a static initialiser */
  KIND_LOCK_FREE = 256,
  KIND_PREALLOC = 512,
  KIND_SEGMENTS = 1024, /* memory in segments: the lock-free FIFO and its SPSC variant */
  KIND_FIFO = 2048,
  KIND_LIFO = 4096,
  KIND_KEYS = 8192,     /* put_key and get_key; put takes the item as its own key */
  KIND_STRICT = 16384,  /* one thread can tell which item comes next; all but PAWL_RELAXED */
  KIND_IN_TURN = 32768, /* a later, larger item of one putter never overtakes an earlier, smaller one */
  KIND_BY_LESS = 65536, /* the caller's comparison: here the largest item first */
  KIND_NODES = 131072,  /* memory in nodes, one per item: LIFO and PAWL_PRIORITY without a lock */
  KIND_PEEK = 262144,
};

struct kind {
  const char *name;
  unsigned traits, order, progress, flags, heaps;
};

/* for (each kind that has all traits of `need`) */
#define EACH_KIND(kind, need) for (const struct kind *kind = kind_next(NULL, (need)); kind; kind = kind_next(kind, (need)))
const struct kind *kind_next(const struct kind *last, unsigned need);

struct fixture {
  struct pawl_queue queue;
  const struct kind *kind;
  struct stock stock;  /* of a custom kind */
  struct stock inside; /* what the test knows to be in the queue */
  pthread_mutex_t dropping;
  uint64_t *dropped; /* what `drop` received, in order */
  _Atomic size_t drops;
  size_t drop_room;
  void (*on_drop)(struct fixture *); /* called inside `drop`, may be NULL */
  void *more;
};

/* The options of the kind; unbounded kinds ignore `maxsize`. */
struct pawl_queue_options fixture_options(struct fixture *fixture, const struct kind *kind, int64_t maxsize);
struct fixture *fixture_open(const struct kind *kind, int64_t maxsize);
void fixture_close(struct fixture *fixture);                    /* checks that fini answers 0 and leaves zero bytes */
size_t fixture_dropped(struct fixture *fixture, uint64_t item); /* how often */
uint64_t fixture_bytes(struct fixture *fixture);                /* what the queue says that it holds */

/*
 * What is inside. A fixture keeps book of the items, so that one test serves every order: each get is checked against what
 * this kind must deliver next. What other threads or other calls put in or took out, the test notes itself.
 */
void put_ok(struct fixture *fixture, uint64_t item);
void fill(struct fixture *fixture, uint64_t first, size_t n); /* puts first, first + 1 .. */
uint64_t get_next(struct fixture *fixture);                   /* gets the item that must come next */
void take_out(struct fixture *fixture, size_t n);             /* n times get_next */
void get_ok(struct fixture *fixture, uint64_t expected);      /* get_next, which must be that one */
void put_key_ok(struct fixture *fixture, int64_t key, uint64_t item);
struct stock_entry get_key_next(struct fixture *fixture);
void note_put(struct fixture *fixture, uint64_t item);
void note_get(struct fixture *fixture, uint64_t item);  /* it must have been the next */
void note_drop(struct fixture *fixture, uint64_t item); /* likewise of a FIFO; other kinds drop in any order */
void note_empty(struct fixture *fixture);               /* nothing is inside any more */
void fixture_fini(struct fixture *fixture);             /* ends the queue, which is an unbounded FIFO from then on */

/* --- the allocator: counts everything Pawl takes; blocks come dirty and go poisoned --- */

void hook_install(void);     /* before the first object of the process; fixture_open does it */
long hook_allocations(void); /* so far */
long hook_live_blocks(void);
size_t hook_live_bytes(void);
/* Fails the n-th allocation from now on (0: the next one), and with `all` every later one too. n < 0: none. */
void hook_fail(long n, bool all);
long hook_failures(void); /* how many since the last hook_fail */

#endif
