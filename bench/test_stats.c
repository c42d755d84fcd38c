/* SPDX-License-Identifier: BSD-2-Clause */
/* test_stats.c - tests of the histogram, the quantiles and the bounds by which bars are judged. */
#include "bench.h"
#include <stdlib.h>

static unsigned failures;

static void check(bool holds, const char *what, double value)
{
  if (holds)
    return;
  failures++;
  fprintf(stderr, "FAILED: %s (%g)\n", what, value);
}

/* A histogram of one value gives it back to within its promised 3 %, over the whole range. */
static void every_value_is_known_to_three_percent(void)
{
  static struct bench_histogram histogram;
  for (uint64_t value = 1; value < (uint64_t)1 << 62; value += 1 + value / 7) {
    memset(&histogram, 0, sizeof histogram);
    bench_histogram_add(&histogram, value);
    double error = bench_histogram_quantile(&histogram, 0.5) / (double)value - 1;
    check(value < 17 || (error < 0.032 && error > -0.032), "value of a bucket", (double)value);
  }
}

static void quantiles_divide_the_values(void)
{
  static struct bench_histogram histogram;
  for (uint64_t value = 1; value <= 100000; value++)
    bench_histogram_add(&histogram, value);
  static const double fractions[] = {0.01, 0.5, 0.9, 0.99, 0.9999};
  for (unsigned i = 0; i < 5; i++) {
    double ratio = bench_histogram_quantile(&histogram, fractions[i]) / (fractions[i] * 100000);
    check(ratio > 0.96 && ratio < 1.04, "quantile", fractions[i]);
  }
  check(histogram.count == 100000, "count", (double)histogram.count);
}

/* Ratios n, n - 1, ... 1: the bounds are the k-th from either end, k by the table of the sign test. */
static void bounds_are_those_of_the_sign_test(void)
{
  static const struct {
    unsigned n, k;
  } table[] = {{5, 1}, {7, 1}, {8, 2}, {10, 2}, {15, 4}, {20, 6}, {25, 8}, {30, 11}, {100, 42}};
  double samples[100], ones[100];
  for (unsigned t = 0; t < sizeof table / sizeof *table; t++) {
    for (unsigned i = 0; i < table[t].n; i++) {
      samples[i] = table[t].n - i;
      ones[i] = 1;
    }
    struct bench_ratio ratio = bench_paired_ratio(samples, ones, table[t].n);
    check(ratio.bounded && ratio.lower == table[t].k, "lower bound", table[t].n);
    check(ratio.upper == table[t].n + 1 - table[t].k, "upper bound", table[t].n);
    check(ratio.median == (table[t].n + 1) / 2.0, "median", table[t].n);
  }
  check(!bench_paired_ratio(samples, ones, 4).bounded, "four pairs cannot bound anything at 95 %", 4);
  ones[0] = 0;
  check(bench_paired_ratio(samples, ones, 5).pairs == 4, "a baseline of 0 makes no pair", 0);
}

static void summaries_are_median_and_quartiles(void)
{
  const double samples[] = {5, 1, 4, 2, 3};
  struct bench_summary summary = bench_summarize(samples, 5);
  check(summary.median == 3 && summary.low == 2 && summary.high == 4, "five samples", summary.median);
  check(bench_summarize(samples, 2).median == 3, "two samples", bench_summarize(samples, 2).median);
}

int main(void)
{
  every_value_is_known_to_three_percent();
  quantiles_divide_the_values();
  bounds_are_those_of_the_sign_test();
  summaries_are_median_and_quartiles();
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
