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
#define STALL(title, family, items)                                                                                            \
  {                                                                                                                            \
    .name = title, .producers = 2, .caps = BENCH_TRY | family, .prefill = items, .drive = bench_drive_stall,                   \
    .about = "operations over 1 ms while the peer is stopped 90 times for 5 ms; control: without", .metrics = {                \
      {.suffix = "", .unit = "stalls"},                                                                                        \
      {.suffix = ".control", .unit = "stalls"}                                                                                 \
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

#define LIFO_DEPTH 64 /* items below those that come and go */
#define LIFO_PAIRS(threads)                                                                                                    \
  {                                                                                                                            \
    .name = "lifo.pairs", .producers = threads, .caps = BENCH_TRY | BENCH_STACK, .baseline = "mutex-stack",                    \
    .about = "each puts one and gets one, from a stack of 64 and more", .drive = bench_drive_pairs, .prefill = LIFO_DEPTH,     \
    .metrics = {                                                                                                               \
      {ITEMS},                                                                                                                 \
      {.suffix = ".share", .unit = "ratio", .higher_is_better = true},                                                         \
      QUANTILES                                                                                                                \
    }                                                                                                                          \
  }
#define PRIO(title, threads, items, extra, does, text)                                                                         \
  {                                                                                                                            \
    .name = title, .producers = threads, .caps = BENCH_TRY | BENCH_PRIO | extra, .baseline = "mutex-heap", .about = text,      \
    .drive = does, .prefill = items, .capacity = 2 * items, .metrics = {                                                       \
      {ITEMS}                                                                                                                  \
    }                                                                                                                          \
  }
#define PRIO_PAIR(threads, items, extra)                                                                                       \
  PRIO("prio.pair." #items, threads, (unsigned)items, extra, bench_drive_prio_pair,                                            \
       "each puts a random key and gets one, from a queue of " #items)
#define PRIO_PUSH(threads)                                                                                                     \
  {                                                                                                                            \
    .name = "prio.push", .producers = threads, .caps = BENCH_TRY | BENCH_PRIO, .baseline = "mutex-heap",                       \
    .about = "a million random keys go in; --quick: a tenth", .drive = bench_drive_prio_push, .param = BENCH_ELEMENTS,         \
    .capacity = BENCH_ELEMENTS, .metrics = {                                                                                   \
      {ITEMS}                                                                                                                  \
    }                                                                                                                          \
  }
#define PRIO_RANK(title, does, text)                                                                                           \
  {                                                                                                                            \
    .name = title, .producers = 2, .caps = BENCH_TRY | BENCH_PRIO | BENCH_PRICE, .about = text, .drive = does, .param = 20000, \
    .prefill = 10000, .capacity = 20000, .metrics = {                                                                          \
      {.suffix = ".mean", .unit = "items"},                                                                                    \
      {.suffix = ".p99", .unit = "items"},                                                                                     \
      {.suffix = ".max", .unit = "items"}                                                                                      \
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
    STALL("fifo.stall", 0, 0),
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
     .metrics = {{.suffix = "", .unit = "per 1e6 gets"}},
     .prefill = 4},
    {.name = "lifo.pair",
     .producers = 1,
     .caps = BENCH_TRY | BENCH_STACK | BENCH_PRICE,
     .baseline = "mutex-stack",
     .about = "one thread puts an item on a stack of 64 and gets it back",
     .drive = bench_drive_solo,
     .metrics = {{.suffix = "", .unit = "ns"}},
     .prefill = LIFO_DEPTH},
    LIFO_PAIRS(2),
    LIFO_PAIRS(4),
    LIFO_PAIRS(8),
    STALL("lifo.stall", BENCH_STACK, LIFO_DEPTH),
    PRIO_PAIR(1, 1e3, 0),
    PRIO_PAIR(2, 1e3, 0),
    PRIO_PAIR(4, 1e3, 0),
    PRIO_PAIR(1, 1e5, 0),
    PRIO_PAIR(2, 1e5, BENCH_PRICE),
    PRIO_PAIR(4, 1e5, 0),
    PRIO_PUSH(1),
    PRIO_PUSH(2),
    PRIO("prio.drain", 2, BENCH_ELEMENTS, 0, bench_drive_prio_drain, "a million items come out, nobody puts; --quick: a tenth"),
    PRIO("prio.front", 1, 100000, 0, bench_drive_prio_front, "each gets one of 1e5 and puts it back a little behind the front"),
    PRIO("prio.front", 2, 100000, 0, bench_drive_prio_front, "each gets one of 1e5 and puts it back a little behind the front"),
    STALL("prio.stall", BENCH_PRIO, 500),
    PRIO_RANK("prio.rank.hold", bench_drive_prio_rank_hold,
              "lower keys in the queue than the one a get took, of 1e4; 0: strict"),
    PRIO_RANK("prio.rank.pair", bench_drive_prio_rank_pair, "the same with the keys of prio.pair"),
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
  if ((subject->caps & BENCH_FAMILY) != (workload->caps & BENCH_FAMILY))
    return false;
  unsigned needs = workload->caps & (BENCH_TRY | BENCH_WAIT | BENCH_SPSC);
  if ((subject->caps & needs) != needs)
    return false;
  unsigned extras = subject->caps & (BENCH_SPSC | BENCH_PRICE | BENCH_FAULTY);
  return (extras & ~workload->caps) == 0;
}
