/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutate.c - does the machine notice if a memory order is weaker, a fence is missing, a step is skipped?
 *
 * A mutant is one site of the source changed at run time: the order one step down (and further down where the machine did
 * not notice), the fence dropped, the step not taken. It runs under all variations of the structure (threads, operations,
 * capacity, mode) with growing budgets until a schedule fails: it is killed, and the schedule's seed is kept, so that the
 * next run kills it by one schedule. A mutant whose site no schedule reaches has not survived, it was not tried; it counts
 * nowhere. What survives must stand in the file of survivors, with the schedules spent and a reason; otherwise the run fails.
 * There the weakest order of a site stands for the stronger ones, since a weaker order allows all that a stronger one allows. A
 * reason that begins with "open" is none yet, and fewer than SURVIVOR_SCHEDULES are no proof: both pass in CI and fail at a
 * release. What one structure kills or has kept alive for long enough need not be tried by the others that share the code.
 * Mutation analysis is DeMillo, Lipton and Sayward (Computer 11(4), 1978).
 *
 * Sites are named by file, function, operation and text, and numbered among equal ones, so that names outlive changed lines.
 */
#include "mutate.h"
#include "variations.h"

#include <stdlib.h>

enum { MUTANTS_MAX = 2048, KEY_MAX = 200, NOTES_MAX = 2048, SKIPPED = 100 };

struct mutant {
  struct pawl_check_site *site; /* one of its group */
  uint8_t to;                   /* order, or SKIPPED */
  bool killed;
  bool survived; /* and stands nowhere */
  char key[KEY_MAX];
};

/* A line of the file of kills or of survivors. */
struct note {
  char *structure, *key, *options, *reason;
  uint64_t number; /* seed, or schedules */
  bool met;        /* there is such a mutant */
};

static struct mutant mutants[MUTANTS_MAX];
static int nmutants;
static struct note kills[NOTES_MAX], survivors[NOTES_MAX];
static int nkills, nsurvivors;

/* ---- sites and groups */

static const char *base_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

static bool same_group(const struct pawl_check_site *a, const struct pawl_check_site *b)
{
  return a->line == b->line && a->access == b->access && a->written == b->written && strcmp(a->text, b->text) == 0 &&
         strcmp(base_name(a->file), base_name(b->file)) == 0;
}

/* Copies of one source site in several objects share a group: the index of the first of them. */
static void group_sites(void)
{
  size_t n;
  struct pawl_check_site *s = model_sites(&n);
  for (size_t i = 0; i < n; i++) {
    s[i].group = (uint32_t)i;
    for (size_t j = 0; j < i; j++) {
      if (same_group(&s[i], &s[j])) {
        s[i].group = s[j].group;
        break;
      }
    }
  }
}

static uint64_t group_hits(const struct pawl_check_site *s, size_t n, uint32_t group)
{
  uint64_t hits = 0;
  for (size_t i = 0; i < n; i++)
    if (s[i].group == group)
      hits += s[i].hits;
  return hits;
}

static void apply(const struct mutant *m, bool on)
{
  size_t n;
  struct pawl_check_site *s = model_sites(&n);
  for (size_t i = 0; i < n; i++) {
    if (s[i].group != m->site->group)
      continue;
    s[i].skip = on && m->to == SKIPPED;
    s[i].order = on && m->to != SKIPPED ? m->to : s[i].written;
  }
}

/* ---- the mutants of a site */

static const char *access_name(unsigned access)
{
  static const char *const names[] = {"load", "store", "cas",   "swap",  "add",  "or",
                                      "and",  "fence", "plain", "plain", "step", "-"};
  return names[access];
}

static const char *order_name(unsigned order)
{
  static const char *const names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
  return order == SKIPPED ? "skipped" : names[order];
}

/* How many sites on earlier lines have the same name: compilers emit them in orders of their own. */
static int ordinal(const struct pawl_check_site *first, const struct pawl_check_site *site)
{
  size_t count;
  int n = 0;
  (void)model_sites(&count);
  for (const struct pawl_check_site *s = first; s != first + count; s++)
    n += s->group == (uint32_t)(s - first) && s->line < site->line && s->access == site->access &&
         s->written == site->written && strcmp(s->text, site->text) == 0 && strcmp(s->function, site->function) == 0 &&
         strcmp(base_name(s->file), base_name(site->file)) == 0;
  return n;
}

