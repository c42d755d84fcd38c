/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.c - runs what the command line selected: within each workload the repetitions are interleaved across the subjects,
 * each repetition starting with another subject, so that a disturbance of the machine hits all alike and samples of the
 * same repetition form pairs.
 */
#include "drivers.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUBJECTS_MAX = 64 };

/* Comma-separated patterns; one without wildcards also stands for everything below it: fifo.oversub, fifo.oversub.all. */
bool bench_glob(const char *patterns, const char *name)
{
  if (patterns == NULL)
    return true;
  for (const char *start = patterns;; start++) {
    size_t length = strcspn(start, ",");
    char pattern[128];
    snprintf(pattern, sizeof pattern, "%.*s", (int)length, start);
    if (fnmatch(pattern, name, 0) == 0 || (strncmp(pattern, name, length) == 0 && name[length] == '.'))
      return true;
    start += length;
    if (*start == '\0')
      return false;
  }
}

static bool threads_match(const char *list, const struct bench_workload *workload)
{
  char number[16];
  snprintf(number, sizeof number, "%u", bench_workload_threads(workload));
  return bench_glob(list, number);
}

struct bench_row *bench_results_add(struct bench_results *results)
{
  if (results->count == results->room) {
    results->room = results->room ? 2 * results->room : 256;
    results->rows = realloc(results->rows, results->room * sizeof *results->rows);
    if (results->rows == NULL) {
      perror("pawl-bench");
      exit(BENCH_FAILED);
    }
  }
  return memset(&results->rows[results->count++], 0, sizeof *results->rows);
}

const struct bench_row *bench_results_find(const struct bench_results *results, const char *workload, const char *subject,
                                           unsigned producers, unsigned consumers)
{
  for (unsigned i = 0; i < results->count; i++) {
    const struct bench_row *row = &results->rows[i];
    if (row->producers == producers && row->consumers == consumers && strcmp(row->workload, workload) == 0 &&
        strcmp(row->subject, subject) == 0)
      return row;
  }
  return NULL;
}

void bench_results_free(struct bench_results *results)
{
  for (unsigned i = 0; i < results->count; i++)
    free(results->rows[i].samples);
  free(results->rows);
  free(results->env);
  *results = (struct bench_results){0};
}

/* What is known of one cell while its workload runs. */
struct cell {
  const struct bench_subject *subject;
  bool failed;
  struct bench_result *samples;
};

static void add_rows(const struct bench_plan *plan, const struct bench_workload *workload, const struct cell *cell,
                     unsigned reps, struct bench_results *results)
{
  double cpu[BENCH_REPS_MAX];
  for (unsigned r = 0; r < reps; r++)
    cpu[r] = cell->samples[r].cpu_ns_per_op;
  for (unsigned m = 0; m < BENCH_METRICS && workload->metrics[m].suffix != NULL; m++) {
    struct bench_row *row = bench_results_add(results);
    snprintf(row->workload, sizeof row->workload, "%s%s", workload->name, workload->metrics[m].suffix);
    snprintf(row->subject, sizeof row->subject, "%s", cell->subject->name);
    snprintf(row->unit, sizeof row->unit, "%s", workload->metrics[m].unit);
    row->producers = workload->producers;
    row->consumers = workload->consumers;
    row->threads = bench_workload_threads(workload);
    if (cell->subject->caps & BENCH_BOUNDED)
      row->capacity = workload->capacity != 0 ? workload->capacity : plan->settings.capacity;
    row->higher_is_better = workload->metrics[m].higher_is_better;
    row->count = reps;
    row->samples = malloc(reps * sizeof *row->samples);
    if (row->samples == NULL)
      abort();
    for (unsigned r = 0; r < reps; r++)
      row->samples[r] = cell->samples[r].value[m];
    row->median = bench_summarize(row->samples, row->count).median;
    row->cpu_ns_per_op = bench_summarize(cpu, reps).median;
  }
}

/* Progress: a bar with the time left on a terminal, else one line per workload. */
struct progress {
  bool bar;
  bool quiet;
  double total; /* planned milliseconds */
  double done;
  uint64_t begin;
};

static void progress_show(const struct progress *progress, const char *workload, const char *subject)
{
  if (!progress->bar)
    return;
  double part = progress->done / progress->total;
  double spent = (double)(bench_now() - progress->begin) / 1e9;
  int filled = (int)(part * 24);
  fprintf(stderr, "\r[%.*s%*s] %3.0f %%", filled, "########################", 24 - filled, "", part * 100);
  if (part > 0.02)
    fprintf(stderr, "  %4.0f s left", spent / part - spent);
  fprintf(stderr, "  %-18.18s %-22.22s\033[K", workload, subject);
}

