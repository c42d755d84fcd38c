/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - pawl-bench: Pawl's queues beside their peers, in one program, verified while measured.
 *
 * For users who want to know how Pawl stands on their machine, and for Pawl's developers, who may not make it slower.
 */
#include "bench.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

struct options {
  struct bench_plan plan;
  const char *json;
  const char *csv;
  const char *plot;
  double threshold;
  bool bars;
  bool list;
};

static const char usage_text[] =
    "usage: pawl-bench [run] [options]         measure, print a table\n"
    "       pawl-bench compare A B [--threshold 5%]   two --json files; exit 1 on a regression\n"
    "       pawl-bench list                    workloads and subjects of this build\n"
    "       pawl-bench plot FILE DIR           draw a --json file\n"
    "       pawl-bench show FILE               the table of a --json file\n"
    "       pawl-bench bars FILE               its bars (see --bars)\n"
    "       pawl-bench env                     this machine and its limits, as JSON\n"
    "\n"
    "  --workload GLOB   only these (fifo.mpmc, 'fifo.*'; several by commas)\n"
    "  --subject GLOB    only these ('pawl-*,mutex')\n"
    "  --threads LIST    only these numbers of threads (2,8; 4P4C has 8)\n"
    "  --capacity N      of bounded queues (default 1024)\n"
    "  --reps N          repetitions, interleaved across subjects (default 5)\n"
    "  --time MS         measured time of each repetition (default 50)\n"
    "  --patience S      seconds until a sample counts as hung (default 60)\n"
    "  --quick           3 repetitions of 25 ms, 1 of the slow workloads: everything in about two minutes\n"
    "  --full            21 repetitions of 100 ms, for results to publish\n"
    "  --verify          1 repetition of 2 ms: only the checks count\n"
    "  --pin, --no-pin   thread i on CPU i modulo their number (default), or wherever the system likes\n"
    "  --baseline NAME   ratios against this subject\n"
    "  --bars            the bars of Pawl's requirements: ratio, 95 % bound, pass or miss; exit 1 on a miss\n"
    "  --json FILE, --csv FILE, --plot DIR   write the results, draw them (SVG and PNG, needs gnuplot)\n"
    "  --quiet           no progress\n"
    "  --list, --help\n"
    "\n"
    "exit status: 0; 1 a check, a bar or a comparison failed; 2 wrong use\n";

/* How many letters have to change to make one name of the other. */
static unsigned distance(const char *a, const char *b)
{
  unsigned row[64];
  size_t n = strlen(b);
  if (n >= 64)
    return 64;
  for (unsigned j = 0; j <= n; j++)
    row[j] = j;
  for (unsigned i = 1; *a != '\0'; i++, a++) {
    unsigned diagonal = row[0];
    row[0] = i;
    for (unsigned j = 1; j <= n; j++) {
      unsigned above = row[j];
      unsigned best = diagonal + (*a != b[j - 1]);
      best = above + 1 < best ? above + 1 : best;
      best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
      diagonal = above;
      row[j] = best;
    }
  }
  return row[n];
}

static const char *name_of(unsigned i, bool subjects)
{
  if (subjects)
    return bench_subjects[i] != NULL ? bench_subjects[i]->name : NULL;
  return i < bench_workload_count ? bench_workloads[i].name : NULL;
}

/* Every pattern must match something; if not, name what is near. */
static bool known(const char *patterns, bool subjects)
{
  for (const char *start = patterns; start != NULL && *start != '\0';) {
    char pattern[64];
    size_t length = strcspn(start, ",");
    snprintf(pattern, sizeof pattern, "%.*s", (int)length, start);
    start += length + (start[length] == ',');
    bool found = false;
    for (unsigned i = 0; name_of(i, subjects) != NULL && !found; i++)
      found = bench_glob(pattern, name_of(i, subjects));
    if (found)
      continue;
    fprintf(stderr, "pawl-bench: no %s matches '%s'", subjects ? "subject" : "workload", pattern);
    const char *before = "; near are:";
    for (unsigned i = 0; name_of(i, subjects) != NULL; i++)
      if ((i == 0 || strcmp(name_of(i, subjects), name_of(i - 1, subjects)) != 0) &&
          (distance(pattern, name_of(i, subjects)) <= 4 || strstr(name_of(i, subjects), pattern) != NULL)) {
        fprintf(stderr, "%s %s", before, name_of(i, subjects));
        before = "";
      }
    fputs("; pawl-bench list shows all\n", stderr);
    return false;
  }
  return true;
}

static bool number(const char *option, const char *text, unsigned long most, unsigned long *out)
{
  char *end;
  errno = 0;
  *out = strtoul(text, &end, 10);
  if (errno == 0 && *end == '\0' && end != text && text[0] != '-' && *out >= 1 && *out <= most)
    return true;
  fprintf(stderr, "pawl-bench: --%s takes a number from 1 to %lu, not '%s'\n", option, most, text);
  return false;
}

