/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * self.c - the machine tested by itself: litmus programs, planted faults within ten times the schedules that VERIFICATION's
 * table states (medians over seeds), schedules that replay exactly, mutants whose fate is known, sound structures clean.
 */
#include "self.h"
#include "litmus.h"
#include "mutate.h"

#include <stdarg.h>
#include <stdlib.h>

enum { SEEDS = 15 };

static int failures;

static void __attribute__((format(printf, 2, 3))) line(bool good, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  printf("%s ", good ? "  ok  " : "FAILED");
  vprintf(format, args);
  printf("\n");
  fflush(stdout);
  va_end(args);
  failures += !good;
}

/* ---- litmus */

static void test_litmus(void)
{
  for (const struct litmus_test *t = litmus_tests; t->subject.name != NULL; t++) {
    struct config c = {.subject = &t->subject, .source = FROM_DFS, .weak = true, .steps = 1000, .stale = 8};
    struct budget budget = {.schedules = 20000000};
    struct outcome out;
    for (const char *p = t->subject.program; *p != 0; p++)
      c.setup.threads += *p != '|';
    c.preemptions = c.setup.threads < 4 ? 100 : 4;
    bool seen = explore(&c, 1, &budget, &out) != VERDICT_OK;
    static const char *const words[] = {"allowed", "forbidden", "allowed, not shown"};
    line(seen == (t->expected == LITMUS_SHOWN) && (seen || out.complete), "litmus %-20s %-64s %-18s %8llu schedules",
         t->subject.name, t->subject.about, words[t->expected], (unsigned long long)out.schedules);
  }
}

/* ---- planted faults */

static int by_value(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* The median over seeds of the schedules until a fault is found; 0: not found within the bound. */
static uint64_t median(struct options *o, uint64_t bound, bool deterministic)
{
  uint64_t spent[SEEDS];
  int seeds = deterministic ? 1 : SEEDS;
  for (int i = 0; i < seeds; i++) {
    struct outcome out;
    struct budget budget = {.schedules = 4 * bound};
    spent[i] = explore(&o->config, (uint64_t)(i + 1) * 1000003, &budget, &out) != VERDICT_OK ? out.schedules : UINT64_MAX;
  }
  qsort(spent, (size_t)seeds, sizeof(spent[0]), by_value);
  return spent[seeds / 2] <= bound ? spent[seeds / 2] : 0;
}

static const struct planted {
  const char *what, *options;
  uint64_t bound; /* ten times the table, or what a fault of the kind may take */
} planted[] = {
    {"missing sequence check, walk", "no-stamp --program p|g --capacity 1", 40},
    {"missing sequence check, PCT", "no-stamp --program p|g --capacity 1 --mode pct", 20},
    {"missing sequence check, search", "no-stamp --program p|g --capacity 1 --mode dfs", 56430},
    {"no recheck before sleep, walk", "lost-wakeup", 160},
    {"no recheck before sleep, PCT", "lost-wakeup --mode pct", 290},
    {"no recheck before sleep, search", "lost-wakeup --program a|r --mode dfs", 2920},
    {"naive EMPTY, walk", "h2 --capacity 2", 280},
    {"naive EMPTY, PCT", "h2 --capacity 2 --mode pct", 1060},
    {"naive EMPTY, search", "h2 --capacity 2 --mode dfs", 22310},
    {"weak: waiter's fence, walk", "waiter-fence --weak", 7060},
    {"weak: waiter's fence, PCT", "waiter-fence --weak --mode pct", 19820},
    {"weak: waiter's fence, search", "waiter-fence --weak --program a|r --mode dfs", 4450},
    {"weak: index CAS (H4), walk", "h4 --weak --capacity 2 --ops 3", 764130},
    {"weak: index CAS (H4), PCT", "h4 --weak --capacity 2 --ops 3 --mode pct", 764130},
    {"weak: index CAS (H4), search", "h4 --weak --capacity 2 --program pgg|pp --mode dfs --preemptions 3", 764130},
    {"H1 ring of one", "h1 --capacity 1", 40},
    {"H3 one wake for a ring", "h3 --capacity 2 --threads 4 --ops 1", 20000},
    {"H5 turns at the wrap", "h5 --capacity 3 --ops 3 --start 4294967294", 400},
    {"H6 waits for a peer, frozen", "h6 --freeze", 620},
    {"H6 waits for a peer, in a handler", "h6 --handlers", 620},
    {"H11 reservations, plain model", "h11 --capacity 1 --threads 3", 400},
    {"order: publish", "order-publish --weak", 100},
    {"order: receive", "order-receive --weak", 100},
    {"order: return", "order-return --weak", 100},
    {"order: reuse", "order-reuse --weak", 100},
    {"lost wake-up by a late epoch", "late-epoch", 2000},
    {"too few wakes", "wake-too-few --mix aw --threads 3", 20000},
    {"premature free", "premature-free --threads 3", 1000},
    {"premature free, weak", "premature-free --weak", 1000},
    {"premature free and ABA, reuse", "premature-free --weak --reuse --threads 3 --ops 3", 1000},
    {"ABA", "aba --threads 3 --ops 3", 2000},
    {"spurious EMPTY", "spurious-empty", 1000},
    {"last touch", "last-touch", 100},
};

static const struct {
  const char *what, *options;
} sound[] = {
    {"a right ring", "ring-right --capacity 2 --threads 3"},
    {"a right ring, weak", "ring-right --capacity 2 --ops 3 --weak"},
    {"a right ring, two threads, all schedules", "ring-right --capacity 1 --ops 1 --mode dfs --preemptions 100"},
    {"a right eventcount", "gate-right --threads 3"},
    {"a right eventcount, weak", "gate-right --weak"},
    {"H11 under the model with two points", "h11-two-point --capacity 1 --threads 3"},
    {"H5 without a wrap", "h5 --capacity 3 --ops 3"},
};

static bool read_options(const char *text, const struct pawl_check_subject *subjects, struct options *o)
{
  static char words[256];
  snprintf(words, sizeof(words), "%s", text);
  return options_parse_text(words, subjects, o);
}

static void test_planted(const struct pawl_check_subject *subjects)
{
  static struct options o;
  for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
    const struct planted *p = &planted[i];
    uint64_t found = 0;
    if (read_options(p->options, subjects, &o))
      found = median(&o, p->bound, o.config.source == FROM_DFS);
    line(found != 0, "planted %-34s found after %7llu schedules, at most %7llu   %s", p->what, (unsigned long long)found,
         (unsigned long long)p->bound, p->options);
  }
  for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++) {
    struct outcome out = {.verdict = VERDICT_USE};
    struct budget budget = {.schedules = 50000};
    if (read_options(sound[i].options, subjects, &o))
      (void)explore(&o.config, 7, &budget, &out);
    line(out.verdict == VERDICT_OK, "sound   %-41s %s", sound[i].what, sound[i].options);
  }
}

