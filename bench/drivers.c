/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers.c - what a workload does in the child: opens queues, runs the loops, and makes figures of what the threads noted.
 *
 * An "op" is one item that went all the way through: put by somebody, got by somebody.
 */
#include "drivers.h"
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { THREADS_MAX = 2 * BENCH_PRODUCERS_MAX, FREEZES = 90, FREEZE_MS = 5 };

struct bench_usage bench_usage_now(void)
{
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (struct bench_usage){((double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec) * 1e9 +
                                  ((double)r.ru_utime.tv_usec + (double)r.ru_stime.tv_usec) * 1e3,
                              (double)(r.ru_nvcsw + r.ru_nivcsw)};
}

static void sleep_ns(uint64_t ns)
{
  struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
  while (nanosleep(&time, &time) != 0)
    ;
}

double bench_elapsed_ns(const struct bench_trial *trial)
{
  uint64_t begin = UINT64_MAX, end = 0;
  for (unsigned i = 0; i < trial->threads; i++) {
    if (trial->workers[i].begin < begin)
      begin = trial->workers[i].begin;
    if (trial->workers[i].end > end)
      end = trial->workers[i].end;
  }
  return (double)(end - begin);
}

double bench_passed(const struct bench_trial *trial)
{
  double items = 0;
  for (unsigned i = 0; i < trial->threads; i++)
    items += (double)trial->workers[i].got.count;
  return items;
}

uint64_t bench_items(const struct bench_settings *settings, uint64_t items)
{
  uint64_t most = settings->verify ? 10000 : settings->milliseconds <= 25 ? 100000 : UINT64_MAX;
  return items < most ? items : most;
}

/* The items to be found there are put by a worker beyond the threads; no more than half of what the queue takes. */
void bench_open_for_all(struct bench_trial *trial)
{
  size_t capacity = trial->workload->capacity != 0 ? trial->workload->capacity : trial->settings->capacity;
  struct bench_worker *filler = &trial->workers[trial->threads];
  struct bench_run *run = &trial->run;
  void *queue = bench_trial_open(trial, capacity);
  for (unsigned i = 0; i < trial->threads; i++)
    trial->workers[i].queue = queue;
  run->filler = trial->threads;
  run->fill = bench_items(trial->settings, trial->workload->prefill);
  run->fill = run->fill < capacity / 2 ? run->fill : capacity / 2;
  *filler = (struct bench_worker){.run = run, .queue = queue, .id = trial->threads, .alone = true};
  if (run->fill > 0)
    trial->subject->fill(filler);
}

static void give_histograms(struct bench_trial *trial, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    struct bench_histogram *histogram = calloc(1, sizeof *histogram);
    if (histogram == NULL)
      bench_trial_fail(trial, "no memory");
    trial->workers[i].histogram = histogram;
  }
}

/* Writes the given quantiles, in nanoseconds, of the workers' histograms taken together. */
static void put_quantiles(struct bench_trial *trial, unsigned count, const double *fractions, unsigned n, double *out)
{
  struct bench_histogram *all = trial->workers[0].histogram;
  for (unsigned i = 1; i < count; i++) {
    all->count += trial->workers[i].histogram->count;
    for (unsigned b = 0; b < BENCH_BUCKETS; b++)
      all->bucket[b] += trial->workers[i].histogram->bucket[b];
  }
  for (unsigned i = 0; i < n; i++)
    out[i] = bench_histogram_quantile(all, fractions[i]) * trial->settings->ns_per_tick;
}

void bench_drive_solo(struct bench_trial *trial)
{
  bench_open_for_all(trial);
  struct bench_usage before = bench_usage_now();
  bench_trial_run(trial, &trial->subject->solo);
  struct bench_usage after = bench_usage_now();
  double pairs = (double)trial->workers[0].puts;
  trial->result->value[0] = bench_elapsed_ns(trial) / pairs;
  trial->result->cpu_ns_per_op = (after.cpu_ns - before.cpu_ns) / pairs;
  bench_trial_verify(trial);
}

static void stream(struct bench_trial *trial, bench_loop *produce, bench_loop *consume)
{
  bench_loop *loops[THREADS_MAX];
  for (unsigned i = 0; i < trial->threads; i++)
    loops[i] = i < trial->workload->producers ? produce : consume;
  bench_open_for_all(trial);
  struct bench_usage before = bench_usage_now();
  bench_trial_run(trial, loops);
  struct bench_usage after = bench_usage_now();
  double items = bench_passed(trial);
  trial->result->value[0] = items * 1e3 / bench_elapsed_ns(trial);
  trial->result->value[1] = (after.switches - before.switches) * 1e3 / items;
  trial->result->cpu_ns_per_op = (after.cpu_ns - before.cpu_ns) / items;
  bench_trial_verify(trial);
}

void bench_drive_stream(struct bench_trial *trial)
{
  stream(trial, trial->subject->produce, trial->subject->consume);
}

void bench_drive_block(struct bench_trial *trial)
{
  stream(trial, trial->subject->produce_wait, trial->subject->consume_wait);
}