static bool percentage(const char *text, double *out)
{
  char *end;
  *out = strtod(text, &end) / 100;
  if (end != text && *out >= 0 && (*end == '\0' || strcmp(end, "%") == 0))
    return true;
  fprintf(stderr, "pawl-bench: --threshold takes a percentage such as 5%%, not '%s'\n", text);
  return false;
}

enum {
  WORKLOAD = 256,
  SUBJECT,
  THREADS,
  CAPACITY,
  REPS,
  TIME,
  PATIENCE,
  QUICK,
  FULL,
  VERIFY,
  PIN,
  NO_PIN,
  BASELINE,
  BARS,
  JSON,
  CSV,
  PLOTS,
  QUIET,
  LISTS,
  THRESHOLD,
  HELP
};

static const struct option long_options[] = {{"workload", required_argument, NULL, WORKLOAD},
                                             {"subject", required_argument, NULL, SUBJECT},
                                             {"threads", required_argument, NULL, THREADS},
                                             {"capacity", required_argument, NULL, CAPACITY},
                                             {"reps", required_argument, NULL, REPS},
                                             {"time", required_argument, NULL, TIME},
                                             {"patience", required_argument, NULL, PATIENCE},
                                             {"quick", no_argument, NULL, QUICK},
                                             {"full", no_argument, NULL, FULL},
                                             {"verify", no_argument, NULL, VERIFY},
                                             {"pin", no_argument, NULL, PIN},
                                             {"no-pin", no_argument, NULL, NO_PIN},
                                             {"baseline", required_argument, NULL, BASELINE},
                                             {"bars", no_argument, NULL, BARS},
                                             {"json", required_argument, NULL, JSON},
                                             {"csv", required_argument, NULL, CSV},
                                             {"plot", required_argument, NULL, PLOTS},
                                             {"quiet", no_argument, NULL, QUIET},
                                             {"list", no_argument, NULL, LISTS},
                                             {"threshold", required_argument, NULL, THRESHOLD},
                                             {"help", no_argument, NULL, HELP},
                                             {NULL, 0, NULL, 0}};

static void profile(struct bench_plan *plan, unsigned reps, unsigned milliseconds, bool verify)
{
  plan->reps = reps;
  plan->settings.milliseconds = milliseconds;
  plan->settings.verify = verify;
}

/* False: wrong use, and the user has been told. */
static bool take(struct options *options, int option)
{
  struct bench_plan *plan = &options->plan;
  unsigned long value = 0;
  switch (option) {
  case WORKLOAD:
    return known(plan->workload_glob = optarg, false);
  case SUBJECT:
    return known(plan->subject_glob = optarg, true);
  case THREADS:
    plan->threads = optarg;
    return true;
  case CAPACITY:
    return number("capacity", optarg, 1ul << 30, &value) && (plan->settings.capacity = value, true);
  case REPS:
    return number("reps", optarg, BENCH_REPS_MAX, &value) && (plan->reps = (unsigned)value, true);
  case TIME:
    return number("time", optarg, 60000, &value) && (plan->settings.milliseconds = (unsigned)value, true);
  case PATIENCE:
    return number("patience", optarg, 3600, &value) && (plan->settings.patience = (unsigned)value, true);
  case QUICK:
    profile(plan, 3, 25, false);
    return plan->quick = true;
  case FULL:
    profile(plan, 21, 100, false);
    return true;
  case VERIFY:
    profile(plan, 1, 2, true);
    plan->settings.patience = 20;
    return true;
  case PIN:
  case NO_PIN:
    plan->settings.pin = option == PIN;
    return true;
  case BASELINE:
    plan->baseline = optarg;
    return known(optarg, true);
  case BARS:
    return options->bars = true;
  case JSON:
    options->json = optarg;
    return true;
  case CSV:
    options->csv = optarg;
    return true;
  case PLOTS:
    options->plot = optarg;
    return true;
  case QUIET:
    return plan->quiet = true;
  case LISTS:
    return options->list = true;
  case THRESHOLD:
    return percentage(optarg, &options->threshold);
  default:
    fputs("pawl-bench --help shows the options\n", stderr);
    return false;
  }
}

static void list(void)
{
  printf("workloads\n");
  for (unsigned i = 0; i < bench_workload_count; i++) {
    const struct bench_workload *workload = &bench_workloads[i];
    char shape[32];
    bench_workload_shape(workload, shape, sizeof shape);
    printf("  %-20s %-9s %s\n", workload->name, shape, workload->about);
  }
  printf("subjects of this build\n");
  for (const struct bench_subject *const *subject = bench_subjects; *subject != NULL; subject++)
    printf("  %-22s %-28s %s\n", (*subject)->name, (*subject)->library, (*subject)->note);
  if (bench_absent[0] != NULL)
    printf("not in this build\n");
  for (const char *const *absent = bench_absent; *absent != NULL; absent++)
    printf("  %s\n", *absent);
}