/* ---- schedules come back */

static uint64_t fingerprint(void)
{
  uint64_t hash = M.step;
  for (int i = 0; i < M.history.n; i++) {
    const struct history_op *op = &M.history.op[i];
    hash = rng_mix(hash ^ op->invoked ^ op->returned << 16 ^ op->out << 32 ^ (uint64_t)(uint32_t)op->result << 8);
  }
  return rng_mix(hash ^ (uint64_t)M.verdict);
}

static void test_determinism(const struct pawl_check_subject *subjects, const char *options)
{
  static struct options o;
  static struct recording recording;
  int differ = 0;
  if (!read_options(options, subjects, &o)) {
    line(false, "replay  %s", options);
    return;
  }
  model_open(&o.config);
  if (o.config.source == FROM_PCT)
    explore_horizon(&o.config);
  for (uint64_t seed = 1; seed <= 3000; seed++) {
    struct config replay = o.config;
    program_draw(&o.config, seed);
    (void)model_schedule(seed);
    uint64_t first = fingerprint();
    M.recording = true;
    (void)model_schedule(seed);
    differ += fingerprint() != first;
    recording.n = model_record.n;
    memcpy(recording.at, model_record.at, (size_t)recording.n * sizeof(recording.at[0]));
    replay.source = FROM_RECORD;
    M.config = &replay;
    decide_replay(&recording);
    (void)model_schedule(0);
    differ += fingerprint() != first;
    M.config = &o.config;
    M.recording = false;
  }
  line(differ == 0, "replay  3000 schedules from their seeds and from their recordings: %d differ   %s", differ, options);
}

/* ---- mutants whose fate is known */

static void test_mutator(const struct pawl_check_subject *subjects, const char *options, int killed, int survived)
{
  static struct options o;
  struct mutate_result r = {.mutants = 0};
  bool ran = read_options(options, subjects, &o);
  if (ran) {
    o.budget.progress = false;
    o.quiet_survivors = true;
    ran = mutate_run(&o, &r);
  }
  line(ran && r.faults == 0 && r.killed == killed && r.unexplained == survived,
       "mutants %d killed and %d survived, %d and %d expected   %s", r.killed, r.unexplained, killed, survived, options);
}

int self_test(const struct pawl_check_subject *subjects)
{
  failures = 0;
  test_litmus();
  test_planted(subjects);
  test_determinism(subjects, "ring-right --capacity 2 --threads 3");
  test_determinism(subjects, "queue --capacity 1 --threads 3 --weak");
  test_determinism(subjects, "queue --capacity 2 --threads 3 --mode pct");
  test_determinism(subjects, "priority --reuse --threads 3 --weak");
  test_determinism(subjects, "simple --handlers --faults --freeze");
  test_determinism(subjects, "fifo --weak --reuse --exits --faults");
  test_mutator(subjects, "ring-right --schedules 60000", 6, 4);
  printf("%d tests of the machine failed\n", failures);
  return failures;
}
