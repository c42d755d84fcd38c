/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * levels.c - CI and release: the self-test, exhaustive small scopes, random schedules sequentially consistent and weak, and the
 * mutants of each structure, each a process of its own, as many at once as there are jobs. Prints one table.
 *
 * A release takes hours, so it goes in pieces: each that has ended is a line of a results file (--results; at a release
 * results.tsv beside the file of survivors) with machine, commit and seed, and a run that is begun again with the same level,
 * commit, seed and share takes over what stands there.
 */
#include "levels.h"
#include "mutate.h"
#include "self.h"
#include "variations.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum task_kind { TASK_SELF, TASK_SEARCH, TASK_RANDOM, TASK_MUTANTS };

struct task {
  enum task_kind kind;
  const struct pawl_check_subject *subject;
  bool weak;
  char options[VARIATION_TEXT]; /* TASK_SEARCH */
  double schedules;             /* TASK_MUTANTS: for each */
  int piece, pieces;            /* TASK_RANDOM */
};

/* Shared with the process that runs the task. */
struct result {
  struct outcome outcome;
  struct mutate_result mutants;
  int failed;
  bool over; /* it has ended, now or in the run that is taken up again */
  double seconds;
};

enum { TASKS_MAX = 1024, PIECE = 5000000 };
static struct task tasks[TASKS_MAX];
static int ntasks;
static struct result *results;
static FILE *logs[TASKS_MAX];

static struct {
  bool full;
  double share;
  uint64_t seed;
  int jobs;
  const char *data, *results;
  char commit[64], machine[128];
} level;

/* ---- the plan */

struct plan {
  const char *subject;
  double sc, weak;           /* random schedules in CI */
  double full_sc, full_weak; /* at a release */
  const char *search[4];     /* exhaustive, in CI */
  const char *full_search;   /* and at a release */
};

static const struct plan plans[] = {
    {"fifo",
     4e6,
     1e6,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --mix pg --preemptions 4", "--threads 2 --ops 2 --mix pg --preemptions 2 --capacity 1",
      "--threads 3 --ops 1 --mix pgc --preemptions 2", "--threads 2 --ops 1 --mix PGc --preemptions 3 --capacity 1"},
     "--threads 3 --ops 2 --mix pg --preemptions 2 --capacity 2"},
    {"queue", 4e6, 1e6, 1e8, 2e7, {"--threads 2 --ops 1 --preemptions 2 --capacity 1"}, NULL},
    {"simple",
     4e6,
     1e6,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --mix pgGc --preemptions 3"},
     "--threads 3 --ops 2 --mix pg --preemptions 2"},
    {"ring",
     4e6,
     1e6,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --preemptions 100 --mix pgc --capacity 1",
      "--threads 2 --ops 2 --preemptions 3 --mix pg --capacity 2",
      "--threads 3 --ops 1 --preemptions 3 --mix pgc --capacity 1"},
     "--threads 3 --ops 2 --mix pg --preemptions 2 --capacity 2"},
    {"ring-queue", 2e6, 5e5, 1e8, 2e7, {"--threads 2 --ops 1 --preemptions 2 --capacity 1"}, NULL},
    {"spsc", 2e6, 5e5, 1e8, 2e7, {"--threads 2 --ops 2 --mix pg --preemptions 4", "--program pp|g|x --preemptions 2"}, NULL},
    {"spsc-queue", 1e6, 5e5, 1e8, 2e7, {NULL}, NULL},
    {"prealloc", 4e5, 1e5, 1e8, 2e7, {NULL}, NULL},
    {"custom", 4e5, 3e5, 1e8, 2e7, {"--threads 2 --ops 1 --preemptions 2 --capacity 1"}, NULL},
    {"custom-fails", 3e5, 1e5, 1e8, 2e7, {NULL}, NULL},
    {"lifo",
     1e6,
     3e5,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --mix pgvc --preemptions 4", "--threads 2 --ops 2 --mix pg --preemptions 2 --capacity 1",
      "--threads 3 --ops 1 --mix pgc --preemptions 2"},
     "--threads 3 --ops 2 --mix pg --preemptions 2 --capacity 2"},
    {"lifo-queue", 1e6, 3e5, 1e8, 2e7, {NULL}, NULL},
    {"priority",
     1e6,
     3e5,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --mix pgvc --preemptions 2", "--threads 2 --ops 2 --mix pg --preemptions 1 --capacity 1",
      "--threads 3 --ops 1 --mix pg --preemptions 1"},
     "--threads 2 --ops 2 --mix pg --preemptions 2 --capacity 1"},
    {"priority-queue", 1e6, 3e5, 1e8, 2e7, {NULL}, NULL},
    {"locked", 4e5, 1e5, 1e8, 2e7, {"--threads 2 --ops 1 --mix pg --preemptions 2 --capacity 1"}, NULL},
    {"locked-less", 2e5, 5e4, 1e8, 2e7, {NULL}, NULL},
    {"locked-fails", 2e5, 5e4, 1e8, 2e7, {NULL}, NULL},
    {"relaxed", 4e5, 1e5, 1e8, 2e7, {"--threads 2 --ops 1 --mix pgc --preemptions 2 --capacity 1"}, NULL},
    {"park",
     4e6,
     1e6,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --preemptions 100", "--threads 2 --ops 2 --mix arw --preemptions 3",
      "--threads 3 --ops 1 --mix arwb --preemptions 2"},
     "--threads 3 --ops 2 --mix arw --preemptions 2"},
    {"park-shared", 2e6, 5e5, 1e8, 2e7, {"--threads 3 --ops 1 --mix arwb --preemptions 2"}, NULL},
    {"lock",
     4e6,
     1e6,
     1e8,
     2e7,
     {"--threads 2 --ops 2 --preemptions 2", "--threads 3 --ops 1 --preemptions 3"},
     "--threads 3 --ops 2 --mix ar --preemptions 2"},
    {"lock-guard", 2e6, 1e6, 1e8, 2e7, {"--threads 3 --ops 1 --preemptions 2"}, NULL},
    {"lock-last", 1e5, 1e5, 1e8, 2e7, {"--preemptions 100"}, NULL},
};