static double planned(const struct bench_workload *workload, const struct bench_settings *settings)
{
  double ms = settings->milliseconds;
  if (settings->verify)
    return ms + 5;
  if (workload->drive == bench_drive_stall)
    return 1250;
  if (workload->drive == bench_drive_idle)
    return 560;
  if (workload->drive == bench_drive_trickle)
    return bench_trickle_ms(settings);
  if (workload->drive == bench_drive_oversub && workload->param == BENCH_HALF_A_CPU)
    return ms < 400 ? 400 : ms;
  bool counted = workload->drive == bench_drive_prio_push || workload->drive == bench_drive_prio_rank_hold ||
                 workload->drive == bench_drive_prio_rank_pair;
  uint64_t items = bench_items(settings, counted ? workload->param + workload->prefill : workload->prefill);
  double filling = (double)items * 1e-3; /* a microsecond per item, in and out */
  return (workload->drive == bench_drive_pairs ? 2 * ms : ms) + 10 + filling;
}

/* Peers that wait for named predecessors can stand still for a minute on a busy machine: no reason to fail a check of Pawl. */
static bool excused(const struct bench_plan *plan, const struct cell *cell, const struct bench_result *sample)
{
  return plan->settings.verify && sample->hung && strncmp(cell->subject->name, "pawl-", 5) != 0;
}

static unsigned repetitions(const struct bench_plan *plan, const struct bench_workload *workload)
{
  return plan->quick && planned(workload, &plan->settings) > 300 ? 1 : plan->reps;
}

static unsigned gather(const struct bench_plan *plan, const struct bench_workload *workload, struct cell *cells)
{
  unsigned count = 0;
  if (!bench_glob(plan->workload_glob, workload->name) || !threads_match(plan->threads, workload))
    return 0;
  for (const struct bench_subject *const *subject = bench_subjects; *subject != NULL && count < SUBJECTS_MAX; subject++)
    if (bench_fits(workload, *subject) && bench_glob(plan->subject_glob, (*subject)->name))
      cells[count++] = (struct cell){.subject = *subject};
  return count;
}

static bool run_workload(const struct bench_plan *plan, const struct bench_workload *workload, struct cell *cells,
                         unsigned count, struct progress *progress, struct bench_results *results)
{
  bool good = true;
  unsigned reps = repetitions(plan, workload);
  char shape[32];
  bench_workload_shape(workload, shape, sizeof shape);
  for (unsigned i = 0; i < count; i++)
    if ((cells[i].samples = calloc(reps, sizeof *cells[i].samples)) == NULL)
      abort();
  for (unsigned r = 0; r < reps; r++)
    for (unsigned i = 0; i < count; i++) {
      struct cell *cell = &cells[(i + r) % count];
      progress_show(progress, workload->name, cell->subject->name);
      if (!cell->failed && !bench_sample(workload, cell->subject, &plan->settings, &cell->samples[r])) {
        cell->failed = true;
        bool excuse = excused(plan, cell, &cell->samples[r]);
        good = good && excuse;
        fprintf(stderr, "%spawl-bench: %s: %s %s %s: %s\n", progress->bar ? "\r\033[K" : "",
                excuse ? "peer given up" : "FAILED", workload->name, shape, cell->subject->name, cell->samples[r].error);
      }
      progress->done += planned(workload, &plan->settings);
    }
  for (unsigned i = 0; i < count; i++) {
    if (!cells[i].failed)
      add_rows(plan, workload, &cells[i], reps, results);
    free(cells[i].samples);
  }
  return good;
}

bool bench_plan_run(const struct bench_plan *plan, struct bench_results *results)
{
  struct cell cells[SUBJECTS_MAX];
  struct progress progress = {.bar = !plan->quiet && isatty(STDERR_FILENO), .quiet = plan->quiet, .begin = bench_now()};
  bool good = true;
  for (unsigned w = 0; w < bench_workload_count; w++)
    progress.total += gather(plan, &bench_workloads[w], cells) * repetitions(plan, &bench_workloads[w]) *
                      planned(&bench_workloads[w], &plan->settings);
  for (unsigned w = 0; w < bench_workload_count; w++) {
    const struct bench_workload *workload = &bench_workloads[w];
    unsigned count = gather(plan, workload, cells);
    const char *missing = count > 0 ? bench_workload_missing(workload) : NULL;
    if (missing != NULL)
      fprintf(stderr, "%s skipped: %s\n", workload->name, missing);
    if (count == 0 || missing != NULL)
      continue;
    char shape[32];
    bench_workload_shape(workload, shape, sizeof shape);
    if (!progress.bar && !progress.quiet)
      fprintf(stderr, "%3.0f %%  %s %s, %u subjects\n", 100 * progress.done / progress.total, workload->name, shape, count);
    good = run_workload(plan, workload, cells, count, &progress, results) && good;
  }
  if (progress.bar)
    fprintf(stderr, "\r\033[K");
  return good;
}