static void add_mutant(struct pawl_check_site *first, struct pawl_check_site *site, unsigned to)
{
  if (nmutants == MUTANTS_MAX)
    return;
  struct mutant *m = &mutants[nmutants++];
  int n = ordinal(first, site);
  m->site = site;
  m->to = (uint8_t)to;
  m->killed = m->survived = false;
  int length = snprintf(m->key, sizeof(m->key), "%s:%s %s(%s)", base_name(site->file), site->function,
                        access_name(site->access), site->text);
  if (n > 0)
    length += snprintf(m->key + length, sizeof(m->key) - (size_t)length, "#%d", n + 1);
  if (site->access == PAWL_CHECK_A_STEP)
    snprintf(m->key + length, sizeof(m->key) - (size_t)length, " skipped");
  else
    snprintf(m->key + length, sizeof(m->key) - (size_t)length, " %s>%s", order_name(site->written), order_name(to));
}

/* acquire and release are neither weaker than the other. */
static bool is_weaker(unsigned order, unsigned than)
{
  if (order == __ATOMIC_RELAXED || than == __ATOMIC_SEQ_CST)
    return order != than;
  return than == __ATOMIC_ACQ_REL && (order == __ATOMIC_ACQUIRE || order == __ATOMIC_RELEASE);
}

/* The orders below the written one, each after those that are stronger. */
static void add_weaker(struct pawl_check_site *first, struct pawl_check_site *s)
{
  static const uint8_t loads[] = {__ATOMIC_ACQUIRE, __ATOMIC_RELAXED};
  static const uint8_t stores[] = {__ATOMIC_RELEASE, __ATOMIC_RELAXED};
  static const uint8_t both[] = {__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE, __ATOMIC_RELEASE, __ATOMIC_RELAXED};
  const uint8_t *down = s->access == PAWL_CHECK_A_LOAD ? loads : s->access == PAWL_CHECK_A_STORE ? stores : both;
  int n = down == both ? 4 : 2;
  if (s->access == PAWL_CHECK_A_FENCE)
    n = s->written == __ATOMIC_SEQ_CST;
  for (int i = 0; i < n; i++)
    if (is_weaker(down[i], s->written))
      add_mutant(first, s, down[i]);
  if (s->access == PAWL_CHECK_A_FENCE)
    add_mutant(first, s, SKIPPED);
}

static void collect(const char *only)
{
  size_t n;
  struct pawl_check_site *s = model_sites(&n);
  nmutants = 0;
  for (size_t i = 0; i < n; i++) {
    if (s[i].group != i || group_hits(s, n, (uint32_t)i) == 0 || (only != NULL && strstr(s[i].file, only) == NULL))
      continue;
    if (s[i].access == PAWL_CHECK_A_STEP)
      add_mutant(s, &s[i], SKIPPED);
    else if (s[i].access < PAWL_CHECK_A_PLAIN_LOAD)
      add_weaker(s, &s[i]);
  }
}

/* ---- variations: the weak ones, then the others for steps */

static struct variation variations[2 * VARIATIONS_MAX];
static int nvariations;

/* The options of a campaign as words, for the file of kills. */
static void describe(const struct config *c, char *text, size_t size)
{
  static const char *const modes[] = {[FROM_WALK] = "walk", [FROM_PCT] = "pct", [FROM_DFS] = "dfs"};
  const struct {
    bool on;
    const char *word;
  } flags[] = {{c->weak, " --weak"},   {c->exits, " --exits"}, {c->late, " --late"},     {c->faults, " --faults"},
               {c->again, " --again"}, {c->reuse, " --reuse"}, {c->freeze, " --freeze"}, {c->handlers, " --handlers"}};
  int n = snprintf(text, size, "--threads %d --program %s --capacity %lld --segment %lld --start %llu --mode %s --depth %d",
                   c->setup.threads, c->program, (long long)c->setup.capacity, (long long)c->setup.segment,
                   (unsigned long long)c->setup.start, modes[c->source], c->depth);
  for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && n > 0 && (size_t)n < size; i++)
    if (flags[i].on)
      n += snprintf(text + n, size - (size_t)n, "%s", flags[i].word);
}

