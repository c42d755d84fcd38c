/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os_model.c - src/os.h for fibers, and the library's memory from the machine's heap. Linked with the library's sources of
 * world 2, and only with them.
 */
#include "../../src/os.h"
#include "machine.h"

enum { EVENT_FD = 1000 };

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

int os_eventfd(void)
{
  return EVENT_FD;
}

void os_eventfd_write(int fd)
{
  if (fd == EVENT_FD)
    M.events++;
}

void os_eventfd_clear(int fd)
{
  if (fd == EVENT_FD)
    M.events = 0;
}

void os_close(int fd)
{
  (void)fd;
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
  return heap_alloc(size, align, NULL);
}

static void give(void *ctx, void *memory, size_t size, size_t align)
{
  (void)ctx;
  (void)size;
  (void)align;
  heap_free(memory);
}

/* Before the machine keeps the image of the library's globals. */
__attribute__((constructor)) static void install(void)
{
  static const struct pawl_allocator heap = {take, give, NULL};
  if (pawl_set_allocator(&heap) != 0)
    __builtin_trap();
}
