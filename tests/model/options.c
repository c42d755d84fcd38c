/* SPDX-License-Identifier: BSD-2-Clause */
/* options.c - the command line of one campaign. */
#include "options.h"

#include <stdarg.h>
#include <stdlib.h>

void options_usage(FILE *file)
{
  fputs(
      "usage: NAME [options]      run schedules of one structure (`list` names them)\n"
      "       mutate NAME [options]   weaken every memory order, drop every fence and step, one by one\n"
      "       list\n"
      "  --threads N --ops N       random programs: threads, and operations of each (2, 2)\n"
      "  --program 'pg|g'          this program: keys of the operations of each thread; --mix pg: random ones of these keys\n"
      "  --capacity N --segment N --start N   of the object: bound, segment size, first ticket\n"
      "  --weak                    C11 weak memory instead of sequential consistency\n"
      "  --mode walk|pct|dfs       sticky random walk; PCT with --depth N (3); all schedules with at most --preemptions N (2)\n"
      "  --stale N                 weak loads in one schedule that may miss the newest store (dfs: 3, else any number)\n"
      "  --schedules 1e6 --seconds S --seed S   how many, from which seed\n"
      "  --freeze                  one thread stops for ever somewhere; others must end within --own-steps N (2000)\n"
      "  --handlers                signal handlers run the structure's handler operation anywhere, nested to depth 2\n"
      "  --faults                  allocations fail; --reuse: freed memory comes back at once; --exits: threads' ends too\n"
      "  --late                    threads make themselves known inside the schedule\n"
      "  --again                   threads have used another object at the same place, which has ended\n"
      "  --steps N                 limit of one schedule (20000)\n"
      "  --replay SEED             one schedule; --decisions 5=2,17=1 with --program: a shrunk one\n"
      "  --sites                   also prints which lines of the structure were reached, and how often\n"
      "  --quiet\n",
      file);
}

const struct pawl_check_subject *subject_find(const struct pawl_check_subject *subjects, const char *name)
{
  for (; subjects->name != NULL; subjects++)
    if (strcmp(subjects->name, name) == 0)
      return subjects;
  return NULL;
}

bool options_silent;

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
  va_list args;
  if (options_silent)
    return;
  va_start(args, format);
  fputs("pawl-check: ", stderr);
  vfprintf(stderr, format, args);
  fputs("\n", stderr);
  va_end(args);
}

static bool number(const char *text, double least, double most, double *out)
{
  char *end;
  double value = text != NULL ? strtod(text, &end) : 0;
  if (text == NULL || end == text || *end != 0 || value < least || value > most)
    return false;
  *out = value;
  return true;
}

static bool read_mode(const char *text, struct config *c)
{
  if (text == NULL)
    return false;
  if (strcmp(text, "walk") == 0)
    c->source = FROM_WALK;
  else if (strcmp(text, "pct") == 0)
    c->source = FROM_PCT;
  else if (strcmp(text, "dfs") == 0)
    c->source = FROM_DFS;
  else
    return false;
  return true;
}

/* Options without a value. */
static bool read_flag(const char *name, struct options *o)
{
  struct {
    const char *name;
    bool *flag;
    bool value;
  } flags[] = {
      {"--weak", &o->config.weak, true},       {"--freeze", &o->config.freeze, true}, {"--handlers", &o->config.handlers, true},
      {"--faults", &o->config.faults, true},   {"--reuse", &o->config.reuse, true},   {"--exits", &o->config.exits, true},
      {"--late", &o->config.late, true},       {"--again", &o->config.again, true},   {"--full", &o->full, true},
      {"--quiet", &o->budget.progress, false}, {"--update", &o->update, true},        {"--sites", &o->sites, true},
  };
  for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
    if (strcmp(name, flags[i].name) == 0) {
      *flags[i].flag = flags[i].value;
      return true;
    }
  }
  return false;
}

static bool read_text(const char *name, const char *value, struct options *o)
{
  struct {
    const char *name;
    const char **text;
  } texts[] = {
      {"--program", &o->config.program}, {"--mix", &o->config.keys}, {"--decisions", &o->decisions}, {"--kills", &o->kills},
      {"--survivors", &o->survivors},    {"--only", &o->only},
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    if (strcmp(name, texts[i].name) == 0) {
      *texts[i].text = value;
      return value != NULL;
    }
  }
  return false;
}

static bool read_seed(const char *value, uint64_t *out)
{
  char *end;
  *out = value != NULL ? strtoull(value, &end, 0) : 0;
  return value != NULL && end != value && *end == 0;
}

