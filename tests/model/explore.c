/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explore.c - many schedules of one configuration: random ones with a random program each, or all of them.
 */
#include "machine.h"

#include <time.h>
#include <unistd.h>

double seconds_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void progress(const struct config *c, const struct outcome *o, uint64_t total, double began)
{
  double seconds = seconds_now() - began;
  fprintf(stderr, "%s%-12s %-8s %12llu of %llu schedules  %8.0f/s  %llu histories%s", isatty(2) ? "\r" : "", c->subject->name,
          c->weak ? "weak" : "sc", (unsigned long long)o->schedules, (unsigned long long)total,
          (double)o->schedules / (seconds > 0 ? seconds : 1), (unsigned long long)program_histories(), isatty(2) ? "" : "\n");
}

struct ticker {
  double began, next;
};

/* Every 1024 schedules: false when the time is over. */
static bool tick(struct ticker *t, const struct config *c, const struct budget *budget, const struct outcome *o)
{
  double now = seconds_now();
  if (budget->progress && now > t->next) {
    t->next = now + (isatty(2) ? 0.2 : 10);
    progress(c, o, budget->schedules, t->began);
  }
  return budget->seconds <= 0 || now - t->began < budget->seconds;
}

static bool run_one(uint64_t seed, struct outcome *o)
{
  o->verdict = model_schedule(seed);
  o->schedules++;
  if (M.step > o->longest)
    o->longest = M.step;
  if (o->verdict == VERDICT_OK)
    return true;
  o->seed = seed;
  o->why = M.why;
  return false;
}

static void explore_random(const struct config *c, uint64_t seed, const struct budget *budget, struct ticker *t,
                           struct outcome *o)
{
  bool fixed = c->program != NULL || c->subject->program != NULL;
  uint64_t first = rng_mix(seed); /* so that neighbouring seeds share no schedules */
  program_draw(c, seed);
  for (uint64_t i = 0; i < budget->schedules; i++) {
    uint64_t s = rng_mix(first + i);
    if (!fixed)
      program_draw(c, s);
    if (!run_one(s, o) || ((i & 1023) == 1023 && !tick(t, c, budget, o)))
      return;
  }
}

/* ---- all schedules */

/* The n-th program of all: one key per operation, threads in ascending order where they have the same choice. */
static bool program_nth(const struct config *c, uint64_t n)
{
  char keys[THREADS_MAX][64];
  memset(M.program, 0, sizeof(M.program));
  for (int t = 0; t < M.threads; t++) {
    int k = 0;
    for (const struct pawl_check_op *op = c->subject->ops; op->key != 0 && k < 63; op++)
      if (op->weight != 0 && (c->keys == NULL || strchr(c->keys, op->key) != NULL))
        keys[t][k++] = op->key;
    keys[t][k] = 0;
    for (int i = 0; i < c->ops; i++, n /= (uint64_t)k)
      M.program[t][i] = keys[t][n % (uint64_t)k];
  }
  return n == 0;
}

static bool is_ascending(const struct config *c)
{
  if (c->subject->roles != NULL)
    return true;
  for (int t = 1; t < M.threads; t++)
    if (strcmp(M.program[t - 1], M.program[t]) > 0)
      return false;
  return true;
}

static bool is_permitted(const struct config *c)
{
  const char *roles = c->subject->roles;
  for (int t = 0; roles != NULL && t < M.threads; t++) {
    const char *bar = roles, *next;
    for (int k = 0; k < t && (next = strchr(bar, '|')) != NULL; k++)
      bar = next + 1;
    size_t length = strcspn(bar, "|");
    for (const char *p = M.program[t]; *p != 0; p++)
      if (memchr(bar, *p, length) == NULL)
        return false;
  }
  return true;
}

static bool search_program(const struct config *c, const struct budget *budget, struct ticker *t, struct outcome *o)
{
  decide_dfs_reset();
  do {
    if (!run_one(0, o) || o->schedules >= budget->schedules || ((o->schedules & 1023) == 0 && !tick(t, c, budget, o)))
      return false;
  } while (decide_dfs_next());
  return true;
}

static void explore_all(const struct config *c, const struct budget *budget, struct ticker *t, struct outcome *o)
{
  o->complete = true;
  if (c->program != NULL || c->subject->program != NULL) {
    program_draw(c, 0);
    o->complete = search_program(c, budget, t, o);
    return;
  }
  for (uint64_t n = 0; program_nth(c, n); n++)
    if (is_ascending(c) && is_permitted(c) && !search_program(c, budget, t, o)) {
      o->complete = false;
      return;
    }
}

/* PCT spreads its changes over as many steps as schedules have; a few random ones tell. */
void explore_horizon(const struct config *c)
{
  struct config walk = *c;
  uint64_t steps = 0;
  walk.source = FROM_WALK;
  M.config = &walk;
  for (uint64_t i = 0; i < 50; i++) {
    program_draw(c, rng_mix(i));
    (void)model_schedule(rng_mix(i));
    steps += M.step;
  }
  M.config = c;
  decide_pct_horizon((uint32_t)(steps / 50));
}

enum verdict explore(const struct config *c, uint64_t seed, const struct budget *budget, struct outcome *out)
{
  struct ticker t = {seconds_now(), seconds_now() + (isatty(2) ? 0.2 : 10)};
  *out = (struct outcome){0};
  M.worst_own_steps = 0;
  model_open(c);
  program_forget();
  if (c->source == FROM_DFS) {
    explore_all(c, budget, &t, out);
  } else {
    if (c->source == FROM_PCT)
      explore_horizon(c);
    explore_random(c, seed, budget, &t, out);
  }
  out->seconds = seconds_now() - t.began;
  out->histories = program_histories();
  out->worst_own_steps = M.worst_own_steps;
  if (budget->progress && isatty(2))
    fprintf(stderr, "\r%*s\r", 100, "");
  return out->verdict;
}
