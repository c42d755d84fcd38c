/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sample.c - one sample: a child process in which threads run a subject's loops, are stopped, and are held to account.
 *
 * A child per sample, because then no subject inherits another's heap, thread-local leftovers or page faults, memory can be
 * weighed, and a peer that crashes or hangs costs one row instead of the run.
 */
#include "bench.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void bench_trial_fail(struct bench_trial *trial, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(trial->result->error, sizeof trial->result->error, format, arguments);
  va_end(arguments);
  _exit(BENCH_FAILED);
}

void *bench_trial_open(struct bench_trial *trial, size_t capacity)
{
  const struct bench_workload *workload = trial->workload;
  unsigned both = workload->producers;
  struct bench_shape shape = {workload->producers, workload->consumers ? workload->consumers : both, capacity};
  void *queue = trial->subject->open(&shape);
  if (queue == NULL)
    bench_trial_fail(trial, "the queue could not be made");
  return queue;
}

static void *work(void *argument)
{
  struct bench_worker *worker = argument;
  if (worker->cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(worker->cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  }
  worker->loop(worker);
  return NULL;
}

void bench_trial_start(struct bench_trial *trial, bench_loop *const *loops, pthread_t *ids)
{
  struct bench_run *run = &trial->run;
  run->stop = 0;
  run->producing = trial->workload->producers;
  run->consumers = trial->workload->consumers;
  run->ns_per_tick = trial->settings->ns_per_tick;
  run->slow = (uint64_t)(1e6 / run->ns_per_tick);
  pthread_barrier_init(&run->start, NULL, trial->threads + 1);
  for (unsigned i = 0; i < trial->threads; i++) {
    struct bench_worker *worker = &trial->workers[i];
    worker->run = run;
    worker->loop = loops[i];
    worker->id = i;
    worker->cpu = trial->settings->pin ? bench_nth_cpu(i) : -1;
    if (pthread_create(&ids[i], NULL, work, worker) != 0)
      bench_trial_fail(trial, "thread %u could not be started", i);
  }
  pthread_barrier_wait(&run->start);
}

void bench_trial_finish(struct bench_trial *trial, pthread_t *ids)
{
  __atomic_store_n(&trial->run.stop, 1, __ATOMIC_RELAXED);
  for (unsigned i = 0; i < trial->threads; i++)
    pthread_join(ids[i], NULL);
  pthread_barrier_destroy(&trial->run.start);
}

void bench_trial_run(struct bench_trial *trial, bench_loop *const *loops)
{
  pthread_t ids[2 * BENCH_PRODUCERS_MAX];
  struct timespec time = {trial->settings->milliseconds / 1000, trial->settings->milliseconds % 1000 * 1000000l};
  bench_trial_start(trial, loops, ids);
  nanosleep(&time, NULL);
  bench_trial_finish(trial, ids);
}

/* Adds what a producer has put: items first, first + step, ... by the formulas for sums of i and of i squared, mod 2^64. */
static void expect(struct bench_audit *audit, uint64_t first, uint64_t n)
{
  unsigned __int128 m = n;
  uint64_t ones = n == 0 ? 0 : (uint64_t)(m * (m - 1) / 2);
  uint64_t squares = n == 0 ? 0 : (uint64_t)((m - 1) * m / 2 * (2 * m - 1) / 3);
  audit->count += n;
  audit->sum += n * first + BENCH_STEP * ones;
  audit->squares += n * first * first + 2 * first * BENCH_STEP * ones + BENCH_STEP * BENCH_STEP * squares;
}

void bench_trial_verify(struct bench_trial *trial)
{
  struct bench_audit put = {0}, got = {0};
  uint64_t put_keys = 0, got_keys = 0, disorder = 0;
  struct bench_worker rest = {.run = &trial->run, .queue = trial->workers[0].queue, .alone = true};
  trial->subject->drain(&rest);
  for (unsigned i = 0; i < trial->threads + 2; i++) { /* the threads, who filled the queue or told them to stop, the rest */
    const struct bench_worker *worker = i <= trial->threads ? &trial->workers[i] : &rest;
    expect(&put, bench_first_item(worker), worker->puts);
    got.count += worker->got.count;
    got.sum += worker->got.sum;
    got.squares += worker->got.squares;
    put_keys += worker->keys.put;
    got_keys += worker->keys.got;
    disorder += worker->got.disorder;
  }
  if (disorder != 0)
    bench_trial_fail(trial, "%llu items came out of order", (unsigned long long)disorder);
  if (got.count != put.count)
    bench_trial_fail(trial, "%llu items put, %llu got", (unsigned long long)put.count, (unsigned long long)got.count);
  if (got.sum != put.sum || got.squares != put.squares)
    bench_trial_fail(trial, "%llu items put and got, but not the same ones", (unsigned long long)put.count);
  if (got_keys != put_keys)
    bench_trial_fail(trial, "%llu items put and got, but not with their keys", (unsigned long long)put.count);
}

static _Noreturn void child(const struct bench_workload *workload, const struct bench_subject *subject,
                            const struct bench_settings *settings, struct bench_result *result)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGALRM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  alarm(settings->patience + settings->milliseconds / 50);
  unsigned threads = bench_workload_threads(workload);
  struct bench_trial trial = {.workload = workload,
                              .subject = subject,
                              .settings = settings,
                              .result = result,
                              .threads = threads,
                              .run.keys = BENCH_KEYS};
  size_t bytes = (threads + 1) * sizeof *trial.workers;
  trial.workers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (trial.workers == MAP_FAILED)
    bench_trial_fail(&trial, "no memory");
  workload->drive(&trial);
  result->done = true;
  _exit(BENCH_OK);
}

bool bench_sample(const struct bench_workload *workload, const struct bench_subject *subject,
                  const struct bench_settings *settings, struct bench_result *result)
{
  static struct bench_result *shared;
  if (shared == NULL) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
      perror("pawl-bench: mmap");
      exit(BENCH_FAILED);
    }
  }
  memset(shared, 0, sizeof *shared);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0)
    child(workload, subject, settings, shared);
  int status = 0;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  *result = *shared;
  if (result->done)
    return true;
  result->hung = pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
  if (pid < 0)
    snprintf(result->error, sizeof result->error, "fork: %s", strerror(errno));
  else if (result->hung)
    snprintf(result->error, sizeof result->error, "hung: killed after %u s", settings->patience);
  else if (WIFSIGNALED(status))
    snprintf(result->error, sizeof result->error, "crashed: %s", strsignal(WTERMSIG(status)));
  else if (result->error[0] == '\0')
    snprintf(result->error, sizeof result->error, "ended with status %d", WEXITSTATUS(status));
  return false;
}