/* More threads than CPUs, with the calls that sleep where the subject has them. */
void bench_drive_oversub(struct bench_trial *trial)
{
  struct bench_settings longer = *trial->settings;
  if (trial->workload->param == BENCH_ONE_CPU) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
      int first = 0;
      while (!CPU_ISSET(first, &set))
        first++;
      CPU_ZERO(&set);
      CPU_SET(first, &set);
      sched_setaffinity(0, sizeof set, &set);
    }
  } else if (trial->workload->param == BENCH_HALF_A_CPU) {
    if (!bench_quota_join())
      bench_trial_fail(trial, "the group with the CPU quota cannot be joined");
    if (!longer.verify && longer.milliseconds < 400) /* several periods of the quota */
      longer.milliseconds = 400;
    trial->settings = &longer;
  }
  if (trial->subject->caps & BENCH_WAIT)
    bench_drive_block(trial);
  else
    bench_drive_stream(trial);
}

static void all_threads(struct bench_trial *trial, bench_loop **loops, bench_loop *loop)
{
  for (unsigned i = 0; i < trial->threads; i++)
    loops[i] = loop;
}

void bench_throughput(struct bench_trial *trial, bench_loop *loop)
{
  bench_loop *loops[THREADS_MAX];
  all_threads(trial, loops, loop);
  struct bench_usage before = bench_usage_now();
  bench_trial_run(trial, loops);
  struct bench_usage after = bench_usage_now();
  trial->result->value[0] = bench_passed(trial) * 1e3 / bench_elapsed_ns(trial);
  trial->result->cpu_ns_per_op = (after.cpu_ns - before.cpu_ns) / bench_passed(trial);
}

/* Throughput and fairness first, then once more on a new queue with every operation timed. */
void bench_drive_pairs(struct bench_trial *trial)
{
  static const double fractions[] = {0.5, 0.99, 0.999, 0.9999};
  bench_loop *loops[THREADS_MAX];
  bench_open_for_all(trial);
  bench_throughput(trial, trial->subject->pairs);
  double least = 1e300, most = 0;
  for (unsigned i = 0; i < trial->threads; i++) {
    double count = (double)trial->workers[i].got.count;
    least = count < least ? count : least;
    most = count > most ? count : most;
  }
  trial->result->value[1] = least / most;
  bench_trial_verify(trial);
  memset(trial->workers, 0, trial->threads * sizeof *trial->workers);
  all_threads(trial, loops, trial->subject->pairs_timed);
  bench_open_for_all(trial);
  give_histograms(trial, trial->threads);
  bench_trial_run(trial, loops);
  put_quantiles(trial, trial->threads, fractions, 4, trial->result->value + 2);
  bench_trial_verify(trial);
}

void bench_drive_rtt(struct bench_trial *trial)
{
  static const double fractions[] = {0.5, 0.99, 0.999, 0.9999};
  bench_loop *loops[] = {trial->subject->ping_wait, trial->subject->pong_wait};
  bench_open_for_all(trial);
  void *reply = bench_trial_open(trial, trial->settings->capacity);
  trial->workers[0].reply = trial->workers[1].reply = reply;
  give_histograms(trial, 1);
  struct bench_usage before = bench_usage_now();
  bench_trial_run(trial, loops);
  struct bench_usage after = bench_usage_now();
  trial->result->cpu_ns_per_op = (after.cpu_ns - before.cpu_ns) / (double)trial->workers[0].puts;
  put_quantiles(trial, 1, fractions, 4, trial->result->value);
  bench_trial_verify(trial);
}

/* Threads that wait for an item that does not come. */
void bench_drive_idle(struct bench_trial *trial)
{
  bench_loop *loops[BENCH_IDLERS];
  pthread_t ids[BENCH_IDLERS];
  all_threads(trial, loops, trial->subject->consume_wait);
  bench_open_for_all(trial);
  bench_trial_start(trial, loops, ids);
  sleep_ns(trial->settings->verify ? 1000000 : 50000000);
  struct bench_usage before = bench_usage_now();
  uint64_t begin = bench_now();
  sleep_ns(trial->settings->verify ? 1000000 : 500000000);
  struct bench_usage after = bench_usage_now();
  double seconds = (double)(bench_now() - begin) / 1e9;
  trial->result->value[0] = (after.cpu_ns - before.cpu_ns) / 1e6 / seconds;
  trial->result->value[1] = (after.switches - before.switches - 1) / seconds;
  trial->result->cpu_ns_per_op = 0;
  struct bench_worker *poisoner = &trial->workers[trial->threads];
  *poisoner = (struct bench_worker){.run = &trial->run, .queue = trial->workers[0].queue, .id = trial->threads, .alone = true};
  trial->run.stop = 1;
  trial->run.producing = 1;
  trial->subject->produce_wait(poisoner);
  bench_trial_finish(trial, ids);
  bench_trial_verify(trial);
}

/* An item is some 100 us of the kernel's, which vary: short samples tell little. --quick has 25 ms. */
unsigned bench_trickle_ms(const struct bench_settings *settings)
{
  unsigned least = settings->milliseconds <= 25 ? 400 : 1500;
  return settings->verify || settings->milliseconds > least ? settings->milliseconds : least;
}

