/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h - how pawl-bench is put together.
 *
 *   main.c       the command line
 *   subjects.c   the table of queue libraries; subjects/ holds one file per library, loops.h, loops.c the loops they share
 *   workloads.c  the table of workloads;  drivers.c, drivers_prio.c  which threads run which loops, which figures come out
 *   rank.c       the exact reference beside which prio.rank.* run a queue
 *   sample.c     one sample: a child process, its threads, stop, drain, verification;  quota.c  a group with half a CPU
 *   plan.c       which subject runs in which workload, repetitions interleaved, progress
 *   stats.c      medians, spread, bounds on paired ratios
 *   report.c     table and CSV;  json.c  results as JSON, written and read;  compare.c  plot.c  bars.c
 *   env.c        the environment of a run;  limits.c  what this machine can do at best
 *
 * Words: a subject is a queue under test; a cell is one workload with its shape and one subject; a sample is one run of a
 * cell; a row is one figure of a cell with all its samples (a cell may have several, fifo.pairs and fifo.pairs.p99.99).
 */
#ifndef PAWL_BENCH_BENCH_H
#define PAWL_BENCH_BENCH_H

#include "subject.h"
#include <stdio.h>

#define BENCH_METRICS 6 /* rows per cell at most */
#define BENCH_REPS_MAX 1000
#define BENCH_KEYS ((uint64_t)1 << 40)     /* random keys of priority queues are below this ... */
#define BENCH_FEW_KEYS ((uint64_t)1 << 20) /* ... or this, where many are to be equal or every one is counted */

enum bench_exit { BENCH_OK = 0, BENCH_FAILED = 1, BENCH_USAGE = 2 };

/* subjects.c */
extern const struct bench_subject *const bench_subjects[];
/* What this build lacks, and which Debian package would bring it; ends with NULL. */
extern const char *const bench_absent[];

/* One figure of a workload: the row is named workload + suffix. */
struct bench_metric {
  const char *suffix;
  const char *unit;
  bool higher_is_better;
};

struct bench_settings {
  unsigned milliseconds; /* measured time of one sample */
  size_t capacity;
  unsigned patience; /* seconds beside the measured time until a sample counts as hung */
  bool pin;
  bool verify; /* milliseconds per workload; figures mean nothing */
  double ns_per_tick;
};

struct bench_trial;

struct bench_workload {
  const char *name;
  unsigned producers;
  unsigned consumers; /* 0: each thread is both */
  unsigned caps;      /* what a subject must have */
  const char *baseline;
  const char *about;
  void (*drive)(struct bench_trial *trial);
  struct bench_metric metrics[BENCH_METRICS]; /* ends with a NULL suffix if shorter */
  unsigned param;                             /* meaning known to drive */
  size_t capacity;                            /* of bounded subjects, if not as the settings say */
  unsigned prefill;                           /* items in the queue before the threads begin */
};

extern const struct bench_workload bench_workloads[];
extern const unsigned bench_workload_count;
unsigned bench_workload_threads(const struct bench_workload *workload);
/* "4P4C" or "8 threads". */
void bench_workload_shape(const struct bench_workload *workload, char *out, size_t size);
/* NULL, or the reason why this machine cannot run it. */
const char *bench_workload_missing(const struct bench_workload *workload);

/* What one sample says; lives in memory shared with the child. */
struct bench_result {
  bool done;
  bool hung;
  double value[BENCH_METRICS];
  double cpu_ns_per_op;
  char error[200];
};

/* sample.c: the child's view. */
struct bench_trial {
  const struct bench_workload *workload;
  const struct bench_subject *subject;
  const struct bench_settings *settings;
  struct bench_result *result;
  struct bench_run run;
  struct bench_worker *workers;
  unsigned threads;
};

/* Runs one sample in a child process. False, with result->error set: crashed, hung, or verification failed. */
bool bench_sample(const struct bench_workload *workload, const struct bench_subject *subject,
                  const struct bench_settings *settings, struct bench_result *result);

