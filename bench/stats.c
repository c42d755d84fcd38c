/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats.c - medians, quartiles, and bounds on paired ratios that assume nothing about their distribution.
 *
 * Contended cells are bimodal, so means and normal theory mislead. The bounds are those of the sign test: of n ratios in
 * rising order, the k-th is below the median of the distribution with at least 95 % confidence if a fair coin shows at
 * most k - 1 heads in n throws with probability at most 5 % (n = 15: the 4th smallest).
 */
#include "bench.h"
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double quantile(const double *sorted, unsigned count, double fraction)
{
  double place = fraction * (count - 1);
  unsigned below = (unsigned)place;
  if (below + 1 >= count)
    return sorted[count - 1];
  return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

struct bench_summary bench_summarize(const double *samples, unsigned count)
{
  double sorted[BENCH_REPS_MAX];
  if (count == 0)
    return (struct bench_summary){0, 0, 0};
  memcpy(sorted, samples, count * sizeof *samples);
  qsort(sorted, count, sizeof *sorted, ascending);
  return (struct bench_summary){quantile(sorted, count, 0.5), quantile(sorted, count, 0.25), quantile(sorted, count, 0.75)};
}

/* The largest k, from 1, with P(at most k - 1 heads in n throws) <= 5 %; 0 if there is none. */
static unsigned sign_test_rank(unsigned n)
{
  double term = 1;
  for (unsigned i = 0; i < n; i++)
    term /= 2;
  double sum = 0;
  for (unsigned k = 0; k <= n; k++) {
    sum += term;
    if (sum > 0.05)
      return k;
    term = term * (n - k) / (k + 1);
  }
  return n;
}

struct bench_ratio bench_paired_ratio(const double *samples, const double *baseline, unsigned count)
{
  double sorted[BENCH_REPS_MAX];
  unsigned n = 0;
  for (unsigned i = 0; i < count; i++)
    if (baseline[i] > 0)
      sorted[n++] = samples[i] / baseline[i];
  if (n == 0)
    return (struct bench_ratio){0};
  qsort(sorted, n, sizeof *sorted, ascending);
  unsigned rank = sign_test_rank(n);
  unsigned index = rank == 0 ? 0 : rank - 1;
  return (struct bench_ratio){quantile(sorted, n, 0.5), sorted[index], sorted[n - 1 - index], n, rank != 0};
}

double bench_histogram_quantile(const struct bench_histogram *histogram, double fraction)
{
  uint64_t wanted = (uint64_t)(fraction * (double)histogram->count);
  uint64_t seen = 0;
  for (unsigned i = 0; i < BENCH_BUCKETS; i++) {
    seen += histogram->bucket[i];
    if (seen > wanted) {
      unsigned shift = i < 64 ? 0 : i / 32 - 1;
      uint64_t first = i < 64 ? i : (uint64_t)(i - 32 * shift) << shift;
      return (double)first + (double)((uint64_t)1 << shift) / 2;
    }
  }
  return 0;
}