static void vary(const struct options *o)
{
  if (o->config.program != NULL) { /* the user aims */
    nvariations = 1;
    variations[0].config = o->config;
    describe(&o->config, variations[0].text, sizeof(variations[0].text));
    return;
  }
  nvariations = variations_of(o->config.subject, true, variations);
  nvariations += variations_of(o->config.subject, false, variations + nvariations);
}

/* ---- the files: columns separated by tabs */

static int read_notes(const char *path, struct note *notes, bool reasons)
{
  char *line = NULL;
  size_t size = 0;
  int n = 0;
  FILE *file = path != NULL ? fopen(path, "r") : NULL;
  while (file != NULL && n < NOTES_MAX && getline(&line, &size, file) > 0) {
    char *save = NULL, *copy = strdup(line);
    if (copy[0] == '#' || copy[0] == '\n')
      continue;
    notes[n].structure = strtok_r(copy, "\t\n", &save);
    notes[n].key = strtok_r(NULL, "\t\n", &save);
    char *number = strtok_r(NULL, "\t\n", &save), *rest = strtok_r(NULL, "\t\n", &save);
    if (number == NULL || rest == NULL)
      continue;
    notes[n].number = strtoull(number, NULL, 0);
    *(reasons ? &notes[n].reason : &notes[n].options) = rest;
    n++;
  }
  free(line);
  if (file != NULL)
    fclose(file);
  return n;
}

static struct note *find_note(struct note *notes, int n, const char *structure, const char *key)
{
  for (int i = 0; i < n; i++)
    if (strcmp(notes[i].structure, structure) == 0 && strcmp(notes[i].key, key) == 0)
      return &notes[i];
  return NULL;
}

/* A site that several structures share need be proven by one of them only. */
static struct note *find_elsewhere(struct note *notes, int n, const char *key)
{
  for (int i = 0; i < n; i++)
    if (strcmp(notes[i].key, key) == 0)
      return &notes[i];
  return NULL;
}

static bool is_stronger(const char *order, const char *weak)
{
  if (strcmp(order, weak) == 0 || strcmp(weak, "skipped") == 0 || strcmp(weak, "relaxed") == 0)
    return strcmp(order, "skipped") != 0 || strcmp(order, weak) == 0;
  return strcmp(order, "acq_rel") == 0 && (strcmp(weak, "acquire") == 0 || strcmp(weak, "release") == 0);
}

/* Whether both are of one site, and the second is as weak or weaker. */
static bool covers(const char *key, const char *weak)
{
  const char *order = strrchr(key, '>'), *other = strrchr(weak, '>');
  if (order == NULL || other == NULL)
    return strcmp(key, weak) == 0;
  return order - key == other - weak && strncmp(key, weak, (size_t)(order - key)) == 0 && is_stronger(order + 1, other + 1);
}

static struct note *find_survivor(const char *key)
{
  struct note *exact = find_elsewhere(survivors, nsurvivors, key);
  for (int i = 0; i < nsurvivors && exact == NULL; i++)
    if (covers(key, survivors[i].key))
      return &survivors[i];
  return exact;
}

static bool is_open(const struct note *n)
{
  return strncmp(n->reason, "open", 4) == 0;
}

static void note_kill(const char *structure, const char *key, const char *options, uint64_t seed)
{
  struct note *k = find_note(kills, nkills, structure, key);
  if (k == NULL && nkills < NOTES_MAX)
    k = &kills[nkills++];
  if (k == NULL)
    return;
  *k = (struct note){.structure = strdup(structure), .key = strdup(key), .options = strdup(options), .number = seed};
}