static bool read_number(const char *name, const char *value, struct options *o)
{
  struct config *c = &o->config;
  double x;
  if (strcmp(name, "--seed") == 0)
    return read_seed(value, &o->seed);
  if (strcmp(name, "--start") == 0)
    return read_seed(value, &c->setup.start);
  if (strcmp(name, "--replay") == 0)
    return o->replay = read_seed(value, &o->replay_seed);
  if (strcmp(name, "--threads") == 0)
    return number(value, 1, THREADS_MAX, &x) && (c->setup.threads = (int)x) > 0;
  if (strcmp(name, "--ops") == 0)
    return number(value, 1, OPS_MAX, &x) && (c->ops = (int)x) > 0;
  if (strcmp(name, "--capacity") == 0)
    return number(value, 0, 1e15, &x) && (c->setup.capacity = (int64_t)x) >= 0;
  if (strcmp(name, "--segment") == 0)
    return number(value, 0, 4096, &x) && (c->setup.segment = (int64_t)x) >= 0;
  if (strcmp(name, "--depth") == 0)
    return number(value, 1, 16, &x) && (c->depth = (int)x) > 0;
  if (strcmp(name, "--preemptions") == 0)
    return number(value, 0, 1000, &x) && (c->preemptions = (int)x) >= 0;
  if (strcmp(name, "--steps") == 0)
    return number(value, 10, 30000, &x) && (c->steps = (uint32_t)x) > 0;
  if (strcmp(name, "--own-steps") == 0)
    return number(value, 10, 30000, &x) && (c->own_steps = (uint32_t)x) > 0;
  if (strcmp(name, "--stale") == 0)
    return number(value, 1, 30000, &x) && (c->stale = (uint32_t)x) > 0;
  if (strcmp(name, "--schedules") == 0)
    return number(value, 1, 1e18, &x) && (o->budget.schedules = (uint64_t)x) > 0;
  if (strcmp(name, "--seconds") == 0)
    return number(value, 0, 1e9, &o->budget.seconds);
  if (strcmp(name, "--mode") == 0)
    return read_mode(value, c);
  return false;
}

static bool is_sensible(struct options *o)
{
  struct config *c = &o->config;
  const struct pawl_check_subject *s = c->subject;
  const char *wrong = NULL;
  if (c->source == FROM_DFS && c->stale == 0)
    c->stale = 3; /* else a spin loop may look at an old value for ever */
  if ((s->flags & PAWL_CHECK_BOUNDED) != 0 && c->setup.capacity == 0)
    c->setup.capacity = 1;
  if (c->handlers && program_op(s, s->handler) == NULL)
    wrong = "it has no operation for signal handlers";
  if (c->freeze && (s->flags & PAWL_CHECK_LOCK_FREE) == 0)
    wrong = "it does not promise to be lock-free (PAWL_CHECK_LOCK_FREE in its flags)";
  if (c->again && (s->finish == NULL || program_op(s, 'p') == NULL || program_op(s, 'g') == NULL))
    wrong = "it has no end (`finish`), or no operations 'p' and 'g'";
  if (c->setup.threads * c->ops > HISTORY_MAX / 2)
    wrong = "too many operations";
  if (c->setup.capacity != 0 && (s->flags & PAWL_CHECK_UNBOUNDED) != 0)
    wrong = "it has no capacity";
  const char *program = c->program != NULL ? c->program : s->program;
  for (const char *p = c->keys; p != NULL && *p != 0; p++)
    if (program_op(s, *p) == NULL)
      wrong = "the mix has an unknown key";
  for (const char *p = program; p != NULL && *p != 0; p++)
    if (*p != '|' && program_op(s, *p) == NULL)
      wrong = "the program has an unknown key";
  if (wrong != NULL)
    complain("%s: %s", s->name, wrong);
  return wrong == NULL;
}

static int parts(const char *program)
{
  int n = 1;
  for (; *program != 0; program++)
    n += *program == '|';
  return n;
}

bool options_parse(int argc, char **argv, const struct pawl_check_subject *subjects, struct options *o)
{
  *o = (struct options){
      .config = {.ops = 2, .preemptions = 2, .depth = 3, .steps = 20000, .own_steps = 2000, .setup = {.threads = 0}},
      .budget = {.schedules = 1000000, .progress = true},
      .seed = 1,
  };
  o->config.subject = argc > 0 ? subject_find(subjects, argv[0]) : NULL;
  if (o->config.subject == NULL) {
    complain("%s: no such structure; `list` names them", argc > 0 ? argv[0] : "?");
    return false;
  }
  for (int i = 1; i < argc; i++) {
    if (read_flag(argv[i], o))
      continue;
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (!read_text(argv[i], value, o) && !read_number(argv[i], value, o)) {
      complain("option %s %s is wrong", argv[i], value != NULL ? value : "");
      return false;
    }
    i++;
  }
  const char *program = o->config.program != NULL ? o->config.program : o->config.subject->program;
  if (o->config.setup.threads == 0)
    o->config.setup.threads = program != NULL ? parts(program) : 2;
  int most = o->config.subject->threads != 0 ? o->config.subject->threads : THREADS_MAX;
  if (o->config.setup.threads > most) {
    complain("%s: at most %d threads", o->config.subject->name, most);
    return false;
  }
  return is_sensible(o);
}

bool options_parse_text(char *text, const struct pawl_check_subject *subjects, struct options *out)
{
  char *words[62], *save = NULL;
  int n = 0;
  for (char *word = strtok_r(text, " ", &save); word != NULL && n < 62; word = strtok_r(NULL, " ", &save))
    words[n++] = word;
  return options_parse(n, words, subjects, out);
}
