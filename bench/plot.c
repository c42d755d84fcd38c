/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plot.c - results as pictures, by gnuplot: for each workload bars of the medians with their quartiles, a group of bars per
 * shape, and for latencies a line per subject from p50 to p99.99. Each as SVG and PNG.
 */
#include "bench.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHAPES_MAX = 8 };

static const char *const quantiles[] = {".p50", ".p99", ".p99.9", ".p99.99"};

static const char *const formats[][2] = {{"svg", "svg size 1000,560 font 'sans,14' background 'white'"},
                                         {"png", "pngcairo size 1000,560 font 'sans,11'"}};

static bool is_quantile(const char *name)
{
  for (unsigned q = 0; q < 4; q++) {
    size_t length = strlen(name), suffix = strlen(quantiles[q]);
    if (length > suffix && strcmp(name + length - suffix, quantiles[q]) == 0)
      return true;
  }
  return false;
}

/* Rows of one picture share their name; columns are its shapes in order of appearance. */
static unsigned shapes_of(const struct bench_results *results, const char *name, const struct bench_row **shapes)
{
  unsigned count = 0;
  for (unsigned i = 0; i < results->count && count < SHAPES_MAX; i++) {
    const struct bench_row *row = &results->rows[i];
    bool seen = strcmp(row->workload, name) != 0;
    for (unsigned s = 0; s < count && !seen; s++)
      seen = shapes[s]->producers == row->producers && shapes[s]->consumers == row->consumers;
    if (!seen)
      shapes[count++] = row;
  }
  return count;
}

static void shape_text(FILE *out, const struct bench_row *row)
{
  if (row->producers > 0 && row->consumers > 0)
    fprintf(out, "%uP%uC", row->producers, row->consumers);
  else
    fprintf(out, "%u thread%s", row->threads, row->threads == 1 ? "" : "s");
}

static bool first_with(const struct bench_results *results, unsigned i, bool same_subject)
{
  for (unsigned j = 0; j < i; j++)
    if (strcmp(results->rows[j].workload, results->rows[i].workload) == 0 &&
        (!same_subject || strcmp(results->rows[j].subject, results->rows[i].subject) == 0))
      return false;
  return true;
}

/* Subjects with, for each shape, median and quartiles. */
static void bars_data(FILE *out, const struct bench_results *results, const char *name, const struct bench_row **shapes,
                      unsigned count)
{
  fputs("$data << EOD\n", out);
  for (unsigned i = 0; i < results->count; i++) {
    const struct bench_row *row = &results->rows[i];
    if (strcmp(row->workload, name) != 0 || !first_with(results, i, true))
      continue;
    fprintf(out, "\"%s\"", row->subject);
    for (unsigned s = 0; s < count; s++) {
      const struct bench_row *cell =
          bench_results_find(results, name, row->subject, shapes[s]->producers, shapes[s]->consumers);
      struct bench_summary summary = {0, 0, 0};
      if (cell != NULL)
        summary = bench_summarize(cell->samples, cell->count);
      fprintf(out, " %g %g %g", summary.median, summary.low, summary.high);
    }
    fputc('\n', out);
  }
  fputs("EOD\n", out);
}

static void begin_picture(FILE *out, const char *directory, const char *file, unsigned format)
{
  fprintf(out, "reset\nset terminal %s\nset output \"%s/%s.%s\"\n", formats[format][1], directory, file, formats[format][0]);
  fputs("set grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror\nset key outside top center horizontal\n"
        "set xtics rotate by -35 left\nset rmargin 12\n",
        out);
}