/* One item per millisecond: what waking up and falling asleep costs. */
void bench_drive_trickle(struct bench_trial *trial)
{
  bench_loop *loops[] = {trial->subject->trickle_wait, trial->subject->consume_wait};
  struct bench_settings longer = *trial->settings;
  longer.milliseconds = bench_trickle_ms(&longer);
  trial->settings = &longer;
  trial->run.period = longer.verify ? 100000 : 1000000;
  bench_open_for_all(trial);
  struct bench_usage before = bench_usage_now();
  bench_trial_run(trial, loops);
  struct bench_usage after = bench_usage_now();
  double items = bench_passed(trial);
  trial->result->value[0] = trial->result->cpu_ns_per_op = (after.cpu_ns - before.cpu_ns) / items;
  bench_trial_verify(trial);
}

static void freeze(int signal_number)
{
  (void)signal_number;
  struct timespec time = {0, FREEZE_MS * 1000000l};
  nanosleep(&time, NULL);
}

static uint64_t stalls(struct bench_trial *trial, unsigned freezes, bool control)
{
  bench_loop *loops[] = {trial->subject->observe, trial->subject->pairs};
  pthread_t ids[2];
  memset(trial->workers, 0, 2 * sizeof *trial->workers);
  bench_open_for_all(trial);
  bench_trial_start(trial, loops, ids);
  uint64_t jitter = bench_ticks();
  for (unsigned i = 0; i < freezes; i++) {
    jitter = jitter * 6364136223846793005u + 1442695040888963407u;
    sleep_ns(1000000u * FREEZE_MS + (trial->settings->verify ? 0 : 1000000u * FREEZE_MS / 2) + (jitter >> 33) % 1000000);
    if (!control)
      pthread_kill(ids[1], SIGUSR1);
  }
  sleep_ns(1000000u * FREEZE_MS);
  bench_trial_finish(trial, ids);
  bench_trial_verify(trial);
  return trial->workers[0].stalls;
}

/*
 * A peer is stopped 90 times at a random instruction for 5 ms, by a signal handler that sleeps: as if preempted, but counted
 * and without a rival process. How many of the observer's operations (with their retries) took over 1 ms, time that the
 * observer itself waited for a CPU not counted? The control, the same without signals, tells what the machine adds.
 */
void bench_drive_stall(struct bench_trial *trial)
{
  unsigned freezes = trial->settings->verify ? 2 : FREEZES;
  struct sigaction action = {.sa_handler = freeze, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  trial->result->value[0] = (double)stalls(trial, freezes, false);
  trial->result->value[1] = (double)stalls(trial, freezes / 2, true) * 2;
}

/* Memory that belongs to this process alone, by the kernel's exact count. */
static double private_bytes(struct bench_trial *trial)
{
  char line[256];
  double kilobytes = 0, value;
  malloc_trim(0);
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  if (file == NULL)
    bench_trial_fail(trial, "/proc/self/smaps_rollup cannot be read");
  while (fgets(line, sizeof line, file) != NULL)
    if (sscanf(line, "Private_Dirty: %lf kB", &value) == 1 || sscanf(line, "Private_Clean: %lf kB", &value) == 1)
      kilobytes += value;
  fclose(file);
  return kilobytes * 1024;
}

static void fill_and_drain(struct bench_trial *trial, uint64_t elements, double bytes[3])
{
  struct bench_worker *worker = trial->workers;
  bytes[0] = private_bytes(trial);
  *worker = (struct bench_worker){.run = &trial->run, .queue = bench_trial_open(trial, elements), .alone = true};
  trial->run.fill = elements;
  trial->subject->fill(worker);
  bytes[1] = private_bytes(trial);
  bench_trial_verify(trial);
  if (trial->subject->trim != NULL)
    trial->subject->trim(worker->queue);
  bytes[2] = private_bytes(trial);
  trial->subject->close(worker->queue);
}

/* A first small round lets the library set up what it keeps for ever. */
void bench_drive_memory(struct bench_trial *trial)
{
  uint64_t elements = trial->settings->verify ? 10000 : BENCH_ELEMENTS;
  double bytes[3];
  fill_and_drain(trial, 100, bytes);
  fill_and_drain(trial, elements, bytes);
  trial->result->value[0] = (bytes[1] - bytes[0]) / (double)elements;
  trial->result->value[1] = (bytes[2] - bytes[0]) / 1024;
}

/* A queue that never holds less than four items: every EMPTY is false. Who is here only to show that (BENCH_FAULTY) may give
 * items out of order, too (seen once in some dozens of runs); that is no failure of the bench. */
void bench_drive_false_empty(struct bench_trial *trial)
{
  bench_loop *loops[THREADS_MAX];
  all_threads(trial, loops, trial->subject->pairs);
  bench_open_for_all(trial);
  bench_trial_run(trial, loops);
  double empties = 0;
  for (unsigned i = 0; i < trial->threads; i++)
    empties += (double)trial->workers[i].empties;
  trial->result->value[0] = empties * 1e6 / bench_passed(trial);
  if (!(trial->subject->caps & BENCH_FAULTY))
    bench_trial_verify(trial);
}
