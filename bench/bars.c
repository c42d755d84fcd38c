/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bars.c - what Pawl promises about its speed, as a table, and whether the results at hand keep it.
 *
 * A bar compares a subject with a peer in the same run, or with a number. It is passed when the one-sided 95 % bound of the
 * median of the paired ratios (stats.c) passes it, over at least 15 interleaved repetitions; with fewer it is undecided.
 */
#include "bench.h"
#include <stdlib.h>

enum { PAIRS_WANTED = 15 };
enum { AT_LEAST, AT_MOST };
enum { MAY_MISS, MUST_HOLD };

struct bar {
  const char *workload;
  unsigned producers, consumers;
  const char *subject;
  const char *peer; /* NULL: the limit is a value in the row's unit */
  int direction;
  double limit;
  double stretch; /* 0: none */
  int duty;
};

#define MPMC(n)                                                                                                                \
  {"fifo.mpmc", n, n, "pawl-unbounded", "xenium-vyukov", AT_LEAST, 1.0, 1.5, MAY_MISS},                                        \
      {"fifo.mpmc", n, n, "pawl-bounded", "xenium-vyukov", AT_LEAST, 0.6, 1.0, MAY_MISS},                                      \
      {"fifo.mpmc", n, n, "pawl-bounded", "mutex", AT_LEAST, 3, 0, MAY_MISS},                                                  \
      {"fifo.mpmc", n, n, "pawl-unbounded", "moodycamel-tokens", AT_LEAST, 1.2, 0, MAY_MISS},                                  \
      {"fifo.mpmc", n, n, "pawl-bounded", "moodycamel-tokens", AT_LEAST, 1.2, 0, MAY_MISS},                                    \
  {                                                                                                                            \
    "fifo.mpmc", n, n, "pawl-ring", "xenium-vyukov", AT_LEAST, 1.5, 0, MAY_MISS                                                \
  }
#define PAIRS(n, subject)                                                                                                      \
  {"fifo.pairs", n, 0, subject, "mutex", AT_LEAST, 4, 0, MAY_MISS},                                                            \
      {"fifo.pairs", n, 0, subject, "xenium-vyukov", AT_LEAST, 3, 0, MAY_MISS},                                                \
      {"fifo.pairs", n, 0, subject, "moodycamel-tokens", AT_LEAST, 0, 1.0, MAY_MISS},                                          \
      {"fifo.pairs.p99.99", n, 0, subject, NULL, AT_MOST, 50000, 0, MAY_MISS},                                                 \
  {                                                                                                                            \
    "fifo.pairs.share", n, 0, subject, NULL, AT_LEAST, 0.3, 0, MAY_MISS                                                        \
  }
#define OVERSUB(where, subject)                                                                                                \
  {                                                                                                                            \
    "fifo.oversub." where, 8, 8, subject, "mutex-cond", AT_LEAST, 1.5, 5, MUST_HOLD                                            \
  }
#define RTT(subject)                                                                                                           \
  {"fifo.rtt.p50", 1, 1, subject, "moodycamel-blocking", AT_MOST, 0.5, 0, MAY_MISS},                                           \
  {                                                                                                                            \
    "fifo.rtt.p99", 1, 1, subject, "moodycamel-blocking", AT_MOST, 0.5, 0, MAY_MISS                                            \
  }
#define IDLE(subject)                                                                                                          \
  {"fifo.idle", 0, 4, subject, NULL, AT_MOST, 0.2, 0, MUST_HOLD},                                                              \
  {                                                                                                                            \
    "fifo.trickle", 1, 1, subject, "mutex-cond", AT_MOST, 1.2, 0, MAY_MISS                                                     \
  }
#define MEMORY(subject)                                                                                                        \
  {"fifo.memory", 1, 0, subject, NULL, AT_MOST, 17, 9, MUST_HOLD},                                                             \
  {                                                                                                                            \
    "fifo.memory.held", 1, 0, subject, NULL, AT_MOST, 1024, 0, MUST_HOLD                                                       \
  }

#define LIFO(n)                                                                                                                \
  {                                                                                                                            \
    "lifo.pairs", n, 0, "pawl-lifo", "ck-stack", AT_LEAST, 1.0, 1.5, MAY_MISS                                                  \
  }
#define PRIO(items, locked)                                                                                                    \
  {"prio.pair." items, 2, 0, "pawl-priority", "tbb-priority", AT_LEAST, 0.6, 1.0, MAY_MISS},                                   \
  {                                                                                                                            \
    "prio.pair." items, 2, 0, "pawl-priority-locked", "tbb-priority", AT_LEAST, locked, 0, MAY_MISS                            \
  }

