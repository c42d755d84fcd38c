/* SPDX-License-Identifier: BSD-2-Clause */
/* loops.c - what the loops of loops.h call out of line: start and end, the back-off, the judge of stalls. No state of its own. */
#include "subject.h"
#include <fcntl.h>
#include <stdio.h>
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

/* Linux, Documentation/scheduler/sched-stats: time on CPU, time runnable but waiting for one, slices. */
void bench_observe(struct bench_worker *worker)
{
  char text[64];
  unsigned long long on_cpu, waiting;
  if (worker->schedstat == 0)
    worker->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  ssize_t length = worker->schedstat > 0 ? pread(worker->schedstat, text, sizeof text - 1, 0) : 0;
  text[length > 0 ? length : 0] = '\0';
  if (sscanf(text, "%llu %llu", &on_cpu, &waiting) == 2)
    worker->run_delay = waiting;
}

/* Waiting for the CPU is the machine's doing, the rest (spinning, sleeping on a lock) is the queue's. */
void bench_slow(struct bench_worker *worker, uint64_t ticks)
{
  uint64_t before = worker->run_delay;
  bench_observe(worker);
  double own = (double)ticks * worker->run->ns_per_tick - (double)(worker->run_delay - before);
  if (own >= (double)worker->run->slow * worker->run->ns_per_tick)
    worker->stalls++;
}