static bool save(const struct options *options, const struct bench_results *results)
{
  if (options->json != NULL && !bench_json_write(options->json, results)) {
    fprintf(stderr, "pawl-bench: %s: %s\n", options->json, strerror(errno));
    return false;
  }
  if (options->csv != NULL && !bench_report_csv(options->csv, results)) {
    fprintf(stderr, "pawl-bench: %s: %s\n", options->csv, strerror(errno));
    return false;
  }
  return options->plot == NULL || bench_plot(results, options->plot) == BENCH_OK;
}

static int run(struct options *options, int argc, char **argv)
{
  struct bench_results results = {0};
  options->plan.settings.ns_per_tick = bench_ns_per_tick();
  if (!options->plan.settings.verify || options->json != NULL) {
    struct bench_limits limits = bench_limits_measure();
    results.env = bench_env(&options->plan.settings, &limits, argc, argv);
    if (!options->plan.settings.verify)
      bench_report_limits(stdout, &limits);
  }
  bool good = bench_plan_run(&options->plan, &results);
  if (results.count == 0 && good) {
    fputs("pawl-bench: nothing to do: no subject fits the chosen workloads\n", stderr);
    return BENCH_USAGE;
  }
  if (!options->plan.settings.verify)
    bench_report_table(stdout, &results, options->plan.baseline);
  if (!save(options, &results))
    good = false;
  if (options->bars && !bench_bars_print(stdout, &results))
    good = false;
  if (options->plan.settings.verify && good)
    printf("%u rows verified\n", results.count);
  bench_results_free(&results);
  return good ? BENCH_OK : BENCH_FAILED;
}

/* Draws, judges or prints a results file. */
static int reuse(const struct options *options, const char *command, char **arguments)
{
  struct bench_results results = {0};
  char error[200];
  int result = BENCH_OK;
  if (!bench_json_read(arguments[0], &results, error, sizeof error)) {
    fprintf(stderr, "pawl-bench: %s: %s\n", arguments[0], error);
    result = BENCH_USAGE;
  } else if (strcmp(command, "plot") == 0)
    result = bench_plot(&results, arguments[1]);
  else if (strcmp(command, "bars") == 0)
    result = bench_bars_print(stdout, &results) ? BENCH_OK : BENCH_FAILED;
  else
    bench_report_table(stdout, &results, options->plan.baseline);
  bench_results_free(&results);
  return result;
}

static int arguments(int count, int wanted, const char *command)
{
  if (count == wanted)
    return BENCH_OK;
  fprintf(stderr, "pawl-bench: %s takes %d argument%s, not %d; pawl-bench --help shows how\n", command, wanted,
          wanted == 1 ? "" : "s", count);
  return BENCH_USAGE;
}

static int dispatch(struct options *options, int argc, char **argv)
{
  const char *command = optind < argc ? argv[optind] : "run";
  char **rest = argv + optind + 1;
  int count = argc - optind - 1 > 0 ? argc - optind - 1 : 0;
  int bad = 0;
  if (options->list || strcmp(command, "list") == 0)
    return list(), BENCH_OK;
  if (strcmp(command, "run") == 0)
    return (bad = arguments(count, 0, command)) ? bad : run(options, argc, argv);
  if (strcmp(command, "compare") == 0)
    return (bad = arguments(count, 2, command)) ? bad : bench_compare(rest[0], rest[1], options->threshold);
  if (strcmp(command, "plot") == 0)
    return (bad = arguments(count, 2, command)) ? bad : reuse(options, command, rest);
  if (strcmp(command, "bars") == 0 || strcmp(command, "show") == 0)
    return (bad = arguments(count, 1, command)) ? bad : reuse(options, command, rest);
  if (strcmp(command, "env") == 0) {
    options->plan.settings.ns_per_tick = bench_ns_per_tick();
    struct bench_limits limits = bench_limits_measure();
    char *env = bench_env(&options->plan.settings, &limits, argc, argv);
    puts(env);
    free(env);
    return BENCH_OK;
  }
  fprintf(stderr, "pawl-bench: no command '%s'; there are run, compare, list, show, bars, plot, env\n", command);
  return BENCH_USAGE;
}

int main(int argc, char **argv)
{
  struct options options = {
      .plan = {.reps = 5, .settings = {.milliseconds = 50, .capacity = 1024, .patience = 60, .pin = true}}, .threshold = 0.05};
  for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
    if (option == HELP)
      return fputs(usage_text, stdout), BENCH_OK;
    if (!take(&options, option))
      return BENCH_USAGE;
  }
  return dispatch(&options, argc, argv);
}
