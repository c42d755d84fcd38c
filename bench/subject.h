/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subject.h - what a queue library must offer to be measured, and the state of one measuring thread.
 *
 * A file in subjects/ defines, for each of its subjects, a handle type and six inline functions (see loops.h) and includes
 * loops.h, which generates every inner loop around them. So no subject pays for an indirect call: what a user of the
 * library would have inlined is inlined, what a user would call through a shared library is called that way.
 * Compiles as C11 and as C++17.
 *
 * Items. Bits 0-2 zero, 3-8 the producer, from 9 on its sequence number from 1: never zero, and below 2^47, so that queues
 * of pointers carry them too (nobody follows them).
 */
#ifndef PAWL_BENCH_SUBJECT_H
#define PAWL_BENCH_SUBJECT_H

#include "ticks.h"
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Capabilities of a subject; macros because loops.h asks for them with #if. Without BENCH_STACK and BENCH_PRIO it is a FIFO:
 * a family has its own workloads and its own order to be verified.
 */
#define BENCH_TRY 1            /* takes part in the non-blocking workloads */
#define BENCH_WAIT 2           /* has a put and a get that sleep */
#define BENCH_BOUNDED 4        /* honours the capacity (rounded up to a power of two where the library wants that) */
#define BENCH_SPSC 8           /* one producer and one consumer at most */
#define BENCH_PRODUCER_FIFO 16 /* keeps the order of each producer only: not one FIFO */
#define BENCH_LOCK_FREE 32     /* claims that a stopped peer stalls nobody */
#define BENCH_TRIM 64          /* has a call that gives memory back */
#define BENCH_PRICE 128        /* shown only where the price of one feature is to be seen: fifo.solo, fifo.mpmc */
#define BENCH_FAULTY 256       /* shown only in fifo.false-empty, beside all others */
#define BENCH_STACK 512        /* last in, first out */
#define BENCH_PRIO 1024        /* lowest key first */
#define BENCH_STABLE 2048      /* BENCH_PRIO: first in, first out among equal keys */
#define BENCH_RELAXED 4096     /* BENCH_PRIO: only nearly the lowest key */
#define BENCH_FAMILY (BENCH_STACK | BENCH_PRIO)

#define BENCH_PRODUCERS_MAX 62
#define BENCH_STEP ((uint64_t)1 << 9)
#define BENCH_POISON ((uint64_t)63 << 3) /* "consumer, stop"; its sequence number 0 marks it */

struct bench_shape {
  unsigned producers;
  unsigned consumers;
  size_t capacity;
};

/* What went through one thread. Consumers sum in the loop, producers by formula afterwards. */
struct bench_audit {
  uint64_t count;
  uint64_t sum;
  uint64_t squares; /* so that two compensating errors do not cancel out */
  uint64_t disorder;
  uint64_t last[64]; /* last item seen of each producer */
};

/* The keys that one thread puts into a priority queue, and sums that bind each item to its key. */
struct bench_keys {
  uint64_t state; /* of a generator that gives every subject the same keys */
  uint64_t mask;
  uint64_t high; /* bits that every key has */
  int64_t next;  /* key of the next put */
  int64_t last;  /* key of the last get */
  int64_t before_key;
  uint64_t before; /* the item got before and its key, or 0 */
  uint64_t put;
  uint64_t got;
};

struct bench_rank;

/* State shared by the threads of one sample. */
struct bench_run {
  pthread_barrier_t start;
  char pad1_[128];
  unsigned stop;
  char pad2_[128];
  unsigned producing; /* producers still at work; the last one poisons the consumers */
  unsigned consumers;
  double ns_per_tick;
  uint64_t slow;   /* ticks from which an observed operation is looked at */
  uint64_t fill;   /* items for bench_subject.fill */
  unsigned filler; /* stacks: the producer whose items lie below all others and are to stay there */
  uint64_t keys;   /* random keys are below this, a power of two */
  uint64_t high;   /* bits that all keys have that are in the queue before the threads begin */
  uint64_t step;   /* hold: a key comes back higher by 1 to this, a power of two */
  struct bench_rank *rank;
  uint64_t period; /* trickle: nanoseconds between items */
};

struct bench_worker;
typedef void bench_loop(struct bench_worker *worker);

/* What an observer knew of itself at its last look, nanoseconds. */
struct bench_look {
  uint64_t wall;
  uint64_t on_cpu;
  uint64_t delay;  /* runnable, but not running, by the scheduler's account */
  uint64_t sleeps; /* voluntary switches */
};

struct bench_worker {
  struct bench_run *run;
  bench_loop *loop;
  void *queue;
  void *reply; /* round trip: the queue back */
  unsigned id;
  bool alone; /* called by the main thread: bench_begin waits for nobody */
  int cpu;    /* to be pinned on, or -1 */
  uint64_t begin;
  uint64_t end;
  uint64_t puts;
  uint64_t empties; /* times that get said EMPTY */
  struct bench_audit got;
  struct bench_keys keys;
  struct bench_histogram *histogram;
  int schedstat; /* observer: its file of scheduling statistics */
  struct bench_look look;
  uint64_t stalls; /* observer: slow operations that its own preemption does not explain */
  char pad_[128];
};

