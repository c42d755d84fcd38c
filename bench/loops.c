/* SPDX-License-Identifier: BSD-2-Clause */
/* loops.c - what the loops of loops.h call out of line: start and end, the back-off, the judge of stalls. No state of its own. */
#include "subject.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void bench_back_off(unsigned *tries)
{
  unsigned k = (*tries)++;
  if (k >= 6) {
    sched_yield();
    return;
  }
  for (unsigned i = 0; i < 1u << k; i++)
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ __volatile__("yield");
#endif
}

void bench_begin(struct bench_worker *worker)
{
  if (!worker->alone)
    pthread_barrier_wait(&worker->run->start);
  worker->begin = bench_now();
}

void bench_end(struct bench_worker *worker)
{
  worker->end = bench_now();
}

static struct bench_look look_now(struct bench_worker *worker)
{
  struct bench_look look = {.wall = bench_now()};
  struct timespec cpu;
  struct rusage usage;
  char text[64];
  unsigned long long on_cpu, waiting;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0)
    look.on_cpu = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec;
  if (getrusage(RUSAGE_THREAD, &usage) == 0)
    look.sleeps = (uint64_t)usage.ru_nvcsw;
  if (worker->schedstat == 0)
    worker->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  ssize_t length = worker->schedstat > 0 ? pread(worker->schedstat, text, sizeof text - 1, 0) : 0;
  text[length > 0 ? length : 0] = '\0';
  if (sscanf(text, "%llu %llu", &on_cpu, &waiting) == 2) /* Linux, Documentation/scheduler/sched-stats */
    look.delay = waiting;
  return look;
}

void bench_observe(struct bench_worker *worker)
{
  worker->look = look_now(worker);
}

/*
 * Waiting for the processor is the machine's doing, the rest (spinning, sleeping on a lock) is the queue's. While a thread did
 * not sleep, all of the time that it did not run was waiting, also that which a hypervisor took and the scheduler's account of
 * delays does not know.
 */
void bench_slow(struct bench_worker *worker, uint64_t ticks)
{
  struct bench_look before = worker->look, now = look_now(worker);
  worker->look = now;
  double waited = (double)(now.delay - before.delay);
  if (now.sleeps == before.sleeps && now.on_cpu != 0)
    waited = (double)(now.wall - before.wall) - (double)(now.on_cpu - before.on_cpu);
  if ((double)ticks * worker->run->ns_per_tick - waited >= (double)worker->run->slow * worker->run->ns_per_tick)
    worker->stalls++;
}