static void write_kills(const char *path)
{
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    perror(path);
    return;
  }
  fputs("# Which schedule kills which mutant: structure, mutant, seed, options. Written by pawl-check mutate --update.\n",
        file);
  for (int i = 0; i < nkills; i++)
    fprintf(file, "%s\t%s\t0x%llx\t%s\n", kills[i].structure, kills[i].key, (unsigned long long)kills[i].number,
            kills[i].options);
  fclose(file);
}

/* New survivors, of each site the weakest, and the notes that there are, less those of this structure that no mutant fits. */
static void write_survivors(const char *path, const char *structure)
{
  char name[4096];
  snprintf(name, sizeof(name), "%s.new", path);
  FILE *file = fopen(name, "w");
  if (file == NULL) {
    perror(name);
    return;
  }
  fputs("# Mutants that no schedule has killed: structure, mutant, schedules spent, reason. The weakest order of a site stands "
        "for the\n"
        "# stronger ones. A reason that begins with \"open\" is none yet: pawl-check ci counts it as survived, pawl-check full "
        "fails.\n",
        file);
  for (int i = 0; i < nsurvivors; i++) {
    const struct note *n = &survivors[i];
    if (n->met || structure == NULL || strcmp(n->structure, structure) != 0)
      fprintf(file, "%s\t%s\t%llu\t%s\n", n->structure, n->key, (unsigned long long)n->number, n->reason);
  }
  for (int i = 0; i < nmutants && structure != NULL; i++) {
    bool weakest = mutants[i].survived;
    for (int k = 0; k < nmutants; k++)
      weakest &= k == i || !mutants[k].survived || !covers(mutants[i].key, mutants[k].key);
    if (weakest)
      fprintf(file, "%s\t%s\t0\topen: no argument yet\n", structure, mutants[i].key);
  }
  if (fclose(file) != 0 || rename(name, path) != 0)
    perror(path);
}

/* ---- killing */

static bool replay_kill(const struct options *o, const struct note *k)
{
  static struct variation v;
  if (!variation_parse(o->config.subject, k->options, &v))
    return false;
  model_open(&v.config);
  if (v.config.source == FROM_PCT)
    explore_horizon(&v.config);
  program_draw(&v.config, k->number);
  return model_schedule(k->number) != VERDICT_OK;
}

/* All variations with growing budgets. Returns the killing variation, or -1. */
static int hunt(const struct options *o, const struct mutant *m, uint64_t limit, struct outcome *out, uint64_t *spent)
{
  double began = seconds_now();
  bool order = m != NULL && m->to != SKIPPED;
  for (uint64_t share = 500, round = 0; *spent < limit; share = share < 100000 ? share * 4 : share, round++) {
    for (int v = 0; v < nvariations && *spent < limit; v++) {
      struct budget budget = {.schedules = share, .seconds = 0};
      if (order && !variations[v].config.weak)
        continue;
      enum verdict verdict = explore(&variations[v].config, rng_mix(o->seed + round * 64 + (uint64_t)v), &budget, out);
      *spent += out->schedules;
      if (verdict != VERDICT_OK)
        return v;
      if (o->budget.seconds > 0 && seconds_now() - began > o->budget.seconds)
        return -1;
    }
  }
  return -1;
}

static void report(const struct options *o, const struct mutant *m, const char *what, uint64_t spent, const char *detail)
{
  if (o->budget.progress || (strcmp(what, "SURVIVED") == 0 && !o->quiet_survivors))
    printf("  %-9s %-90s %10llu  %s\n", what, m->key, (unsigned long long)spent, detail);
  fflush(stdout);
}

static uint64_t hits_of(const struct mutant *m)
{
  size_t n;
  struct pawl_check_site *s = model_sites(&n);
  return group_hits(s, n, m->site->group);
}

static void count_survivor(const struct options *o, struct mutant *m, struct note *kept, uint64_t spent,
                           struct mutate_result *r)
{
  if (kept == NULL) {
    m->survived = true;
    r->unexplained++;
    report(o, m, "SURVIVED", spent, "not in the file of survivors");
    return;
  }
  bool open = is_open(kept) || (o->full && kept->number < SURVIVOR_SCHEDULES);
  *(open ? &r->open : &r->explained) += 1;
  report(o, m, open ? "open" : "explained", spent, kept->reason);
}