static void add(struct task task)
{
  if (ntasks < TASKS_MAX)
    tasks[ntasks++] = task;
}

static bool is_wanted(const char *name, int argc, char **names)
{
  for (int i = 0; i < argc; i++)
    if (strcmp(names[i], name) == 0)
      return true;
  return argc == 0;
}

static void add_search(const struct pawl_check_subject *s, const char *options)
{
  struct task task = {.kind = TASK_SEARCH, .subject = s, .schedules = 1e12};
  snprintf(task.options, sizeof(task.options), "--mode dfs %s", options);
  add(task);
}

static void add_random(const struct pawl_check_subject *s, bool weak, double schedules)
{
  int pieces = (int)(schedules / PIECE);
  if (pieces < 1 || !level.full)
    pieces = 1;
  for (int i = 0; i < pieces; i++)
    add((struct task){
        .kind = TASK_RANDOM, .subject = s, .weak = weak, .schedules = schedules / pieces, .piece = i, .pieces = pieces});
}

static void plan_level(const struct pawl_check_subject *subjects, int argc, char **names)
{
  if (argc == 0 || is_wanted("self", argc, names))
    add((struct task){.kind = TASK_SELF});
  for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
    const struct plan *p = &plans[i];
    const struct pawl_check_subject *s = subject_find(subjects, p->subject);
    if (s == NULL || !is_wanted(p->subject, argc, names))
      continue;
    for (int k = 0; k < 4 && p->search[k] != NULL; k++)
      add_search(s, p->search[k]);
    if (level.full && p->full_search != NULL)
      add_search(s, p->full_search);
    add_random(s, false, level.share * (level.full ? p->full_sc : p->sc));
    add_random(s, true, level.share * (level.full ? p->full_weak : p->weak));
    add((struct task){.kind = TASK_MUTANTS, .subject = s, .schedules = level.share * (level.full ? 1e7 : 2e5)});
  }
}

/* ---- one task, in its own process */

static void run_search(const struct task *t, struct result *r)
{
  static struct variation v;
  struct budget budget = {.schedules = (uint64_t)t->schedules};
  if (!variation_parse(t->subject, t->options, &v)) {
    r->failed = 1;
    return;
  }
  r->failed = explore(&v.config, 1, &budget, &r->outcome) != VERDICT_OK;
  if (r->failed)
    shrink_and_print(&v.config, &r->outcome, "pawl-check");
}

