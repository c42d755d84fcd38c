/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workloads.c - the table of workloads: shape, who takes part, against whom, which driver runs it, which rows come out.
 *
 * A new workload is a row here and a driver in drivers.c; if it needs a loop that no other has, one in loops.h as well.
 */
#include "drivers.h"

#define ITEMS .suffix = "", .unit = "Mops/s", .higher_is_better = true
#define SWITCHES .suffix = ".switches", .unit = "per 1000 ops"
#define QUANTILES                                                                                                              \
  {.suffix = ".p50", .unit = "ns"}, {.suffix = ".p99", .unit = "ns"}, {.suffix = ".p99.9", .unit = "ns"},                      \
  {                                                                                                                            \
    .suffix = ".p99.99", .unit = "ns"                                                                                          \
  }

#define STREAM(title, each, extra, against, text)                                                                              \
  {                                                                                                                            \
    .name = title, .producers = each, .consumers = each, .caps = BENCH_TRY | extra, .baseline = against, .about = text,        \
    .drive = bench_drive_stream, .metrics = {                                                                                  \
      {ITEMS}                                                                                                                  \
    }                                                                                                                          \
  }
#define PAIRS(threads)                                                                                                         \
  {                                                                                                                            \
    .name = "fifo.pairs", .producers = threads, .caps = BENCH_TRY, .baseline = "mutex", .drive = bench_drive_pairs,            \
    .about = "each puts one and gets one; share: slowest thread of the fastest; p50 ..: one put or get", .metrics = {          \
      {ITEMS},                                                                                                                 \
      {.suffix = ".share", .unit = "ratio", .higher_is_better = true},                                                         \
      QUANTILES                                                                                                                \
    }                                                                                                                          \
  }
#define BLOCK(each, text)                                                                                                      \
  {                                                                                                                            \
    .name = "fifo.block", .producers = each, .consumers = each, .caps = BENCH_WAIT, .baseline = "mutex-cond", .about = text,   \
    .drive = bench_drive_block, .metrics = {                                                                                   \
      {ITEMS},                                                                                                                 \
      {SWITCHES}                                                                                                               \
    }                                                                                                                          \
  }
#define OVERSUB(title, where, text)                                                                                            \
  {                                                                                                                            \
    .name = title, .producers = 8, .consumers = 8, .baseline = "mutex-cond", .about = text, .drive = bench_drive_oversub,      \
    .param = where, .metrics = {                                                                                               \
      {ITEMS},                                                                                                                 \
      {SWITCHES}                                                                                                               \
    }                                                                                                                          \
  }

const struct bench_workload bench_workloads[] = {
    {.name = "fifo.solo",
     .producers = 1,
     .caps = BENCH_TRY | BENCH_PRICE,
     .baseline = "mutex",
     .about = "one thread puts an item and gets it back",
     .drive = bench_drive_solo,
     .metrics = {{.suffix = "", .unit = "ns"}}},
    STREAM("fifo.spsc", 1, BENCH_SPSC | BENCH_PRICE, "ck-ring-spsc", "one streams to one; queues that allow no more than that"),
    STREAM("fifo.1p1c", 1, 0, "mutex", "one streams to one"),
    STREAM("fifo.mpmc", 2, BENCH_PRICE, "mutex", "several stream to several"),
    STREAM("fifo.mpmc", 4, BENCH_PRICE, "mutex", "several stream to several"),
    STREAM("fifo.mpmc", 8, BENCH_PRICE, "mutex", "several stream to several"),
    PAIRS(1),
    PAIRS(2),
    PAIRS(4),
    PAIRS(8),
    BLOCK(1, "as fifo.1p1c, with the calls that sleep"),
    BLOCK(4, "as fifo.mpmc, with the calls that sleep"),
    {.name = "fifo.rtt",
     .producers = 1,
     .consumers = 1,
     .caps = BENCH_WAIT,
     .baseline = "mutex-cond",
     .about = "an item there and back through two queues, with the calls that sleep",
     .drive = bench_drive_rtt,
     .metrics = {QUANTILES}},
    {.name = "fifo.idle",
     .consumers = BENCH_IDLERS,
     .caps = BENCH_WAIT,
     .baseline = "mutex-cond",
     .about = "four threads wait for what does not come",
     .drive = bench_drive_idle,
     .metrics = {{.suffix = "", .unit = "ms CPU/s"}, {.suffix = ".switches", .unit = "per s"}}},
    {.name = "fifo.trickle",
     .producers = 1,
     .consumers = 1,
     .caps = BENCH_WAIT,
     .baseline = "mutex-cond",
     .about = "an item every millisecond",
     .drive = bench_drive_trickle,
     .metrics = {{.suffix = "", .unit = "ns CPU/op"}}},
    {.name = "fifo.stall",
     .producers = 2,
     .caps = BENCH_TRY,
     .about = "operations over 1 ms while the peer is stopped 90 times for 5 ms; control: without",
     .drive = bench_drive_stall,
     .metrics = {{.suffix = "", .unit = "stalls"}, {.suffix = ".control", .unit = "stalls"}}},
    OVERSUB("fifo.oversub.1cpu", BENCH_ONE_CPU, "16 threads on one CPU, with the calls that sleep where there are any"),
    OVERSUB("fifo.oversub.all", BENCH_ALL_CPUS, "16 threads on all CPUs"),
    OVERSUB("fifo.oversub.quota", BENCH_HALF_A_CPU, "16 threads under a quota of half a CPU (cgroup v1 or v2)"),
    {.name = "fifo.memory",
     .producers = 1,
     .caps = BENCH_TRY,
     .baseline = "mutex",
     .about = "bytes per element of a million; KiB held when drained and trimmed",
     .drive = bench_drive_memory,
     .metrics = {{.suffix = "", .unit = "bytes"}, {.suffix = ".held", .unit = "KiB"}},
     .capacity = BENCH_ELEMENTS},
    {.name = "fifo.false-empty",
     .producers = 4,
     .caps = BENCH_TRY | BENCH_FAULTY,
     .about = "EMPTY answers of a queue that always holds four items or more",
     .drive = bench_drive_false_empty,
     .metrics = {{.suffix = "", .unit = "per 1e6 gets"}}},
};

const unsigned bench_workload_count = sizeof bench_workloads / sizeof *bench_workloads;

unsigned bench_workload_threads(const struct bench_workload *workload)
{
  return workload->producers + workload->consumers;
}

void bench_workload_shape(const struct bench_workload *workload, char *out, size_t size)
{
  unsigned threads = bench_workload_threads(workload);
  if (workload->producers > 0 && workload->consumers > 0)
    snprintf(out, size, "%uP%uC", workload->producers, workload->consumers);
  else
    snprintf(out, size, "%u thread%s", threads, threads == 1 ? "" : "s");
}

const char *bench_workload_missing(const struct bench_workload *workload)
{
  return workload->drive == bench_drive_oversub && workload->param == BENCH_HALF_A_CPU ? bench_quota_missing() : NULL;
}

bool bench_fits(const struct bench_workload *workload, const struct bench_subject *subject)
{
  unsigned needs = workload->caps & (BENCH_TRY | BENCH_WAIT | BENCH_SPSC);
  if ((subject->caps & needs) != needs)
    return false;
  unsigned extras = subject->caps & (BENCH_SPSC | BENCH_PRICE | BENCH_FAULTY);
  return (extras & ~workload->caps) == 0;
}