/* True if it was killed. */
static bool try_mutant(const struct options *o, struct mutant *m, struct mutate_result *r)
{
  const char *structure = o->config.subject->name;
  struct note *known = find_note(kills, nkills, structure, m->key), *kept = find_survivor(m->key);
  struct outcome out;
  uint64_t spent = 0, limit = o->budget.schedules;
  int v = -1;
  if (kept != NULL && known == NULL && (strcmp(kept->key, m->key) != 0 || strcmp(kept->structure, structure) != 0)) {
    r->mutants++;
    count_survivor(o, m, kept, 0, r);
    return false;
  }
  struct note *elsewhere = known == NULL ? find_elsewhere(kills, nkills, m->key) : NULL;
  r->mutants++;
  if (elsewhere != NULL) {
    r->killed++;
    report(o, m, "killed", 0, elsewhere->structure);
    return true;
  }
  uint64_t hits = hits_of(m);
  apply(m, true);
  bool replayed = known != NULL && replay_kill(o, known);
  if (!replayed)
    v = hunt(o, m, kept != NULL ? limit / 20 + 1 : limit, &out, &spent); /* `survivors` spends the rest */
  apply(m, false);
  r->schedules += spent + 1;
  if (replayed) {
    r->killed++;
    report(o, m, "killed", 1, "by its kept seed");
    return true;
  }
  if (v >= 0) {
    char detail[VARIATION_TEXT + 120];
    snprintf(detail, sizeof(detail), "%s: %s (%s)", verdict_name(out.verdict), out.why, variations[v].text);
    report(o, m, "killed", spent, detail);
    note_kill(structure, m->key, variations[v].text, out.seed);
    r->killed++;
    return true;
  }
  if (m->to != SKIPPED && hits_of(m) == hits) {
    r->mutants--;
    report(o, m, "untried", spent, "no schedule came to its site");
    return false;
  }
  count_survivor(o, m, kept, spent, r);
  return false;
}

/* Whether a stronger order at its site has been killed already. */
static bool is_dead(const struct mutant *m)
{
  for (const struct mutant *s = mutants; s != m; s++)
    if (s->killed && s->site == m->site && m->to != SKIPPED && is_weaker(m->to, s->to))
      return true;
  return false;
}

static bool is_sound(const struct options *o, struct mutate_result *r)
{
  struct outcome out;
  uint64_t spent = 0;
  int v = hunt(o, NULL, (uint64_t)nvariations * 2000, &out, &spent);
  r->schedules += spent;
  if (v < 0)
    return true;
  printf("  the structure fails without any mutation: %s: %s (%s, seed 0x%llx)\n", verdict_name(out.verdict), out.why,
         variations[v].text, (unsigned long long)out.seed);
  r->faults++;
  return false;
}

static void prepare(const struct options *o)
{
  size_t n;
  struct pawl_check_site *s = model_sites(&n);
  nkills = read_notes(o->kills, kills, false);
  nsurvivors = read_notes(o->survivors, survivors, true);
  group_sites();
  for (size_t i = 0; i < n; i++)
    s[i].hits = 0;
  vary(o);
}

/* Notes of this structure that name no mutant: the source has changed under them. */
static int count_stale(const struct options *o)
{
  int stale = 0;
  for (int i = 0; i < nmutants; i++) {
    struct note *n = find_elsewhere(survivors, nsurvivors, mutants[i].key);
    if (n != NULL)
      n->met = true;
  }
  for (int i = 0; i < nsurvivors; i++) {
    if (survivors[i].met || strcmp(survivors[i].structure, o->config.subject->name) != 0)
      continue;
    if (o->only == NULL || strcmp(o->only, "/src/") == 0) {
      printf("  stale     %s: there is no such mutant any more\n", survivors[i].key);
      stale++;
    } else {
      survivors[i].met = true;
    }
  }
  return stale;
}