/* All variations in turn, in rounds, each with its share. */
static void run_random(const struct task *t, struct result *r)
{
  static struct variation v[VARIATIONS_MAX];
  int n = variations_of(t->subject, t->weak, v);
  uint64_t each = (uint64_t)(t->schedules / n) + 1;
  for (int i = 0; i < n && !r->failed; i++) {
    struct outcome o;
    struct budget budget = {.schedules = each};
    char command[VARIATION_TEXT + 60];
    snprintf(command, sizeof(command), "pawl-check %s %s", t->subject->name, v[i].text);
    r->failed =
        explore(&v[i].config, rng_mix(rng_mix(level.seed + (uint64_t)t->piece) + (uint64_t)i), &budget, &o) != VERDICT_OK;
    if (r->failed)
      shrink_and_print(&v[i].config, &o, command);
    r->outcome.schedules += o.schedules;
    r->outcome.seconds += o.seconds;
    r->outcome.histories += o.histories;
    if (o.worst_own_steps > r->outcome.worst_own_steps)
      r->outcome.worst_own_steps = o.worst_own_steps;
    if (o.longest > r->outcome.longest)
      r->outcome.longest = o.longest;
  }
}

static void run_mutants(const struct task *t, struct result *r)
{
  static struct options o;
  static char kills[1024], survivors[1024], words[256];
  snprintf(words, sizeof(words), "%s --quiet --only /src/", t->subject->name);
  const struct pawl_check_subject list[2] = {*t->subject, {.name = NULL}};
  if (!options_parse_text(words, list, &o)) {
    r->failed = 1;
    return;
  }
  o.config.subject = t->subject;
  snprintf(kills, sizeof(kills), "%s/kills.txt", level.data);
  snprintf(survivors, sizeof(survivors), "%s/survivors.txt", level.data);
  o.kills = kills;
  o.survivors = survivors;
  o.budget.schedules = (uint64_t)t->schedules;
  o.full = level.full;
  r->failed = !mutate_run(&o, &r->mutants) || r->mutants.unexplained != 0 || r->mutants.faults != 0 ||
              (level.full && (r->mutants.open != 0 || r->mutants.stale != 0));
}

static void run_task(const struct task *t, struct result *r, const struct pawl_check_subject *subjects)
{
  double began = seconds_now();
  switch (t->kind) {
  case TASK_SELF:
    r->failed = self_test(subjects);
    break;
  case TASK_SEARCH:
    run_search(t, r);
    break;
  case TASK_RANDOM:
    run_random(t, r);
    break;
  case TASK_MUTANTS:
    run_mutants(t, r);
    break;
  }
  r->seconds = seconds_now() - began;
}

/* ---- the results file: columns separated by tabs, keys first */

static const char *mode_of(const struct task *t)
{
  static const char *const kinds[] = {"self-test", "all", "random", "mutants"};
  return t->kind == TASK_RANDOM ? t->weak ? "weak random" : "sc random" : kinds[t->kind];
}

static const char *name_of(const struct task *t)
{
  return t->subject != NULL ? t->subject->name : "machine";
}

/* What makes a line that of this task in this run. */
static void key_of(const struct task *t, char *text, size_t size)
{
  snprintf(text, size, "%s\t%s\t%llu\t%g\t%s\t%s\t%s%d/%d\t", level.full ? "full" : "ci", level.commit,
           (unsigned long long)level.seed, level.share, name_of(t), mode_of(t), t->options, t->piece + 1, t->pieces);
}

static void append_result(const struct task *t, const struct result *r)
{
  char key[512], date[32];
  time_t now = time(NULL);
  FILE *file = level.results != NULL ? fopen(level.results, "a") : NULL;
  if (file == NULL)
    return;
  if (ftell(file) == 0)
    fputs("# level, commit, seed, share, structure, mode, piece, verdict, schedules, seconds, histories, own steps beside a "
          "frozen\n"
          "# thread, complete, mutants, killed, explained, open, without a word, stale, faults, spent on mutants, ended, "
          "machine\n",
          file);
  key_of(t, key, sizeof(key));
  strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  fprintf(file, "%s%s\t%llu\t%.1f\t%llu\t%u\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%llu\t%s\t%s\n", key, r->failed ? "FAILED" : "ok",
          (unsigned long long)r->outcome.schedules, r->seconds, (unsigned long long)r->outcome.histories,
          r->outcome.worst_own_steps, r->outcome.complete, r->mutants.mutants, r->mutants.killed, r->mutants.explained,
          r->mutants.open, r->mutants.unexplained, r->mutants.stale, r->mutants.faults,
          (unsigned long long)r->mutants.schedules, date, level.machine);
  fclose(file);
}

