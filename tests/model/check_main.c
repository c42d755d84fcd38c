/* SPDX-License-Identifier: BSD-2-Clause */
/* check_main.c - pawl_check_main and pawl_check_bytes: the tool around any list of subjects. */
#include "mutate.h"
#include "options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static int list(const struct pawl_check_subject *subjects)
{
  for (const struct pawl_check_subject *s = subjects; s->name != NULL; s++) {
    printf("%-14s %s\n", s->name, s->about != NULL ? s->about : "");
    printf("%-14s ", "");
    for (const struct pawl_check_op *op = s->ops; op->key != 0; op++)
      printf(" %c=%s", op->key, op->name);
    printf("%s\n", (s->flags & PAWL_CHECK_LOCK_FREE) != 0 ? "  (lock-free)" : "");
  }
  return 0;
}

/* The command that runs this campaign again, but for the choice of schedules. */
static const char *command_of(int argc, char **argv, char *text, size_t size)
{
  size_t n = (size_t)snprintf(text, size, "%s", argv[0]);
  for (int i = 1; i < argc && n < size; i++) {
    static const char *const dropped[] = {"--seed", "--replay", "--schedules", "--seconds", "--decisions", "--program"};
    bool drop = false;
    for (size_t k = 0; k < sizeof(dropped) / sizeof(dropped[0]); k++)
      drop |= strcmp(argv[i], dropped[k]) == 0;
    if (drop)
      i++;
    else
      n += (size_t)snprintf(text + n, size - n, " %s", argv[i]);
  }
  return text;
}

static int run_recorded(struct options *o)
{
  static struct recording recording;
  if (o->config.program == NULL && o->config.subject->program == NULL) {
    fprintf(stderr, "pawl-check: --decisions needs --program\n");
    return 2;
  }
  if (!recording_parse(o->decisions, &recording)) {
    fprintf(stderr, "pawl-check: --decisions are pairs 5=2,17=1\n");
    return 2;
  }
  o->config.source = FROM_RECORD;
  model_open(&o->config);
  program_draw(&o->config, 0);
  decide_replay(&recording);
  M.tracing = true;
  trace_begin();
  enum verdict verdict = model_schedule(0);
  M.tracing = false;
  trace_print();
  printf("\n%s: %s\n", verdict_name(verdict), M.why != NULL ? M.why : "no fault");
  return verdict != VERDICT_OK;
}

static int run_seed(struct options *o, const char *command)
{
  struct outcome outcome = {.schedules = 1, .seed = o->replay_seed};
  model_open(&o->config);
  if (o->config.source == FROM_PCT)
    explore_horizon(&o->config);
  program_draw(&o->config, o->replay_seed);
  outcome.verdict = model_schedule(o->replay_seed);
  outcome.why = M.why;
  if (outcome.verdict == VERDICT_OK)
    printf("%s: no fault in schedule 0x%llx\n", o->config.subject->name, (unsigned long long)o->replay_seed);
  else
    shrink_and_print(&o->config, &outcome, command);
  return outcome.verdict != VERDICT_OK;
}

/* How often any site was executed so far: 0 if the subject's operations are not made with the machine's macros. */
static uint64_t steps_seen(void)
{
  size_t n;
  uint64_t hits = 0;
  const struct pawl_check_site *sites = model_sites(&n);
  for (size_t i = 0; i < n; i++)
    hits += sites[i].hits;
  return hits;
}

/* A schedule that makes no step for so long waits for something that the machine does not know. */
enum { WATCH_SECONDS = 5 };

static void on_alarm(int signal)
{
  static uint64_t seen = UINT64_MAX;
  static const char text[] = "pawl-check: an operation waits outside of the machine: a lock or a sleep of the C library, or "
                             "a loop that reads memory without the machine's macros\n";
  uint64_t now = steps_seen();
  (void)signal;
  if (M.running && now == seen) {
    (void)!write(2, text, sizeof(text) - 1);
    _exit(2);
  }
  seen = now;
}

static void watch(void)
{
  const struct itimerval every = {{WATCH_SECONDS, 0}, {WATCH_SECONDS, 0}};
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &every, NULL);
}