bool mutate_run(const struct options *o, struct mutate_result *out)
{
  double began = seconds_now();
  *out = (struct mutate_result){0};
  prepare(o);
  if (nvariations == 0)
    return false;
  if (is_sound(o, out)) {
    collect(o->only);
    if (o->survivors != NULL)
      out->stale = count_stale(o);
    for (int i = 0; i < nmutants; i++)
      if (!is_dead(&mutants[i]))
        mutants[i].killed = try_mutant(o, &mutants[i], out);
  }
  out->seconds = seconds_now() - began;
  if (o->update && o->kills != NULL)
    write_kills(o->kills);
  if (o->update && o->survivors != NULL)
    write_survivors(o->survivors, o->config.subject->name);
  return true;
}

/* ---- what survives, for long */

/* How the variations that reach the mutant's site within `probe` schedules share the rest: each has about the same time. */
static double share_out(const struct options *o, const struct mutant *m, uint64_t probe, double rates[])
{
  double total = 0;
  for (int v = 0; v < nvariations; v++) {
    struct outcome out;
    struct budget budget = {.schedules = probe};
    uint64_t hits = hits_of(m);
    rates[v] = 0;
    if (m->to != SKIPPED && !variations[v].config.weak)
      continue;
    (void)explore(&variations[v].config, o->seed, &budget, &out);
    if (hits_of(m) != hits)
      rates[v] = (double)out.schedules / (out.seconds > 1e-6 ? out.seconds : 1e-6);
    total += rates[v];
  }
  return total;
}

static struct mutant *find_mutant(const char *key)
{
  for (int i = 0; i < nmutants; i++)
    if (strcmp(mutants[i].key, key) == 0)
      return &mutants[i];
  return NULL;
}

bool mutate_one(const struct options *o, const char *key, struct mutate_chunk *chunk)
{
  double rates[2 * VARIATIONS_MAX], total = 0;
  struct outcome out;
  struct mutant *m = NULL;
  uint64_t spent = 0;
  *chunk = (struct mutate_chunk){.spent = 0};
  prepare(o);
  for (uint64_t probe = 500; nvariations > 0 && total <= 0 && probe <= 50000; probe *= 10) { /* some sites are seldom reached */
    (void)hunt(o, NULL, (uint64_t)nvariations * probe, &out, &spent);
    collect(NULL);
    if ((m = find_mutant(key)) != NULL)
      total = share_out(o, m, probe, rates);
  }
  if (total <= 0)
    return false;
  apply(m, true);
  for (int v = 0; v < nvariations && !chunk->killed; v++) {
    if (rates[v] <= 0)
      continue;
    struct budget budget = {.schedules = (uint64_t)((double)o->budget.schedules * rates[v] / total) + 1};
    chunk->killed = explore(&variations[v].config, rng_mix(o->seed + (uint64_t)v), &budget, &out) != VERDICT_OK;
    chunk->spent += out.schedules;
    if (chunk->killed) {
      chunk->seed = out.seed;
      snprintf(chunk->options, sizeof(chunk->options), "%s", variations[v].text);
    }
  }
  apply(m, false);
  return true;
}

int mutate_survivors(const char *path, struct mutate_survivor *list, int most)
{
  nsurvivors = read_notes(path, survivors, true);
  int n = nsurvivors < most ? nsurvivors : most;
  for (int i = 0; i < n; i++)
    list[i] = (struct mutate_survivor){survivors[i].structure, survivors[i].key, survivors[i].number};
  return n;
}

void mutate_note_survivor(const char *path, const char *structure, const char *key, uint64_t schedules)
{
  nsurvivors = read_notes(path, survivors, true);
  struct note *n = find_note(survivors, nsurvivors, structure, key);
  if (n != NULL)
    n->number = schedules;
  write_survivors(path, NULL);
}

void mutate_print_total(const char *name, const struct mutate_result *r)
{
  printf("%s: %d mutants: %d killed, %d explained, %d open, %d survived without a word; %llu schedules, %.1f s\n", name,
         r->mutants, r->killed, r->explained, r->open, r->unexplained, (unsigned long long)r->schedules, r->seconds);
  if (r->stale > 0)
    printf("%d survivors are stale\n", r->stale);
}