static const struct bar bars[] = {
    {"fifo.solo", 1, 0, "pawl-bounded", "mutex", AT_MOST, 0.9, 0.75, MAY_MISS},
    {"fifo.solo", 1, 0, "pawl-unbounded", "mutex", AT_MOST, 0.9, 0.75, MAY_MISS},
    {"fifo.solo", 1, 0, "pawl-ring", "xenium-vyukov", AT_MOST, 2, 1.3, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-bounded", "mutex", AT_LEAST, 3, 0, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-unbounded", "mutex", AT_LEAST, 3, 0, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-bounded", "xenium-ramalhete", AT_LEAST, 0.8, 0, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-unbounded", "xenium-ramalhete", AT_LEAST, 0.8, 0, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-unbounded", "moodycamel-tokens", AT_LEAST, 0, 1.0, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-unbounded", "xenium-vyukov", AT_LEAST, 0, 1.0, MAY_MISS},
    {"fifo.1p1c", 1, 1, "pawl-ring", "xenium-vyukov", AT_LEAST, 1.2, 0, MAY_MISS},
    MPMC(2),
    MPMC(4),
    MPMC(8),
    PAIRS(2, "pawl-bounded"),
    PAIRS(2, "pawl-unbounded"),
    PAIRS(2, "pawl-ring"),
    PAIRS(4, "pawl-bounded"),
    PAIRS(4, "pawl-unbounded"),
    PAIRS(4, "pawl-ring"),
    PAIRS(8, "pawl-bounded"),
    PAIRS(8, "pawl-unbounded"),
    PAIRS(8, "pawl-ring"),
    {"fifo.stall", 2, 0, "pawl-bounded", NULL, AT_MOST, 3, 1, MUST_HOLD},
    {"fifo.stall", 2, 0, "pawl-unbounded", NULL, AT_MOST, 3, 1, MUST_HOLD},
    {"fifo.stall", 2, 0, "pawl-simple", NULL, AT_MOST, 3, 1, MUST_HOLD},
    {"fifo.block", 1, 1, "pawl-bounded", "mutex-cond", AT_LEAST, 2.5, 6, MAY_MISS},
    {"fifo.block", 1, 1, "pawl-unbounded", "mutex-cond", AT_LEAST, 2.5, 6, MAY_MISS},
    {"fifo.block", 1, 1, "pawl-bounded", "moodycamel-blocking", AT_LEAST, 1.2, 0, MAY_MISS},
    {"fifo.block", 1, 1, "pawl-unbounded", "moodycamel-blocking", AT_LEAST, 1.2, 0, MAY_MISS},
    {"fifo.block", 1, 1, "pawl-ring", "mutex-cond", AT_LEAST, 6, 8, MAY_MISS},
    {"fifo.block", 4, 4, "pawl-bounded", "mutex-cond", AT_LEAST, 10, 20, MAY_MISS},
    {"fifo.block", 4, 4, "pawl-unbounded", "mutex-cond", AT_LEAST, 10, 20, MAY_MISS},
    {"fifo.block", 4, 4, "pawl-bounded", "moodycamel-blocking", AT_LEAST, 3, 0, MAY_MISS},
    {"fifo.block", 4, 4, "pawl-unbounded", "moodycamel-blocking", AT_LEAST, 3, 0, MAY_MISS},
    {"fifo.block", 4, 4, "pawl-ring", "mutex-cond", AT_LEAST, 25, 40, MAY_MISS},
    RTT("pawl-bounded"),
    RTT("pawl-unbounded"),
    RTT("pawl-ring"),
    IDLE("pawl-bounded"),
    IDLE("pawl-unbounded"),
    IDLE("pawl-simple"),
    IDLE("pawl-ring"),
    OVERSUB("1cpu", "pawl-bounded"),
    OVERSUB("1cpu", "pawl-unbounded"),
    OVERSUB("1cpu", "pawl-ring"),
    OVERSUB("all", "pawl-bounded"),
    OVERSUB("all", "pawl-unbounded"),
    OVERSUB("all", "pawl-ring"),
    OVERSUB("quota", "pawl-bounded"),
    OVERSUB("quota", "pawl-unbounded"),
    OVERSUB("quota", "pawl-ring"),
    MEMORY("pawl-bounded"),
    MEMORY("pawl-unbounded"),
    MEMORY("pawl-simple"),
    {"fifo.spsc", 1, 1, "pawl-spsc", "ck-ring-spsc", AT_LEAST, 1.0, 2.0, MAY_MISS},
    LIFO(2),
    LIFO(4),
    {"lifo.stall", 2, 0, "pawl-lifo", NULL, AT_MOST, 3, 1, MUST_HOLD},
    {"lifo.stall", 2, 0, "pawl-lifo-bounded", NULL, AT_MOST, 3, 1, MUST_HOLD},
    PRIO("1e3", 2),
    PRIO("1e5", 1.2),
    {"prio.stall", 2, 0, "pawl-priority", NULL, AT_MOST, 3, 1, MUST_HOLD},
    {"prio.stall", 2, 0, "pawl-priority-bounded", NULL, AT_MOST, 3, 1, MUST_HOLD},
    {"prio.pair.1e5", 2, 0, "pawl-relaxed", "pawl-priority-locked", AT_LEAST, 1.2, 0, MAY_MISS},
};