/* For drivers: open queues, start `threads` loops, let them run, stop and join them, verify. */
void *bench_trial_open(struct bench_trial *trial, size_t capacity);
void bench_trial_start(struct bench_trial *trial, bench_loop *const *loops, pthread_t *ids);
void bench_trial_run(struct bench_trial *trial, bench_loop *const *loops);
void bench_trial_finish(struct bench_trial *trial, pthread_t *ids);
void bench_trial_verify(struct bench_trial *trial);
_Noreturn void bench_trial_fail(struct bench_trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* quota.c: a control group with half a CPU. NULL if there is one, else the reason; and the calling process enters it. */
const char *bench_quota_missing(void);
bool bench_quota_join(void);

/* stats.c */
struct bench_summary {
  double median, low, high; /* low, high: quartiles */
};
struct bench_summary bench_summarize(const double *samples, unsigned count);
/* Quantile of a histogram in ticks. */
double bench_histogram_quantile(const struct bench_histogram *histogram, double fraction);
struct bench_ratio {
  double median, lower, upper; /* one-sided 95 % bounds each; equal to min and max when there are too few pairs */
  unsigned pairs;
  bool bounded; /* enough pairs for the bounds to mean 95 % */
};
struct bench_ratio bench_paired_ratio(const double *samples, const double *baseline, unsigned count);

/* A row of results, as in JSON. */
struct bench_row {
  char workload[64];
  char subject[48];
  unsigned producers, consumers, threads;
  size_t capacity;
  char unit[32];
  bool higher_is_better;
  unsigned count;
  double *samples;
  double median;
  double cpu_ns_per_op;
};

struct bench_results {
  char *env; /* JSON text of the environment object, or NULL */
  struct bench_row *rows;
  unsigned count;
  unsigned room;
};

struct bench_row *bench_results_add(struct bench_results *results);
const struct bench_row *bench_results_find(const struct bench_results *results, const char *workload, const char *subject,
                                           unsigned producers, unsigned consumers);
void bench_results_free(struct bench_results *results);

/* plan.c */
struct bench_plan {
  const char *workload_glob; /* NULL: all; several by commas */
  const char *subject_glob;
  const char *threads; /* "1,2,4", or NULL */
  const char *baseline;
  unsigned reps;
  bool quick; /* workloads whose samples take long run once */
  bool quiet;
  struct bench_settings settings;
};
/* Runs everything that matches. False if a sample failed (its row is missing and the fault has been printed). */
bool bench_plan_run(const struct bench_plan *plan, struct bench_results *results);
bool bench_glob(const char *patterns, const char *name);
bool bench_fits(const struct bench_workload *workload, const struct bench_subject *subject);

/* limits.c: what this machine can do at best, in nanoseconds each; 0 where it takes two processors and there is one. */
struct bench_limits {
  double xadd, cas, mutex_pair, pause, sched_yield, syscall, futex_wake_nobody, clock_gettime;
  double contended_xadd;  /* per operation of each of two threads */
  double line_round_trip; /* there and back between two processors */
};
struct bench_limits bench_limits_measure(void);

/* report.c */
void bench_report_limits(FILE *out, const struct bench_limits *limits);
void bench_report_table(FILE *out, const struct bench_results *results, const char *baseline);
bool bench_report_csv(const char *path, const struct bench_results *results);

/* json.c */
bool bench_json_write(const char *path, const struct bench_results *results);
bool bench_json_read(const char *path, struct bench_results *results, char *error, size_t size);
void bench_json_string(FILE *out, const char *text);

/* Processor number `n` (modulo their count) of those this process may run on. */
int bench_nth_cpu(unsigned n);
unsigned bench_cpu_count(void);

/* env.c: the environment as a JSON object, to be freed. */
char *bench_env(const struct bench_settings *settings, const struct bench_limits *limits, int argc, char **argv);
double bench_ns_per_tick(void);

/* bars.c, compare.c, plot.c */
bool bench_bars_print(FILE *out, const struct bench_results *results);
int bench_compare(const char *before, const char *after, double threshold);
int bench_plot(const struct bench_results *results, const char *directory);

#endif
