/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * survivors.c - gives every survivor of the file its schedules: those with the fewest first, a stretch at a time, one process
 * per job. The file is written after each stretch, so that a run may be broken off and begun again; it goes on with other
 * seeds. What is killed is told with the command that shows it.
 */
#include "levels.h"
#include "mutate.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_MAX = 512, JOBS_MAX = 64, STRETCH = 500000 };

static struct {
  double schedules, seconds;
  int jobs;
  const char *data;
} wanted;

/* Shared with the process at work. */
struct job {
  pid_t pid;
  int at; /* in the list */
  bool failed;
  struct mutate_chunk chunk;
};

static struct mutate_survivor list[LIST_MAX];
static bool busy[LIST_MAX], over[LIST_MAX];
static int count, killed, unknown;

static bool prepare_options(const char *structure, const struct pawl_check_subject *subjects, struct options *o)
{
  static char words[64];
  static struct pawl_check_subject one[2];
  const struct pawl_check_subject *s = subject_find(subjects, structure);
  if (s == NULL)
    return false;
  one[0] = *s;
  snprintf(words, sizeof(words), "%s --quiet", structure);
  return options_parse_text(words, one, o);
}

static void work(struct job *j, const struct pawl_check_subject *subjects)
{
  static struct options o;
  const struct mutate_survivor *s = &list[j->at];
  j->failed = true;
  if (!prepare_options(s->structure, subjects, &o))
    return;
  o.seed = rng_mix(s->schedules);
  for (const char *c = s->key; *c != 0; c++)
    o.seed = rng_mix(o.seed ^ (uint64_t)*c);
  double rest = wanted.schedules - (double)s->schedules;
  o.budget.schedules = rest < STRETCH ? (uint64_t)rest + 1 : STRETCH;
  j->failed = !mutate_one(&o, s->key, &j->chunk);
}

static int next_survivor(void)
{
  int best = -1;
  for (int i = 0; i < count; i++)
    if (!busy[i] && !over[i] && (double)list[i].schedules < wanted.schedules &&
        (best < 0 || list[i].schedules < list[best].schedules))
      best = i;
  return best;
}

static bool start(struct job *j, const struct pawl_check_subject *subjects)
{
  int at = next_survivor();
  if (at < 0)
    return false;
  *j = (struct job){.at = at};
  busy[at] = true;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    work(j, subjects);
    _exit(0);
  }
  j->pid = pid;
  return pid > 0;
}

static double left(void)
{
  double sum = 0;
  for (int i = 0; i < count; i++)
    if (!over[i] && (double)list[i].schedules < wanted.schedules)
      sum += wanted.schedules - (double)list[i].schedules;
  return sum;
}

static void finish(struct job *j, const char *path, int status)
{
  struct mutate_survivor *s = &list[j->at];
  busy[j->at] = false;
  j->pid = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || j->failed) {
    printf("%s\t%s: no such mutant, or no schedule reaches it\n", s->structure, s->key);
    over[j->at] = true;
    unknown++;
    return;
  }
  s->schedules += j->chunk.spent;
  mutate_note_survivor(path, s->structure, s->key, s->schedules);
  if (j->chunk.killed) {
    printf("KILLED after %llu schedules: %s\t%s\t0x%llx\t%s\n", (unsigned long long)s->schedules, s->structure, s->key,
           (unsigned long long)j->chunk.seed, j->chunk.options);
    over[j->at] = true;
    killed++;
  }
  fflush(stdout);
}

static bool read_arguments(int argc, char **argv)
{
  wanted.schedules = SURVIVOR_SCHEDULES;
  wanted.jobs = 2;
  wanted.data = PAWL_CHECK_DATA;
  for (int i = 2; i < argc; i += 2) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (value == NULL)
      return false;
    if (strcmp(argv[i], "--schedules") == 0)
      wanted.schedules = atof(value);
    else if (strcmp(argv[i], "--seconds") == 0)
      wanted.seconds = atof(value);
    else if (strcmp(argv[i], "--jobs") == 0)
      wanted.jobs = atoi(value);
    else if (strcmp(argv[i], "--data") == 0)
      wanted.data = value;
    else
      return false;
  }
  return wanted.schedules >= 1 && wanted.jobs > 0 && wanted.jobs <= JOBS_MAX;
}

static void run(struct job *jobs, const char *path, const struct pawl_check_subject *subjects)
{
  double began = seconds_now();
  int running = 0;
  for (;;) {
    bool late = wanted.seconds > 0 && seconds_now() - began > wanted.seconds;
    for (int i = 0; i < wanted.jobs && !late; i++)
      if (jobs[i].pid == 0)
        running += start(&jobs[i], subjects);
    int status;
    pid_t pid = running > 0 ? wait(&status) : -1;
    if (pid < 0)
      return;
    for (int i = 0; i < wanted.jobs; i++)
      if (jobs[i].pid == pid) {
        running--;
        finish(&jobs[i], path, status);
      }
    fprintf(stderr, "%d survivors, %.1f million schedules to go, %.0f s\n", count, left() / 1e6, seconds_now() - began);
  }
}

int survivors_main(int argc, char **argv, const struct pawl_check_subject *subjects)
{
  char path[4096];
  if (!read_arguments(argc, argv)) {
    fprintf(stderr, "usage: pawl-check survivors [--schedules N] [--seconds S] [--jobs N] [--data DIR]\n");
    return 2;
  }
  snprintf(path, sizeof(path), "%s/survivors.txt", wanted.data);
  count = mutate_survivors(path, list, LIST_MAX);
  struct job *jobs = mmap(NULL, sizeof(struct job) * JOBS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (jobs == MAP_FAILED)
    return 2;
  run(jobs, path, subjects);
  printf("%d survivors, %d of them killed, %d unknown, %.1f million schedules to go\n", count, killed, unknown, left() / 1e6);
  return killed != 0 || unknown != 0;
}