/* A line of a task that went well in an earlier run. */
static void take_over(const struct task *t, struct result *r, const char *line)
{
  char key[512], verdict[16];
  unsigned long long schedules, histories, spent;
  int complete;
  struct mutate_result m = {.mutants = 0};
  key_of(t, key, sizeof(key));
  if (strncmp(line, key, strlen(key)) != 0 ||
      sscanf(line + strlen(key), "%15s %llu %lf %llu %u %d %d %d %d %d %d %d %d %llu", verdict, &schedules, &r->seconds,
             &histories, &r->outcome.worst_own_steps, &complete, &m.mutants, &m.killed, &m.explained, &m.open, &m.unexplained,
             &m.stale, &m.faults, &spent) != 14 ||
      strcmp(verdict, "ok") != 0)
    return;
  m.schedules = spent;
  r->mutants = m;
  r->outcome.schedules = schedules;
  r->outcome.histories = histories;
  r->outcome.complete = complete;
  r->outcome.seconds = r->seconds;
  r->over = true;
}

static int read_results(void)
{
  char line[1024];
  int n = 0;
  FILE *file = level.results != NULL ? fopen(level.results, "r") : NULL;
  while (file != NULL && fgets(line, sizeof(line), file) != NULL)
    for (int i = 0; i < ntasks; i++)
      if (!results[i].over)
        take_over(&tasks[i], &results[i], line);
  if (file != NULL)
    fclose(file);
  for (int i = 0; i < ntasks; i++)
    n += results[i].over;
  return n;
}

/* The first line of a command's output. */
static void __attribute__((format(printf, 3, 4))) ask(char *answer, size_t size, const char *format, ...)
{
  char command[4400];
  va_list args;
  va_start(args, format);
  vsnprintf(command, sizeof(command), format, args);
  va_end(args);
  FILE *pipe = popen(command, "r");
  if (pipe == NULL || fgets(answer, (int)size, pipe) == NULL)
    snprintf(answer, size, "unknown");
  if (pipe != NULL)
    pclose(pipe);
  answer[strcspn(answer, "\n\t")] = 0;
}

/* ---- all of them */

static pid_t start(int i, const struct pawl_check_subject *subjects)
{
  logs[i] = tmpfile();
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (logs[i] != NULL)
      dup2(fileno(logs[i]), 1);
    run_task(&tasks[i], &results[i], subjects);
    fflush(NULL);
    _exit(0);
  }
  return pid;
}

static void end_task(int i, int status, int done)
{
  struct result *r = &results[i];
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    r->failed = 1;
  r->over = true;
  append_result(&tasks[i], r);
  if (!r->failed && logs[i] != NULL) {
    fclose(logs[i]);
    logs[i] = NULL;
  }
  fprintf(stderr, "%3d of %d  %-12s %-12s %d/%d %7.1f s  %10.0f/s%s\n", done, ntasks, name_of(&tasks[i]), mode_of(&tasks[i]),
          tasks[i].piece + 1, tasks[i].pieces, r->seconds,
          (double)r->outcome.schedules / (r->seconds > 0.001 ? r->seconds : 0.001), r->failed ? "  FAILED" : "");
}

/* `done` tasks have been taken over. */
static void run_all(const struct pawl_check_subject *subjects, int done)
{
  static pid_t pids[TASKS_MAX];
  int next = 0, running = 0;
  while (done < ntasks) {
    for (; running < level.jobs && next < ntasks; next++) {
      if (results[next].over)
        continue;
      pids[next] = start(next, subjects);
      running++;
    }
    int status;
    pid_t pid = wait(&status);
    if (pid < 0)
      return;
    for (int i = 0; i < next; i++) {
      if (pids[i] != pid)
        continue;
      pids[i] = 0;
      running--;
      end_task(i, status, ++done);
    }
  }
}

static void print_task(const struct task *t, const struct result *r)
{
  printf("%-12s %-12s ", name_of(t), mode_of(t));
  if (t->kind == TASK_MUTANTS) {
    printf("%12llu %10s %12s %6d %7d %10d %9d  ", (unsigned long long)r->mutants.schedules, "", "", r->mutants.mutants,
           r->mutants.killed, r->mutants.unexplained + r->mutants.open, r->mutants.explained);
  } else if (t->kind == TASK_SELF) {
    printf("%12s %10s %12s %6s %7s %10s %9s  ", "", "", "", "", "", "", "");
  } else {
    double seconds = r->outcome.seconds > 0 ? r->outcome.seconds : 1e-9;
    printf("%12llu %10.0f %12llu %6s %7s %10s %9s  ", (unsigned long long)r->outcome.schedules,
           (double)r->outcome.schedules / seconds, (unsigned long long)r->outcome.histories, "", "", "", "");
    if (t->kind == TASK_SEARCH)
      printf("%s%s", t->options + strlen("--mode dfs "), r->outcome.complete ? "" : " (INCOMPLETE)");
    if (r->outcome.worst_own_steps > 0)
      printf("at most %u own steps beside a frozen thread", r->outcome.worst_own_steps);
  }
  printf("%s\n", r->failed ? "  FAILED" : "");
}

