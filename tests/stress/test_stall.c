/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_stall.c - what "lock-free" means on real threads: a thread stopped anywhere inside an operation does not stop others.
 *
 * Two threads put and get as fast as they can. One is stopped at random points, by a signal handler that waits until the other
 * has ended CALLS more calls. For a lock-free structure that must come to pass each time, however long the other is without a
 * processor: the handler gives up only after PATIENCE, and that is a failure. The control, a queue under a lock, must be found
 * stuck now and then, or the test sees nothing. How long calls take then is measured by pawl-bench (fifo.stall).
 */
#include "../histories/subjects.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { STOPS = 1000, CALLS = 64 };
#define PATIENCE PAWL_S(20)

struct stall {
  const struct subject *subject;
  void *queue;
  int64_t patience;
  int victim_ends, observer_ends; /* atomic */
  uint64_t calls;                 /* that the observer has ended; atomic */
  uint64_t stops, stuck;          /* of the victim; in how many the observer got stuck; atomic */
};

static struct stall *current; /* for the handler */

static void pause_for(int64_t ns)
{
  nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void stop_here(int signal)
{
  (void)signal;
  struct stall *s = current;
  uint64_t enough = __atomic_load_n(&s->calls, __ATOMIC_RELAXED) + CALLS;
  pawl_time give_up = pawl_now() + s->patience;
  while (__atomic_load_n(&s->calls, __ATOMIC_RELAXED) < enough && pawl_now() < give_up)
    pause_for(50000);
  __atomic_fetch_add(&s->stops, 1, __ATOMIC_RELAXED);
  if (__atomic_load_n(&s->calls, __ATOMIC_RELAXED) < enough)
    __atomic_fetch_add(&s->stuck, 1, __ATOMIC_RELAXED);
}

static void put_and_get(struct stall *s)
{
  uint64_t item;
  (void)s->subject->put(s->queue, 1, PAWL_NOWAIT);
  (void)s->subject->get(s->queue, &item, PAWL_NOWAIT);
}

static void *run_victim(void *arg)
{
  struct stall *s = arg;
  while (!__atomic_load_n(&s->victim_ends, __ATOMIC_RELAXED))
    put_and_get(s);
  return NULL;
}

static void *run_observer(void *arg)
{
  struct stall *s = arg;
  while (!__atomic_load_n(&s->observer_ends, __ATOMIC_RELAXED)) {
    put_and_get(s);
    __atomic_fetch_add(&s->calls, 1, __ATOMIC_RELAXED);
  }
  return NULL;
}

static struct stall measure(const char *name, int64_t maxsize, int64_t patience)
{
  struct stall s = {.subject = subject_find(name), .patience = patience};
  struct sigaction action = {.sa_handler = stop_here}, old;
  pthread_t victim, observer;
  uint64_t random = 88172645463325252u;
  s.queue = s.subject->make(maxsize);
  current = &s;
  sigaction(SIGUSR1, &action, &old);
  pthread_create(&observer, NULL, run_observer, &s);
  pthread_create(&victim, NULL, run_victim, &s);
  while (__atomic_load_n(&s.stops, __ATOMIC_RELAXED) < STOPS && __atomic_load_n(&s.stuck, __ATOMIC_RELAXED) == 0) {
    pause_for(500000 + (int64_t)(test_random(&random) >> 20) % 500000);
    pthread_kill(victim, SIGUSR1);
  }
  __atomic_store_n(&s.victim_ends, 1, __ATOMIC_RELAXED);
  pthread_join(victim, NULL); /* first: its handler waits for the observer */
  __atomic_store_n(&s.observer_ends, 1, __ATOMIC_RELAXED);
  pthread_join(observer, NULL);
  sigaction(SIGUSR1, &old, NULL);
  s.subject->destroy(s.queue);
  printf("%s: %s %llu stops\n", name, s.stuck > 0 ? "stuck after" : "never stuck in", (unsigned long long)s.stops);
  return s;
}

static void check_lock_free(const char *name, int64_t maxsize)
{
  struct stall s = measure(name, maxsize, PATIENCE);
  CHECK_EQ(s.stuck, 0);
  CHECK_GE(s.stops, STOPS);
}

TEST(stall, lock_free_queues_go_on)
{
  check_lock_free("pawl-bounded", 1);
  check_lock_free("pawl-bounded", 1024);
  check_lock_free("pawl-unbounded", 0);
  check_lock_free("pawl-simple", 0);
}

TEST(stall, QUE2_lock_free_stacks_go_on)
{
  check_lock_free("pawl-lifo", 1);
  check_lock_free("pawl-lifo", 1024);
  check_lock_free("pawl-lifo-unbounded", 0);
}

TEST(stall, QUE3_lock_free_priority_queues_go_on)
{
  check_lock_free("pawl-priority", 1);
  check_lock_free("pawl-priority", 1024);
  check_lock_free("pawl-priority-unbounded", 0);
}

TEST(stall, the_control_gets_stuck)
{
  CHECK_GE(measure("locked", 1024, PAWL_MS(20)).stuck, 1);
}

/* As the header says of both: a thread that is stopped midway stops the others. */
TEST(stall, a_ring_gets_stuck)
{
  CHECK_GE(measure("pawl-ring", 1024, PAWL_MS(20)).stuck, 1);
}

TEST(stall, a_locked_heap_gets_stuck)
{
  CHECK_GE(measure("pawl-priority-locked", 1024, PAWL_MS(20)).stuck, 1);
}
