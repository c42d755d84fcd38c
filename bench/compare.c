/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.c - two results files, row by row: what became slower by more than the threshold, beyond the noise?
 *
 * A row counts as a regression when its median is worse by more than the threshold and the better quartile of the new
 * samples is still worse than the worse quartile of the old ones: one bimodal cell does not turn a build red.
 */
#include "bench.h"

static void complain(const char *path, const char *error)
{
  fprintf(stderr, "pawl-bench: %s: %s\n", path, error);
}

/* How much worse, as a fraction of the old median; negative is better. */
static double worse_by(const struct bench_row *row, double before, double after)
{
  if (before == 0)
    return after == 0 || row->higher_is_better ? 0 : 1;
  return row->higher_is_better ? (before - after) / before : (after - before) / before;
}

static bool apart(const struct bench_row *row, const struct bench_summary *before, const struct bench_summary *after)
{
  return row->higher_is_better ? after->high < before->low : after->low > before->high;
}

/* Prints one line; returns true for a regression. */
static bool compare_row(const struct bench_row *before, const struct bench_row *after, double threshold)
{
  struct bench_summary a = bench_summarize(before->samples, before->count);
  struct bench_summary b = bench_summarize(after->samples, after->count);
  double worse = worse_by(before, a.median, b.median);
  const char *verdict = "";
  bool regression = worse > threshold && apart(before, &a, &b);
  if (regression)
    verdict = "  REGRESSION";
  else if (worse > threshold)
    verdict = "  worse, but within the noise";
  else if (worse < -threshold)
    verdict = "  better";
  printf("%-24s %2uP%uC %-24s %12.4g %12.4g %-14s %+7.1f %%%s\n", before->workload, before->producers, before->consumers,
         before->subject, a.median, b.median, before->unit, worse == 0 ? 0 : -worse * 100, verdict);
  return regression;
}

int bench_compare(const char *before_path, const char *after_path, double threshold)
{
  struct bench_results before = {0}, after = {0};
  char error[200];
  int result = BENCH_USAGE;
  unsigned compared = 0, regressions = 0, missing = 0;
  if (!bench_json_read(before_path, &before, error, sizeof error))
    complain(before_path, error);
  else if (!bench_json_read(after_path, &after, error, sizeof error))
    complain(after_path, error);
  else {
    printf("%-24s %4s  %-24s %12s %12s %-14s %9s\n", "workload", "", "subject", "before", "after", "unit", "better by");
    for (unsigned i = 0; i < before.count; i++) {
      const struct bench_row *old = &before.rows[i];
      const struct bench_row *new = bench_results_find(&after, old->workload, old->subject, old->producers, old->consumers);
      if (new == NULL) {
        missing++;
        continue;
      }
      compared++;
      regressions += compare_row(old, new, threshold);
    }
    printf("%u rows compared, %u regressions beyond %.3g %%, %u rows missing in %s\n", compared, regressions, threshold * 100,
           missing, after_path);
    result = regressions > 0 ? BENCH_FAILED : BENCH_OK;
    if (compared == 0) {
      complain(after_path, "no row in common");
      result = BENCH_USAGE;
    }
  }
  bench_results_free(&before);
  bench_results_free(&after);
  return result;
}