enum verdict { PASS, MISS, UNDECIDED, UNMEASURED };

/* The ratio to the peer, or the value itself as a ratio to 1. */
static bool measure(const struct bench_results *results, const struct bar *bar, struct bench_ratio *out)
{
  double ones[BENCH_REPS_MAX];
  const struct bench_row *row = bench_results_find(results, bar->workload, bar->subject, bar->producers, bar->consumers);
  const struct bench_row *peer =
      bar->peer != NULL ? bench_results_find(results, bar->workload, bar->peer, bar->producers, bar->consumers) : NULL;
  if (row == NULL || (bar->peer != NULL && (peer == NULL || peer->count != row->count)))
    return false;
  for (unsigned i = 0; i < row->count; i++)
    ones[i] = 1;
  *out = bench_paired_ratio(row->samples, peer != NULL ? peer->samples : ones, row->count);
  return out->pairs > 0;
}

static bool holds(const struct bar *bar, const struct bench_ratio *ratio, double limit)
{
  return bar->direction == AT_LEAST ? ratio->lower >= limit : ratio->upper <= limit;
}

static enum verdict judge(const struct bar *bar, bool measured, const struct bench_ratio *ratio)
{
  if (!measured)
    return UNMEASURED;
  if (ratio->pairs < PAIRS_WANTED || !ratio->bounded)
    return UNDECIDED;
  return holds(bar, ratio, bar->limit) ? PASS : MISS;
}

static void print(FILE *out, const struct bar *bar, bool measured, const struct bench_ratio *ratio, enum verdict verdict)
{
  static const char *const words[] = {"pass", "MISS", "undecided", "not measured"};
  char shape[24] = "", limit[24] = "", stretch[24] = "";
  snprintf(shape, sizeof shape, bar->consumers > 0 ? "%uP%uC" : "%u thr", bar->producers, bar->consumers);
  const char *sign = bar->direction == AT_LEAST ? ">=" : "<=";
  const char *times = bar->peer != NULL ? "x" : "";
  if (bar->limit > 0)
    snprintf(limit, sizeof limit, "%s %g%s", sign, bar->limit, times);
  if (bar->stretch > 0)
    snprintf(stretch, sizeof stretch, "%s %g%s", sign, bar->stretch, times);
  fprintf(out, "%-18s %-6s %-21s %-20s %-10s", bar->workload, shape, bar->subject, bar->peer != NULL ? bar->peer : "", limit);
  if (measured)
    fprintf(out, " %9.3g %9.3g", ratio->median, bar->direction == AT_LEAST ? ratio->lower : ratio->upper);
  else
    fprintf(out, " %9s %9s", "", "");
  fprintf(out, " %-12s", bar->limit > 0 ? words[verdict] : "");
  if (stretch[0] != '\0')
    fprintf(out, " %s%s", stretch, measured && verdict != UNDECIDED && holds(bar, ratio, bar->stretch) ? ", reached" : "");
  fprintf(out, "%s\n", bar->duty == MUST_HOLD ? " !" : "");
}

bool bench_bars_print(FILE *out, const struct bench_results *results)
{
  unsigned count[4] = {0}, duties_missed = 0;
  fprintf(out, "\n%-18s %-6s %-21s %-20s %-10s %9s %9s %-12s stretch (! must hold)\n", "bar", "", "subject", "against", "",
          "median", "bound", "");
  for (unsigned i = 0; i < sizeof bars / sizeof *bars; i++) {
    struct bench_ratio ratio;
    bool measured = measure(results, &bars[i], &ratio);
    enum verdict verdict = judge(&bars[i], measured, &ratio);
    print(out, &bars[i], measured, &ratio, verdict);
    if (bars[i].limit == 0)
      continue;
    count[verdict]++;
    duties_missed += verdict == MISS && bars[i].duty == MUST_HOLD;
  }
  fprintf(out, "%u passed, %u missed (%u of them must hold), %u undecided (fewer than %d repetitions), %u not measured\n",
          count[PASS], count[MISS], duties_missed, count[UNDECIDED], PAIRS_WANTED, count[UNMEASURED]);
  return count[MISS] == 0;
}
