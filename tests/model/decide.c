/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide.c - where the decisions of a schedule come from: the sticky random walk, PCT, exhaustive search with bounded
 * preemptions, a fuzzer's bytes, or a recording.
 *
 * Sources: PCT is Burckhardt, Kothari, Musuvathi and Nagarakatti, "A randomized scheduler with probabilistic guarantees of
 * finding bugs" (ASPLOS 2010); the bound on preemptions and the fair treatment of spin loops are those of CHESS (Musuvathi
 * et al., OSDI 2008). In every source 0 is the harmless decision, so that a recording shrinks by writing zeros.
 */
#include "machine.h"

struct recording model_record;

static struct {
  enum source source;
  const uint8_t *bytes;
  size_t left;
  const struct recording *replay;
  int position;
  int pct_priority[FIBERS];
  uint32_t pct_change[16];
  int pct_changes, pct_next, pct_lowest;
} D;

/* ---- the sticky walk: at each point somebody else goes on with probability 1/4; one draw tells how many points remain */

enum { GAPS = 1024 };
static uint8_t gaps[GAPS]; /* geometrically distributed */

static void make_gaps(void)
{
  double rest = 1;
  for (int i = 0, gap = 1; i < GAPS; i++) {
    while (i >= GAPS * (1 - rest * 3 / 4))
      rest = rest * 3 / 4, gap++;
    gaps[i] = (uint8_t)gap;
  }
}

static void set_gap(uint64_t r)
{
  M.left = M.gap = gaps[r % GAPS];
}

void decide_alone(uint32_t points)
{
  M.left = M.gap = points;
}

/* ---- the stack of the exhaustive search, kept between schedules */

enum { DFS_MAX = 1 << 14 };
static struct {
  uint8_t value, options;
} dfs[DFS_MAX];
static int dfs_depth, dfs_position, dfs_preemptions;

static uint32_t pct_horizon = 100;

void decide_dfs_reset(void)
{
  dfs_depth = 0;
}

bool decide_dfs_next(void)
{
  while (dfs_depth > 0 && dfs[dfs_depth - 1].value + 1 >= dfs[dfs_depth - 1].options)
    dfs_depth--;
  if (dfs_depth == 0)
    return false;
  dfs[dfs_depth - 1].value++;
  return true;
}

static unsigned dfs_choose(unsigned options)
{
  if (options <= 1)
    return 0;
  if (dfs_position == DFS_MAX)
    model_fail(VERDICT_STEPS, "too many decisions for an exhaustive search");
  if (dfs_position == dfs_depth) {
    dfs[dfs_depth].value = 0;
    dfs[dfs_depth++].options = (uint8_t)options;
  }
  return dfs[dfs_position++].value;
}

/* ---- PCT */

void decide_pct_horizon(uint32_t steps)
{
  pct_horizon = steps < 1 ? 1 : steps;
}

static void pct_begin(void)
{
  int n = M.config->depth - 1;
  for (int i = 0; i < FIBERS; i++)
    D.pct_priority[i] = 100 + i;
  for (int i = FIBERS - 1; i > 0; i--) {
    int j = (int)((rng_next() >> 33) % (unsigned)(i + 1)), p = D.pct_priority[i];
    D.pct_priority[i] = D.pct_priority[j];
    D.pct_priority[j] = p;
  }
  D.pct_changes = n < 16 ? n : 16;
  for (int i = 0; i < D.pct_changes; i++)
    D.pct_change[i] = 1 + (uint32_t)((rng_next() >> 33) % pct_horizon);
  D.pct_lowest = 50;
}

static void pct_lower(unsigned fiber)
{
  D.pct_priority[fiber] = D.pct_lowest--;
}

static unsigned pct_highest(uint32_t set)
{
  unsigned best = NOBODY;
  for (; set != 0; set &= set - 1) {
    unsigned f = (unsigned)__builtin_ctz(set);
    if (best == NOBODY || D.pct_priority[f] > D.pct_priority[best])
      best = f;
  }
  return best;
}

/* ---- all sources */

void decide_begin(enum source source, uint64_t seed)
{
  D.source = source;
  M.rng = rng_mix(seed) | 1;
  D.position = 0;
  dfs_position = dfs_preemptions = 0;
  model_record.n = 0;
  if (source == FROM_PCT)
    pct_begin();
  if (UNLIKELY(gaps[0] == 0))
    make_gaps();
  set_gap(M.rng);
}

void decide_bytes(const void *data, size_t size)
{
  D.bytes = data;
  D.left = size;
}

void decide_replay(const struct recording *recording)
{
  D.replay = recording;
}

static void record(enum decision_kind kind, unsigned value)
{
  if (M.recording && model_record.n < RECORD_MAX)
    model_record.at[model_record.n++] = (struct decision){(uint8_t)kind, (uint8_t)value};
}

static unsigned next_byte(void)
{
  if (D.left == 0)
    return 0;
  D.left--;
  return *D.bytes++;
}

/* The recorded decision if it is of this kind; a recording that has come apart goes on with harmless ones. */
static unsigned next_recorded(enum decision_kind kind)
{
  if (D.position >= D.replay->n)
    return 0;
  struct decision d = D.replay->at[D.position++];
  return d.kind == kind || d.kind == UINT8_MAX ? d.value : 0; /* those from the command line do not tell */
}

/* Of a set of fibers; without the processor's own instruction, which not every x86-64 has. */
static inline unsigned count(uint32_t set)
{
  static const uint8_t ones[128] = {
#define ONES(n) n, n + 1, n + 1, n + 2, n + 1, n + 2, n + 2, n + 3
      ONES(0), ONES(1), ONES(1), ONES(2), ONES(1), ONES(2), ONES(2), ONES(3),
      ONES(1), ONES(2), ONES(2), ONES(3), ONES(2), ONES(3), ONES(3), ONES(4),
#undef ONES
  };
  return ones[set & 127];
}