/* A row of the subjects' table. Loops that a subject lacks are NULL. */
struct bench_subject {
  const char *name;
  const char *library;
  const char *note;
  unsigned caps;
  void *(*open)(const struct bench_shape *shape); /* NULL: not with this shape */
  void (*close)(void *queue);
  void (*trim)(void *queue);
  bench_loop *solo, *produce, *consume, *pairs, *pairs_timed, *observe, *fill, *drain;
  bench_loop *produce_wait, *consume_wait, *ping_wait, *pong_wait, *trickle_wait;
  bench_loop *hold, *rank;
};

/* Waits for all threads of the sample, then notes the time. */
void bench_begin(struct bench_worker *worker);
void bench_end(struct bench_worker *worker);
/* The observer of fifo.stall: takes stock of its scheduling delay, and judges an operation that took long. */
void bench_observe(struct bench_worker *worker);
void bench_slow(struct bench_worker *worker, uint64_t ticks);
/* The policy of a non-blocking loop after `*tries` failures in a row; see loops.h. */
void bench_back_off(unsigned *tries);
/* prio.rank.*, see rank.c: waits for the thread's turn; notes what it did in its turn; passes the turn on. False: all done. */
bool bench_rank_turn(struct bench_worker *worker);
void bench_rank_put(struct bench_worker *worker, int64_t key);
void bench_rank_got(struct bench_worker *worker, int64_t key);
void bench_rank_pass(struct bench_worker *worker);

static inline bool bench_stopped(const struct bench_worker *worker)
{
  return __atomic_load_n(&worker->run->stop, __ATOMIC_RELAXED) != 0;
}

static inline unsigned bench_producer_of(uint64_t item)
{
  return (unsigned)(item >> 3) & 63;
}

static inline void bench_audit_sum(struct bench_audit *audit, uint64_t item)
{
  audit->count++;
  audit->sum += item;
  audit->squares += item * item;
}

/* A FIFO's item: each producer's come out in the order in which they went in. */
static inline void bench_audit_add(struct bench_audit *audit, uint64_t item)
{
  unsigned producer = bench_producer_of(item);
  audit->disorder += item <= audit->last[producer];
  audit->last[producer] = item;
  bench_audit_sum(audit, item);
}

/* A stack's item while nobody puts: each producer's come out in the opposite order. */
static inline void bench_audit_unwind(struct bench_audit *audit, uint64_t item)
{
  unsigned producer = bench_producer_of(item);
  audit->disorder += audit->last[producer] != 0 && item >= audit->last[producer];
  audit->last[producer] = item;
  bench_audit_sum(audit, item);
}

static inline void bench_keys_draw(struct bench_keys *keys)
{
  keys->state = keys->state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX; its high bits are the good ones */
  keys->next = (int64_t)((keys->state >> 20 & keys->mask) | keys->high);
}

/* The next key is to be the last one got and 1 to `step` more. */
static inline void bench_keys_behind(struct bench_keys *keys, uint64_t step)
{
  keys->next = keys->last + 1 + (int64_t)((uint64_t)keys->next & (step - 1));
}

/* Each worker draws keys of its own. */
static inline void bench_keys_open(struct bench_keys *keys, const struct bench_worker *worker)
{
  memset(keys, 0, sizeof *keys);
  keys->state = (worker->id + 1) * (uint64_t)0x9e3779b97f4a7c15;
  keys->mask = worker->run->keys - 1;
  keys->high = worker->alone ? worker->run->high : 0;
  bench_keys_draw(keys);
  bench_keys_draw(keys);
}

/* Summed over all puts and over all gets, this differs if an item came out with another item's key. */
static inline uint64_t bench_bind(int64_t key, uint64_t item)
{
  return (2 * (uint64_t)key + 1) * item;
}

/* A priority queue's item while nobody puts. */
static inline void bench_audit_keys(struct bench_audit *audit, struct bench_keys *keys, unsigned caps, uint64_t item)
{
  if (keys->before != 0 && !(caps & BENCH_RELAXED))
    audit->disorder += keys->last < keys->before_key;
  if (keys->before != 0 && caps & BENCH_STABLE && keys->last == keys->before_key)
    audit->disorder += bench_producer_of(item) == bench_producer_of(keys->before) && item <= keys->before;
  keys->before_key = keys->last;
  keys->before = item;
  bench_audit_sum(audit, item);
}

static inline uint64_t bench_first_item(const struct bench_worker *worker)
{
  return BENCH_STEP | (uint64_t)worker->id << 3;
}

/* The producer that finishes last answers for stopping the consumers. */
static inline bool bench_last_producer(struct bench_worker *worker)
{
  return __atomic_sub_fetch(&worker->run->producing, 1, __ATOMIC_ACQ_REL) == 0;
}

#ifdef __cplusplus
}
#endif

#endif
