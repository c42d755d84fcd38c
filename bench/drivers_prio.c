/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers_prio.c - what only priority queues are measured by. An "op" is one item that went in and came out, but in prio.push
 * and prio.drain, where it is one half of that.
 *
 * Keys are drawn uniformly (bench_keys_draw), the same ones for every subject.
 */
#include "drivers.h"
#include "rank.h"

static void shared(struct bench_trial *trial, bench_loop *loop)
{
  bench_open_for_all(trial);
  bench_throughput(trial, loop);
  bench_trial_verify(trial);
}

/*
 * Where random keys come and the lowest leave, what stays is ever higher: after r rounds for each item of the queue they fill
 * the highest part in r + 1 of all keys, and r of r + 1 new keys come before all that is there. Begun with keys of the whole
 * range, a fast subject would soon be elsewhere than a slow one; so it is begun as 15 rounds per item would have left it.
 */
static void begin_drifted(struct bench_trial *trial)
{
  trial->run.high = trial->run.keys - trial->run.keys / 16;
}

void bench_drive_prio_pair(struct bench_trial *trial)
{
  begin_drifted(trial);
  shared(trial, trial->subject->pairs);
}

/* A key comes back within the thousandth of all keys that is next to the front: at first 100 of 100,000 items are before it. */
void bench_drive_prio_front(struct bench_trial *trial)
{
  trial->run.step = trial->run.keys / 1024;
  shared(trial, trial->subject->hold);
}

/* Threads that end by themselves. */
static double run_to_end(struct bench_trial *trial, bench_loop *loop)
{
  bench_loop *loops[2 * BENCH_PRODUCERS_MAX];
  pthread_t ids[2 * BENCH_PRODUCERS_MAX];
  for (unsigned i = 0; i < trial->threads; i++)
    loops[i] = loop;
  struct bench_usage before = bench_usage_now();
  bench_trial_start(trial, loops, ids);
  bench_trial_finish(trial, ids);
  return bench_usage_now().cpu_ns - before.cpu_ns;
}

void bench_drive_prio_push(struct bench_trial *trial)
{
  bench_open_for_all(trial);
  trial->run.fill = bench_items(trial->settings, trial->workload->param) / trial->threads;
  double items = (double)trial->run.fill * trial->threads;
  double cpu = run_to_end(trial, trial->subject->fill);
  trial->result->value[0] = items * 1e3 / bench_elapsed_ns(trial);
  trial->result->cpu_ns_per_op = cpu / items;
  bench_trial_verify(trial);
}

/* Few different keys, so that many are equal. Nobody puts: each thread has to see keys that never fall, and stable queues'
 * equal keys in the order in which they were put. */
void bench_drive_prio_drain(struct bench_trial *trial)
{
  trial->run.keys = BENCH_FEW_KEYS;
  bench_open_for_all(trial);
  double cpu = run_to_end(trial, trial->subject->drain);
  trial->result->value[0] = bench_passed(trial) * 1e3 / bench_elapsed_ns(trial);
  trial->result->cpu_ns_per_op = cpu / bench_passed(trial);
  bench_trial_verify(trial);
}

/* For `trial->run` as the caller has set it. */
static void rank_error(struct bench_trial *trial)
{
  bench_open_for_all(trial);
  struct bench_rank *rank =
      bench_rank_open(BENCH_FEW_KEYS, trial->threads, bench_items(trial->settings, trial->workload->param));
  if (rank == NULL)
    bench_trial_fail(trial, "no memory");
  struct bench_keys keys;
  bench_keys_open(&keys, &trial->workers[trial->threads]); /* once more the keys of who filled the queue */
  for (uint64_t i = 0; i < trial->run.fill; i++, bench_keys_draw(&keys))
    bench_rank_filled(rank, keys.next);
  trial->run.rank = rank;
  (void)run_to_end(trial, trial->subject->rank);
  bench_rank_result(rank, trial->result->value);
  if (bench_rank_strangers(rank) != 0)
    bench_trial_fail(trial, "%llu keys got that were not in the queue", (unsigned long long)bench_rank_strangers(rank));
  if (!(trial->subject->caps & BENCH_RELAXED) && trial->result->value[2] != 0)
    bench_trial_fail(trial, "a strict queue gave what was not the lowest key (rank error %.0f)", trial->result->value[2]);
  bench_trial_verify(trial);
}

void bench_drive_prio_rank_pair(struct bench_trial *trial)
{
  trial->run.keys = BENCH_FEW_KEYS;
  begin_drifted(trial);
  rank_error(trial);
}

/* A step as long as all items reach: in two rounds per item they move on by one step, and the reference has room for 15. */
void bench_drive_prio_rank_hold(struct bench_trial *trial)
{
  trial->run.keys = trial->run.step = BENCH_FEW_KEYS / 16;
  rank_error(trial);
}
