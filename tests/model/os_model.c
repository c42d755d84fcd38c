/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os_model.c - src/os.h for fibers, and the library's memory from the machine's heap. Linked with the library's sources of
 * world 2, and only with them.
 */
#include "os_model.h"
#include "../../src/atomic.h"
#include "../../src/os.h"
#include "machine.h"

#include <errno.h>

int os_futex_wait(uint32_t *word, uint32_t value, pawl_time until, bool shared)
{
  (void)shared;
  return pawl_check_futex_wait(word, value, until);
}

int os_futex_wake(uint32_t *word, int n, bool shared)
{
  (void)shared;
  return pawl_check_futex_wake(word, n);
}

pawl_time os_now(void)
{
  return model_now();
}

uint64_t os_memory(void)
{
  return UINT64_MAX;
}

void os_yield(void)
{
  pawl_check_pause();
}

bool os_parallel(void)
{
  return true;
}

unsigned os_cpu_count(void)
{
  return 2;
}

unsigned os_quota(const char *root)
{
  (void)root;
  return 0;
}

bool os_membarrier(void)
{
  model_membarrier();
  return true;
}

/* ---- descriptors: counters that the kernel keeps under a lock of their own, hence acq_rel and no more */

enum { EVENTS = 8, FIRST_FD = 1000 };

static AT_GLOBAL struct event {
  uint32_t count;
  bool open;
} events[EVENTS];

static struct event *event_of(int fd)
{
  struct event *e = fd >= FIRST_FD && fd < FIRST_FD + EVENTS ? &events[fd - FIRST_FD] : NULL;
  if (e == NULL || !e->open)
    model_fail(VERDICT_USE, "a descriptor is used that is not open");
  return e;
}

/* Numbers do not come back within a schedule. */
int os_eventfd(void)
{
  static AT_GLOBAL int used;
  model_point();
  if (used == EVENTS || (M.running && M.config->faults && decide_index(D_ALLOC, 2, 12)))
    return -EMFILE;
  events[used].open = true;
  trace_note("opens descriptor %d", FIRST_FD + used);
  return FIRST_FD + used++;
}

void os_eventfd_write(int fd)
{
  struct event *e = event_of(fd);
  (void)PAWL_CHECK_ADD(&e->count, 1u, __ATOMIC_ACQ_REL);
  for (unsigned i = 0; i < FIBERS; i++)
    if (M.fiber[i].state == FIBER_BLOCKED && M.fiber[i].word == &e->count)
      model_wake(&M.fiber[i], 0);
}

void os_eventfd_clear(int fd)
{
  (void)PAWL_CHECK_SWAP(&event_of(fd)->count, 0u, __ATOMIC_ACQ_REL);
}

void os_close(int fd)
{
  model_point();
  event_of(fd)->open = false;
  trace_note("closes descriptor %d", fd);
}

bool os_model_poll(int fd, pawl_time until)
{
  struct event *e = event_of(fd);
  while (PAWL_CHECK_ADD(&e->count, 0u, __ATOMIC_ACQ_REL) == 0) {
    trace_note("polls descriptor %d", fd);
    model_block(&e->count, until);
    if (M.cur->wake_result == PAWL_TIMEOUT)
      return false;
  }
  return true;
}

unsigned os_model_open(void)
{
  unsigned n = 0;
  for (int i = 0; i < EVENTS; i++)
    n += events[i].open;
  return n;
}

void *os_self(void)
{
  return M.cur->self;
}

int os_set_self(void *self, void (*at_exit)(void *self))
{
  M.cur->self = self;
  M.cur->at_exit = at_exit;
  return 0;
}

uint32_t os_fork_count(void)
{
  return 0;
}

int os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
  (void)before;
  (void)in_parent;
  (void)in_child;
  return 0;
}

static void *take(void *ctx, size_t size, size_t align)
{
  (void)ctx;
  return arena_alloc(size, align, NULL);
}

static void give(void *ctx, void *memory, size_t size, size_t align)
{
  (void)ctx;
  (void)size;
  (void)align;
  arena_free(memory);
}

/* Before the machine keeps the image of the library's globals. */
__attribute__((constructor)) static void install(void)
{
  static const struct pawl_allocator heap = {take, give, NULL};
  if (pawl_set_allocator(&heap) != 0)
    __builtin_trap();
}
