/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the table that people read, and CSV.
 *
 * Ratio is the median of the paired ratios to the baseline, turned so that more than 1 is better in every row.
 */
#include "bench.h"

static bool same_cell(const struct bench_row *a, const struct bench_row *b)
{
  return strcmp(a->workload, b->workload) == 0 && a->producers == b->producers && a->consumers == b->consumers;
}

static const char *baseline_of(const struct bench_row *row, const char *chosen)
{
  if (chosen != NULL)
    return chosen;
  for (unsigned i = 0; i < bench_workload_count; i++)
    if (bench_glob(bench_workloads[i].name, row->workload) && bench_workloads[i].producers == row->producers &&
        bench_workloads[i].consumers == row->consumers)
      return bench_workloads[i].baseline;
  return NULL;
}

static void print_heading(FILE *out, const struct bench_row *row, const char *baseline)
{
  char shape[32];
  if (row->consumers == 0)
    snprintf(shape, sizeof shape, "%u thread%s", row->threads, row->threads == 1 ? "" : "s");
  else
    snprintf(shape, sizeof shape, "%uP%uC", row->producers, row->consumers);
  fprintf(out, "\n%s, %s, %s, %s is better\n", row->workload, shape, row->unit, row->higher_is_better ? "more" : "less");
  fprintf(out, "  %-24s %12s %23s %12s", "", "median", "quartiles", "CPU ns/op");
  if (baseline != NULL)
    fprintf(out, "  against %s", baseline);
  fputc('\n', out);
}

static void print_row(FILE *out, const struct bench_row *row, const struct bench_row *baseline)
{
  struct bench_summary summary = bench_summarize(row->samples, row->count);
  fprintf(out, "  %-24s %12.4g %11.4g %11.4g %12.4g", row->subject, summary.median, summary.low, summary.high,
          row->cpu_ns_per_op);
  if (baseline != NULL && baseline->count == row->count) {
    bool more = row->higher_is_better;
    struct bench_ratio ratio =
        bench_paired_ratio(more ? row->samples : baseline->samples, more ? baseline->samples : row->samples, row->count);
    if (ratio.pairs > 0)
      fprintf(out, "  %8.2fx", ratio.median);
  }
  fputc('\n', out);
}

void bench_report_table(FILE *out, const struct bench_results *results, const char *chosen)
{
  for (unsigned i = 0; i < results->count; i++) {
    const struct bench_row *first = &results->rows[i];
    bool printed = false;
    for (unsigned j = 0; j < i && !printed; j++)
      printed = same_cell(&results->rows[j], first);
    if (printed)
      continue;
    const char *name = baseline_of(first, chosen);
    const struct bench_row *baseline =
        name != NULL ? bench_results_find(results, first->workload, name, first->producers, first->consumers) : NULL;
    print_heading(out, first, baseline != NULL ? name : NULL);
    for (unsigned j = i; j < results->count; j++)
      if (same_cell(&results->rows[j], first))
        print_row(out, &results->rows[j], baseline);
  }
}

bool bench_report_csv(const char *path, const struct bench_results *results)
{
  FILE *out = fopen(path, "w");
  if (out == NULL)
    return false;
  fputs("workload,subject,producers,consumers,threads,capacity,unit,higher_is_better,median,cpu_ns_per_op,samples\n", out);
  for (unsigned i = 0; i < results->count; i++) {
    const struct bench_row *row = &results->rows[i];
    fprintf(out, "%s,%s,%u,%u,%u,%zu,%s,%s,%.6g,%.6g,", row->workload, row->subject, row->producers, row->consumers,
            row->threads, row->capacity, row->unit, row->higher_is_better ? "true" : "false", row->median, row->cpu_ns_per_op);
    for (unsigned s = 0; s < row->count; s++)
      fprintf(out, "%s%.6g", s ? " " : "", row->samples[s]);
    fputc('\n', out);
  }
  return fclose(out) == 0;
}