static void print_log(FILE *file)
{
  char buffer[4096];
  size_t n;
  rewind(file);
  while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
    fwrite(buffer, 1, n, stdout);
}

/* The pieces of one campaign, as one. */
static void sum_up(int first, struct result *sum)
{
  *sum = results[first];
  for (int i = first + 1; i < ntasks && tasks[i].piece > 0; i++) {
    sum->outcome.schedules += results[i].outcome.schedules;
    sum->outcome.seconds += results[i].outcome.seconds;
    sum->outcome.histories += results[i].outcome.histories;
    if (results[i].outcome.worst_own_steps > sum->outcome.worst_own_steps)
      sum->outcome.worst_own_steps = results[i].outcome.worst_own_steps;
    sum->failed |= results[i].failed;
  }
}

static int print_all(double seconds)
{
  int failed = 0;
  printf("\n%-12s %-12s %12s %10s %12s %6s %7s %10s %9s\n", "structure", "mode", "schedules", "rate/s", "histories", "mutants",
         "killed", "survived", "explained");
  for (int i = 0; i < ntasks; i++) {
    struct result sum;
    sum_up(i, &sum);
    if (tasks[i].piece == 0)
      print_task(&tasks[i], &sum);
    results[i].failed |= !results[i].over;
    failed += results[i].failed != 0;
  }
  printf("%s, commit %s, seed %llu: %d tasks, %d failed, %.0f s on %d processes\n%s\n", level.full ? "release" : "ci",
         level.commit, (unsigned long long)level.seed, ntasks, failed, seconds, level.jobs, level.machine);
  for (int i = 0; i < ntasks; i++) {
    if (results[i].failed && logs[i] != NULL) {
      printf("\n==== %s, %s\n", name_of(&tasks[i]), mode_of(&tasks[i]));
      print_log(logs[i]);
    }
  }
  return failed;
}

static bool read_arguments(int argc, char **argv, int *first)
{
  level.full = strcmp(argv[1], "full") == 0;
  level.share = 1;
  level.seed = 1;
  level.jobs = 2;
  level.data = PAWL_CHECK_DATA;
  level.results = level.full ? PAWL_CHECK_DATA "/results.tsv" : NULL;
  int i = 2;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    if (strcmp(argv[i], "--share") == 0)
      level.share = atof(argv[i + 1]);
    else if (strcmp(argv[i], "--seed") == 0)
      level.seed = strtoull(argv[i + 1], NULL, 0);
    else if (strcmp(argv[i], "--jobs") == 0)
      level.jobs = atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--data") == 0)
      level.data = argv[i + 1];
    else if (strcmp(argv[i], "--results") == 0)
      level.results = argv[i + 1];
    else
      return false;
  }
  *first = i;
  return level.share > 0 && level.jobs > 0 && (i >= argc || argv[i][0] != '-');
}

int levels_main(int argc, char **argv, const struct pawl_check_subject *subjects)
{
  int first;
  double began = seconds_now();
  if (!read_arguments(argc, argv, &first)) {
    fprintf(stderr,
            "usage: pawl-check ci|full [--share X] [--seed S] [--jobs N] [--data DIR] [--results FILE] [structure ..]\n");
    return 2;
  }
  plan_level(subjects, argc - first, argv + first);
  results = mmap(NULL, sizeof(struct result) * TASKS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED || ntasks == 0) {
    fprintf(stderr, "pawl-check: nothing to run\n");
    return 2;
  }
  /* The last that changed what is checked; the files of results do not count. */
  ask(level.commit, sizeof(level.commit),
      "cd '%s' && set -- ../../src ../../include '*.[ch]' planted && h=$(git log -1 --format=%%h -- \"$@\") && echo "
      "$h$(git diff --quiet HEAD -- \"$@\" || echo +changes)",
      PAWL_CHECK_DATA);
  ask(level.machine, sizeof(level.machine),
      "echo $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -srm)");
  run_all(subjects, read_results());
  return print_all(seconds_now() - began) != 0;
}
