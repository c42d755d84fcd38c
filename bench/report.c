/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - the table that people read, and CSV.
 *
 * One block per workload and shape: its first figure with quartiles, CPU time and ratio, the others as medians beside it.
 * The ratio is the median of the paired ratios to the baseline, turned so that more than 1 is better in every row.
 */
#include "bench.h"

static void print_heading(FILE *out, const struct bench_workload *workload, const char *baseline)
{
  char shape[32];
  const struct bench_metric *first = &workload->metrics[0];
  bench_workload_shape(workload, shape, sizeof shape);
  fprintf(out, "\n%s%s, %s: %s\n", workload->name, first->suffix, shape, workload->about);
  fprintf(out, "  %-22s %10s %20s %10s", "", first->unit, "quartiles", "CPU ns/op");
  if (baseline != NULL)
    fprintf(out, " %9s", "ratio");
  for (unsigned m = 1; m < BENCH_METRICS && workload->metrics[m].suffix != NULL; m++)
    fprintf(out, " %10s", workload->metrics[m].suffix + 1);
  fputc('\n', out);
}

static void print_ratio(FILE *out, const struct bench_row *row, const struct bench_row *baseline)
{
  bool more = row->higher_is_better;
  struct bench_ratio ratio = {0};
  if (baseline->count == row->count)
    ratio = bench_paired_ratio(more ? row->samples : baseline->samples, more ? baseline->samples : row->samples, row->count);
  if (ratio.pairs > 0)
    fprintf(out, " %8.2fx", ratio.median);
  else
    fprintf(out, " %9s", "-");
}

/* The row of a metric of a workload for a subject, or NULL. */
static const struct bench_row *find(const struct bench_results *results, const struct bench_workload *workload, unsigned metric,
                                    const char *subject)
{
  char name[64];
  snprintf(name, sizeof name, "%s%s", workload->name, workload->metrics[metric].suffix);
  return bench_results_find(results, name, subject, workload->producers, workload->consumers);
}

static void print_subject(FILE *out, const struct bench_results *results, const struct bench_workload *workload,
                          const struct bench_row *row, const struct bench_row *baseline)
{
  struct bench_summary summary = bench_summarize(row->samples, row->count);
  fprintf(out, "  %-22s %10.4g %9.4g %10.4g ", row->subject, summary.median, summary.low, summary.high);
  if (row->cpu_ns_per_op > 0)
    fprintf(out, "%10.4g", row->cpu_ns_per_op);
  else
    fprintf(out, "%10s", "-");
  if (baseline != NULL)
    print_ratio(out, row, baseline);
  for (unsigned m = 1; m < BENCH_METRICS && workload->metrics[m].suffix != NULL; m++) {
    const struct bench_row *other = find(results, workload, m, row->subject);
    if (other != NULL)
      fprintf(out, " %10.4g", other->median);
  }
  fputc('\n', out);
}

void bench_report_limits(FILE *out, const struct bench_limits *limits)
{
  fprintf(out, "limits of this machine, ns: xadd %.1f, CAS %.1f, mutex pair %.1f, pause %.1f, ", limits->xadd, limits->cas,
          limits->mutex_pair, limits->pause);
  if (limits->line_round_trip > 0)
    fprintf(out, "contended xadd %.1f, cache line there and back %.0f, ", limits->contended_xadd, limits->line_round_trip);
  fprintf(out, "system call %.0f, futex_wake of nobody %.0f, clock %.0f\n", limits->syscall, limits->futex_wake_nobody,
          limits->clock_gettime);
}

void bench_report_table(FILE *out, const struct bench_results *results, const char *chosen)
{
  for (unsigned w = 0; w < bench_workload_count; w++) {
    const struct bench_workload *workload = &bench_workloads[w];
    const char *name = chosen != NULL ? chosen : workload->baseline;
    const struct bench_row *baseline = name != NULL ? find(results, workload, 0, name) : NULL;
    bool headed = false;
    for (unsigned i = 0; i < results->count; i++) {
      const struct bench_row *row = &results->rows[i];
      if (row != find(results, workload, 0, row->subject))
        continue;
      if (!headed)
        print_heading(out, workload, baseline != NULL ? name : NULL);
      headed = true;
      print_subject(out, results, workload, row, baseline);
    }
    if (headed && baseline != NULL)
      fprintf(out, "  ratio: against %s, more than 1 is better\n", name);
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