/* What the campaign covers: accesses per schedule, line by line; and the lines that it never came to. */
static void print_sites(uint64_t schedules)
{
  size_t n;
  struct pawl_check_site *s = model_sites(&n);
  for (size_t i = 0; i < n; i++) {
    const char *slash = strrchr(s[i].file != NULL ? s[i].file : "", '/');
    if (s[i].function != NULL)
      printf("%12.4f  %s:%u %s(%s)\n", (double)s[i].hits / (double)schedules, slash != NULL ? slash + 1 : s[i].file, s[i].line,
             s[i].function, s[i].text);
  }
}

static int run_campaign(struct options *o, const char *command)
{
  struct outcome outcome;
  if (explore(&o->config, o->seed, &o->budget, &outcome) != VERDICT_OK) {
    shrink_and_print(&o->config, &outcome, command);
    return 1;
  }
  if (steps_seen() == 0) {
    fprintf(stderr,
            "pawl-check: no operation of %s uses the machine's macros, so that nothing was checked (compile with "
            "-DPAWL_CHECK_STDATOMIC -include pawl/check.h)\n",
            o->config.subject->name);
    return 2;
  }
  printf("%s: no fault in %llu schedules%s, %.0f/s, %llu different histories, at most %u steps", o->config.subject->name,
         (unsigned long long)outcome.schedules, outcome.complete ? " (all there are)" : "",
         (double)outcome.schedules / (outcome.seconds > 0 ? outcome.seconds : 1e-9), (unsigned long long)outcome.histories,
         outcome.longest);
  if (o->config.freeze)
    printf(", at most %u own steps of an operation beside a frozen thread", outcome.worst_own_steps);
  printf("\n");
  if (o->sites)
    print_sites(outcome.schedules);
  return 0;
}

static int run_mutate(struct options *o)
{
  struct mutate_result result;
  if (!mutate_run(o, &result))
    return 2;
  mutate_print_total(o->config.subject->name, &result);
  return result.unexplained != 0 || result.open != 0 || result.faults != 0;
}

int pawl_check_main(int argc, char **argv, const struct pawl_check_subject *subjects)
{
  static struct options o;
  char command[1024];
  if (argc >= 2 && strcmp(argv[1], "list") == 0)
    return list(subjects);
  if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
    options_usage(argc < 2 ? stderr : stdout);
    return argc < 2 ? 2 : 0;
  }
  bool mutate = strcmp(argv[1], "mutate") == 0;
  if (!options_parse(argc - 1 - mutate, argv + 1 + mutate, subjects, &o))
    return 2;
  watch();
  if (mutate)
    return run_mutate(&o);
  if (o.decisions != NULL)
    return run_recorded(&o);
  command_of(argc, argv, command, sizeof(command));
  return o.replay ? run_seed(&o, command) : run_campaign(&o, command);
}

int pawl_check_bytes(const struct pawl_check_subject *subjects, const char *options, const void *data, size_t size)
{
  static struct options o;
  static char parsed[512], text[512];
  if (strlen(options) >= sizeof(text))
    return -EINVAL;
  if (strcmp(options, parsed) != 0) {
    strcpy(parsed, options);
    strcpy(text, options);
    if (!options_parse_text(text, subjects, &o))
      return -EINVAL;
    o.config.source = FROM_BYTES;
    model_open(&o.config);
    program_forget();
  }
  /* The first bytes draw the program, so that a fuzzer varies it apart from the schedule. */
  uint64_t programs = 0;
  size_t head = size < 4 ? size : 4;
  memcpy(&programs, data, head);
  program_draw(&o.config, programs);
  decide_bytes((const char *)data + head, size - head);
  struct outcome outcome = {.schedules = 1};
  outcome.verdict = model_schedule(0);
  outcome.why = M.why;
  if (outcome.verdict == VERDICT_OK)
    return 0;
  decide_bytes((const char *)data + head, size - head);
  shrink_and_print(&o.config, &outcome, options);
  parsed[0] = 0;
  return 1;
}
