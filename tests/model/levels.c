/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * levels.c - CI and release: the self-test, exhaustive small scopes, random schedules sequentially consistent and weak, and the
 * mutants of each structure, each a process of its own, as many at once as there are jobs. Prints one table.
 */
#include "levels.h"
#include "mutate.h"
#include "self.h"
#include "variations.h"

#include <signal.h>
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
};

/* Shared with the process that runs the task. */
struct result {
  struct outcome outcome;
  struct mutate_result mutants;
  int failed;
  double seconds;
};

enum { TASKS_MAX = 160 };
static struct task tasks[TASKS_MAX];
static int ntasks;
static struct result *results;
static FILE *logs[TASKS_MAX];

static struct {
  bool full;
  double share;
  uint64_t seed;
  int jobs;
  const char *data;
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
    {"simple", 4e6, 1e6, 1e8, 2e7, {"--threads 2 --ops 1 --mix pgGc --preemptions 3"}, NULL},
    {"ring",
     4e6,
     1e6,
     1e8,
     2e7,
     {"--threads 2 --ops 1 --preemptions 100 --mix pgc --capacity 1",
      "--threads 2 --ops 2 --preemptions 3 --mix pg --capacity 2",
      "--threads 3 --ops 1 --preemptions 3 --mix pgc --capacity 1"},
     "--threads 3 --ops 2 --mix pg --preemptions 2 --capacity 2"},
    {"ring-queue", 2e6, 5e5, 1e8, 2e7, {NULL}, NULL},
    {"spsc", 2e6, 5e5, 1e8, 2e7, {"--threads 2 --ops 2 --mix pg --preemptions 4"}, NULL},
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
     "--threads 3 --ops 2 --mix abr --preemptions 2"},
    {"lock-guard", 2e6, 1e6, 1e7, 1e7, {"--threads 3 --ops 1 --preemptions 2"}, NULL},
    {"lock-last", 1e5, 1e5, 1e6, 1e6, {"--preemptions 100"}, NULL},
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
    add((struct task){.kind = TASK_RANDOM, .subject = s, .schedules = level.share * (level.full ? p->full_sc : p->sc)});
    add((struct task){
        .kind = TASK_RANDOM, .subject = s, .weak = true, .schedules = level.share * (level.full ? p->full_weak : p->weak)});
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
    r->failed = explore(&v[i].config, rng_mix(level.seed + (uint64_t)i), &budget, &o) != VERDICT_OK;
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
              (level.full && r->mutants.open != 0);
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

static const char *mode_of(const struct task *t)
{
  static const char *const kinds[] = {"self-test", "all", "random", "mutants"};
  return t->kind == TASK_RANDOM ? t->weak ? "weak random" : "sc random" : kinds[t->kind];
}

static const char *name_of(const struct task *t)
{
  return t->subject != NULL ? t->subject->name : "machine";
}

static void run_all(const struct pawl_check_subject *subjects)
{
  pid_t pids[TASKS_MAX];
  int next = 0, running = 0, done = 0;
  while (done < ntasks) {
    while (running < level.jobs && next < ntasks) {
      pids[next] = start(next, subjects);
      next++;
      running++;
    }
    int status;
    pid_t pid = wait(&status);
    for (int i = 0; i < next; i++) {
      if (pids[i] != pid)
        continue;
      running--;
      done++;
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        results[i].failed = 1;
      fprintf(stderr, "%3d of %d  %-12s %-12s %7.1f s%s\n", done, ntasks, name_of(&tasks[i]), mode_of(&tasks[i]),
              results[i].seconds, results[i].failed ? "  FAILED" : "");
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

static int print_all(double seconds)
{
  int failed = 0;
  printf("\n%-12s %-12s %12s %10s %12s %6s %7s %10s %9s\n", "structure", "mode", "schedules", "rate/s", "histories", "mutants",
         "killed", "survived", "explained");
  for (int i = 0; i < ntasks; i++) {
    print_task(&tasks[i], &results[i]);
    failed += results[i].failed != 0;
  }
  printf("%d tasks, %d failed, seed %llu, %.0f s on %d processes\n", ntasks, failed, (unsigned long long)level.seed, seconds,
         level.jobs);
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
  level.seed = level.full ? (uint64_t)time(NULL) : 1;
  level.jobs = 2;
  level.data = PAWL_CHECK_DATA;
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
    fprintf(stderr, "usage: pawl-check ci|full [--share X] [--seed S] [--jobs N] [--data DIR] [structure ..]\n");
    return 2;
  }
  plan_level(subjects, argc - first, argv + first);
  results = mmap(NULL, sizeof(struct result) * TASKS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (results == MAP_FAILED || ntasks == 0) {
    fprintf(stderr, "pawl-check: nothing to run\n");
    return 2;
  }
  run_all(subjects);
  return print_all(seconds_now() - began) != 0;
}