static void bars_picture(FILE *out, const struct bench_results *results, const struct bench_row *row, const char *directory)
{
  const struct bench_row *shapes[SHAPES_MAX];
  unsigned count = shapes_of(results, row->workload, shapes);
  bars_data(out, results, row->workload, shapes, count);
  for (unsigned format = 0; format < 2; format++) {
    begin_picture(out, directory, row->workload, format);
    fprintf(out,
            "set title \"%s (%s is better)\"\nset ylabel \"%s\"\nset style data histograms\n"
            "set style histogram errorbars gap 1 lw 1\nset style fill solid 0.85 border -1\nset yrange [0:*]\nplot ",
            row->workload, row->higher_is_better ? "more" : "less", row->unit);
    for (unsigned s = 0; s < count; s++) {
      fprintf(out, "%s$data using %u:%u:%u:xtic(1) title \"", s ? ", " : "", 3 * s + 2, 3 * s + 3, 3 * s + 4);
      shape_text(out, shapes[s]);
      fputc('"', out);
    }
    fputc('\n', out);
  }
}

/* One picture per shape of a workload whose rows are quantiles; `row` is its first p50 row of that shape. */
static void latency_picture(FILE *out, const struct bench_results *results, const struct bench_row *row, const char *directory)
{
  char base[64], file[96];
  unsigned lines = 0;
  snprintf(base, sizeof base, "%.*s", (int)(strlen(row->workload) - strlen(".p50")), row->workload);
  snprintf(file, sizeof file, "%s.latency.%u", base, row->threads);
  fputs("$data << EOD\n", out);
  for (unsigned i = 0; i < results->count; i++) {
    const struct bench_row *other = &results->rows[i];
    if (strcmp(other->workload, row->workload) != 0 || other->producers != row->producers || other->consumers != row->consumers)
      continue;
    fprintf(out, "\"%s\"\n", other->subject);
    for (unsigned q = 0; q < 4; q++) {
      char name[80];
      snprintf(name, sizeof name, "%s%s", base, quantiles[q]);
      const struct bench_row *cell = bench_results_find(results, name, other->subject, row->producers, row->consumers);
      if (cell != NULL)
        fprintf(out, "\"%s\" %g\n", quantiles[q] + 1, cell->median);
    }
    fputs("\n\n", out);
    lines++;
  }
  fputs("EOD\n", out);
  for (unsigned format = 0; format < 2; format++) {
    begin_picture(out, directory, file, format);
    fprintf(out, "set title \"%s, one operation, ", base);
    shape_text(out, row);
    fprintf(out,
            "\"\nset ylabel \"ns\"\nset logscale y\nset xtics norotate\nset key outside right vertical\n"
            "plot for [i=0:%u] $data index i using 2:xtic(1) with linespoints lw 2 title columnheader(1)\n",
            lines - 1);
  }
}

static FILE *open_gnuplot(const char *directory)
{
  if (system("command -v gnuplot >/dev/null 2>&1") != 0) {
    fputs("pawl-bench: gnuplot is not installed (Debian: gnuplot-nox)\n", stderr);
    return NULL;
  }
  if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
    fprintf(stderr, "pawl-bench: %s: %s\n", directory, strerror(errno));
    return NULL;
  }
  if (strpbrk(directory, "\"\\\n") != NULL) {
    fputs("pawl-bench: the directory's name has characters that gnuplot would misread\n", stderr);
    return NULL;
  }
  return popen("gnuplot", "w");
}

int bench_plot(const struct bench_results *results, const char *directory)
{
  FILE *out = open_gnuplot(directory);
  if (out == NULL)
    return BENCH_FAILED;
  for (unsigned i = 0; i < results->count; i++) {
    const struct bench_row *row = &results->rows[i];
    bool p50 = strlen(row->workload) > 4 && strcmp(row->workload + strlen(row->workload) - 4, ".p50") == 0;
    bool first_shape = true;
    for (unsigned j = 0; j < i && first_shape; j++)
      first_shape = strcmp(results->rows[j].workload, row->workload) != 0 || results->rows[j].producers != row->producers ||
                    results->rows[j].consumers != row->consumers;
    if (p50 && first_shape)
      latency_picture(out, results, row, directory);
    else if (!is_quantile(row->workload) && first_with(results, i, false))
      bars_picture(out, results, row, directory);
  }
  int status = pclose(out);
  if (status != 0)
    fputs("pawl-bench: gnuplot failed\n", stderr);
  return status == 0 ? BENCH_OK : BENCH_FAILED;
}