static unsigned nth(uint32_t set, unsigned n)
{
  while (n-- > 0)
    set &= set - 1;
  return (unsigned)__builtin_ctz(set);
}

/* A fair draw from those ready; sleepers whose deadline may pass now take part 1 time in 8, or when nobody else can. */
static unsigned draw(uint64_t r, uint32_t ready, uint32_t timed)
{
  uint32_t set = ready;
  if (timed != 0 && (ready == 0 || ((r >> 50) & 7) == 0))
    set |= timed;
  if (set == 0)
    return NOBODY;
  return nth(set, (unsigned)(((r >> 20) & 0xffff) * count(set) >> 16));
}

/* The other half of model_point: what decide_fiber does in an unrecorded walk. */
void model_walk_switch(void)
{
  if ((M.step += M.gap) >= M.step_limit)
    model_fail(VERDICT_STEPS, "the schedule does not end");
  uint64_t r = rng_next();
  set_gap(r);
  uint32_t others = ~(1u << M.cur->index);
  unsigned f = draw(r, M.ready & others, M.timed & others);
  if (f != NOBODY)
    model_switch_to(f);
}

static unsigned first_of(uint32_t ready, uint32_t timed)
{
  return ready != 0 ? (unsigned)__builtin_ctz(ready) : timed != 0 ? (unsigned)__builtin_ctz(timed) : NOBODY;
}

static unsigned fiber_by_pct(uint32_t ready, uint32_t timed, bool stay)
{
  unsigned me = M.cur->index;
  for (int i = 0; i < D.pct_changes; i++) {
    if (D.pct_change[i] == M.step && stay)
      pct_lower(me);
  }
  if (timed != 0 && (ready == 0 || (rng_next() & 31) == 0)) {
    unsigned late = pct_highest(timed);
    if (!stay || ready == 0)
      return ready == 0 && stay ? NOBODY : late;
  }
  unsigned best = pct_highest(ready | (stay ? 1u << me : 0));
  return best == me ? NOBODY : best;
}

static unsigned fiber_by_search(enum decision_kind kind, uint32_t ready, uint32_t timed, bool stay)
{
  uint32_t set = ready | timed;
  if (kind == D_YIELD && ready != 0) { /* fair: in a ring, or two that spin could wait for a third for ever */
    uint32_t after = ready & ~((2u << M.cur->index) - 1);
    return (unsigned)__builtin_ctz(after != 0 ? after : ready);
  }
  if (stay && dfs_preemptions >= M.config->preemptions)
    return NOBODY;
  unsigned choice = dfs_choose(count(set) + stay);
  if (stay && choice == 0)
    return NOBODY;
  if (set == 0)
    return NOBODY;
  dfs_preemptions += stay;
  return nth(set, choice - stay);
}

static unsigned fiber_by_bytes(uint32_t ready, uint32_t timed, bool stay)
{
  unsigned b = next_byte();
  uint32_t set = ready | (ready == 0 || (b & 4) != 0 ? timed : 0);
  if ((stay && b < 192) || set == 0)
    return NOBODY;
  return nth(set, (b >> 3) % count(set));
}

unsigned decide_fiber(enum decision_kind kind, bool stay)
{
  uint32_t others = ~(1u << M.cur->index);
  uint32_t ready = M.ready & others, timed = M.timed & others;
  unsigned f = NOBODY;
  bool due = D.source == FROM_WALK && (!stay || --M.left == 0); /* in every case, as in model_point */
  uint64_t r = due ? rng_next() : 0;
  if (due && stay)
    set_gap(r);
  if (ready == 0 && timed == 0 && (stay || M.timed == 0))
    return NOBODY;
  if (!stay)
    timed = M.timed; /* who has just fallen asleep may time out too */
  switch (D.source) {
  case FROM_WALK:
    f = due ? draw(r, ready, timed) : NOBODY;
    break;
  case FROM_PCT:
    f = fiber_by_pct(ready, timed, stay);
    break;
  case FROM_DFS:
    f = fiber_by_search(kind, ready, timed, stay);
    break;
  case FROM_BYTES:
    f = fiber_by_bytes(ready, timed, stay);
    break;
  case FROM_RECORD: {
    unsigned value = next_recorded(kind);
    f = value != 0 && ((ready | timed) >> (value - 1) & 1) != 0 ? value - 1 : NOBODY;
    break;
  }
  }
  if (f == NOBODY && !stay)
    f = first_of(ready, timed);
  record(kind, f == NOBODY ? 0 : f + 1);
  return f;
}

unsigned decide_index(enum decision_kind kind, unsigned n, unsigned rarity)
{
  unsigned value = 0;
  if (n <= 1)
    return 0;
  switch (D.source) {
  case FROM_WALK:
  case FROM_PCT: {
    uint64_t r = rng_next() >> 20;
    if ((r & 0xfff) * rarity < 0x1000)
      value = 1 + (unsigned)((r >> 16 & 0xffff) * (n - 1) >> 16);
    break;
  }
  case FROM_DFS:
    value = dfs_choose(n);
    break;
  case FROM_BYTES:
    value = next_byte() % n;
    break;
  case FROM_RECORD:
    value = next_recorded(kind) % n;
    break;
  }
  record(kind, value);
  return value;
}

void decide_yield(void)
{
  if (D.source == FROM_PCT)
    pct_lower(M.cur->index);
  unsigned f = decide_fiber(D_YIELD, false);
  if (f != NOBODY)
    model_switch_to(f);
}
