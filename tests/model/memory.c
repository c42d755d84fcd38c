/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - the atomic operations: sequentially consistent, or by C11's rules as an operational machine with views.
 *
 * Weak mode keeps for each location its last stores in modification order. A load may see any store that no rule hides from
 * it; which one is a decision. The rules are told by vector clocks: each access of a store is stamped with the clock of its
 * thread, and what a thread knows of the others is a clock too, so that
 *
 *   coherence       a store is the oldest visible one if some access of it is known to the reader (cv)
 *   release         a store carries the clocks of its thread, or those of its last release fence; RMWs pass on what they
 *                   replace (release sequences as in C20); an acquire load, or the next acquire fence, receives them
 *   seq_cst fence   all of them in the order S in which they are executed: each publishes its clock in M.fences and
 *                   receives what the others published; that lets it see, but is not happens-before
 *   seq_cst access  component CLOCK_S of a clock is time in S: a store accessed by a seq_cst operation hides older ones
 *                   from later seq_cst loads, and from all that comes after a later seq_cst fence (C20, [atomics.order] 4)
 *
 * Modification order and S are the order of execution, and a load sees what has been executed: so stores in conflicting
 * orders (2+2W) and load buffering do not show, nor a seq_cst load that is before an earlier relaxed one in S. Everything that
 * does show is allowed by C20.
 * Ideas: Kang, Hur, Lahav, Vafeiadis and Dreyer, "A promising semantics for relaxed-memory concurrency" (POPL 2017) for
 * views; relacy (Vyukov) for stamping accesses; FastTrack (Flanagan and Freund, PLDI 2009) for races by clocks.
 */
#include "machine.h"

#include <stdlib.h>

/* Also where the section of sites begins, so that it exists in a program without any. */
static struct pawl_check_site anchor __attribute__((section("pawl_check_sites"), used)) = {.access = PAWL_CHECK_A_OTHER};
static struct pawl_check_site futex_site = {__FILE__, "futex", "*word", 0, PAWL_CHECK_A_LOAD, 0, 0, 0, 0, 0, {0, 0, 0}};
extern struct pawl_check_site __start_pawl_check_sites[], __stop_pawl_check_sites[];

enum { STORES = 8, LOCATIONS = 2048, TABLE = 4096 };

struct store {
  uint64_t value;
  clock8 seen; /* first access of each thread, and in S; CLOCK_NEVER */
  clock8 message_vc, message_cv;
};

struct location {
  const volatile void *address;
  uint32_t size;
  uint32_t stores;                                 /* how many so far, with the initial value; 0: not used atomically yet */
  clock8 plain_reads, plain_writes, reads, writes; /* last of each thread */
  struct store store[STORES];
};

static struct location locations[LOCATIONS];
static unsigned nlocations;
static struct {
  uint32_t round, location;
} table[TABLE];
static uint32_t table_round;

static const clock8 never = {CLOCK_NEVER, CLOCK_NEVER, CLOCK_NEVER, CLOCK_NEVER,
                             CLOCK_NEVER, CLOCK_NEVER, CLOCK_NEVER, CLOCK_NEVER};

struct pawl_check_site *model_sites(size_t *n)
{
  *n = (size_t)(__stop_pawl_check_sites - __start_pawl_check_sites);
  return __start_pawl_check_sites;
}

void memory_reset(void)
{
  table_round++;
  nlocations = 0;
}

static inline bool acquires(unsigned order)
{
  return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static inline bool releases(unsigned order)
{
  return order >= __ATOMIC_RELEASE;
}

static inline uint64_t raw_load(const volatile void *p, size_t size)
{
  switch (size) {
  case 8:
    return *(const volatile uint64_t *)p;
  case 4:
    return *(const volatile uint32_t *)p;
  case 2:
    return *(const volatile uint16_t *)p;
  default:
    return *(const volatile uint8_t *)p;
  }
}

static inline void raw_store(volatile void *p, size_t size, uint64_t value)
{
  switch (size) {
  case 8:
    *(volatile uint64_t *)p = value;
    break;
  case 4:
    *(volatile uint32_t *)p = (uint32_t)value;
    break;
  case 2:
    *(volatile uint16_t *)p = (uint16_t)value;
    break;
  default:
    *(volatile uint8_t *)p = (uint8_t)value;
  }
}

static inline uint64_t cut(uint64_t value, size_t size)
{
  return size >= 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

static inline uint64_t combine(const struct pawl_check_site *site, uint64_t old, uint64_t value, size_t size)
{
  switch (site->access) {
  case PAWL_CHECK_A_ADD:
    return cut(old + value, size);
  case PAWL_CHECK_A_OR:
    return old | value;
  case PAWL_CHECK_A_AND:
    return old & value;
  default:
    return value;
  }
}

/* ---- locations */

static struct location *new_location(unsigned slot, const volatile void *p, size_t size)
{
  if (nlocations == LOCATIONS) {
    model_fail(VERDICT_USE, "more locations than the machine has room for");
    nlocations = 0;
  }
  table[slot].round = table_round;
  table[slot].location = nlocations;
  struct location *l = &locations[nlocations++];
  l->address = p;
  l->size = (uint32_t)size;
  l->stores = 0;
  l->plain_reads = l->plain_writes = l->reads = l->writes = (clock8){0};
  return l;
}

static inline struct location *locate(const volatile void *p, size_t size)
{
  unsigned slot = (unsigned)(((uintptr_t)p >> 2) * 0x9e3779b1u >> 7) & (TABLE - 1);
  while (LIKELY(table[slot].round == table_round)) {
    struct location *l = &locations[table[slot].location];
    if (LIKELY(l->address == p)) {
      if (UNLIKELY(l->size != size))
        model_fail(VERDICT_USE, "accesses of different sizes to one location");
      return l;
    }
    slot = (slot + 1) & (TABLE - 1);
  }
  return new_location(slot, p, size);
}

void memory_forget(const void *start, size_t size)
{
  const char *end = (const char *)start + size;
  for (unsigned i = 0; i < nlocations; i++) {
    const volatile void *p = locations[i].address;
    if (p >= start && p < (const volatile void *)end) {
      locations[i].stores = 0;
      locations[i].plain_reads = locations[i].plain_writes = locations[i].reads = locations[i].writes = (clock8){0};
    }
  }
}

static inline struct store *back(struct location *l, unsigned n)
{
  return &l->store[(l->stores - 1 - n) % STORES];
}

/* Memory always holds the newest store, unless the subject wrote there without the machine: x = 1 on an _Atomic x, memset. */
static inline void begin_atomic(struct location *l)
{
  if (LIKELY(l->stores != 0)) {
    if (UNLIKELY(raw_load(l->address, l->size) != back(l, 0)->value))
      model_fail(VERDICT_USE, "an atomic field was written without the machine's macros since its last access");
    return;
  }
  struct store *s = &l->store[0];
  s->value = raw_load(l->address, l->size);
  s->seen = s->message_vc = s->message_cv = (clock8){0}; /* everybody knows the initial value */
  l->stores = 1;
}

/* How many stores back a load of this thread may look. */
static inline unsigned visible(struct location *l, const struct fiber *f, bool seq)
{
  unsigned most = (l->stores < STORES ? l->stores : STORES) - 1;
  clock8 known = f->cv;
  if (seq) {
    known = clock_max(known, M.fences);
    known[CLOCK_S] = CLOCK_NEVER - 1;
  }
  unsigned n = 0;
  while (n < most && !clock_any_le(back(l, n)->seen, known))
    n++;
  return n;
}

/* Which store the load sees, as how many back. */
static inline unsigned look_back(struct location *l, const struct fiber *f, bool seq)
{
  if (UNLIKELY(M.stale_left == 0))
    return 0;
  unsigned n = decide_index(D_READ, visible(l, f, seq) + 1, 2);
  M.stale_left -= n > 0;
  return n;
}

/* ---- one access, seen by the clocks */

static inline int16_t tick(struct fiber *f)
{
  int16_t now = (int16_t)(f->vc[f->index] + 1);
  f->vc[f->index] = f->cv[f->index] = now;
  return now;
}

static inline void stamp(struct store *s, const struct fiber *f, int16_t now, bool seq)
{
  if (s->seen[f->index] > now)
    s->seen[f->index] = now;
  if (seq && s->seen[CLOCK_S] == CLOCK_NEVER)
    s->seen[CLOCK_S] = ++M.s_time;
}

static inline void receive(struct fiber *f, const struct store *s, unsigned order)
{
  if (acquires(order)) {
    f->vc = clock_max(f->vc, s->message_vc);
    f->cv = clock_max(f->cv, s->message_cv);
  } else {
    f->acquire_vc = clock_max(f->acquire_vc, s->message_vc);
    f->acquire_cv = clock_max(f->acquire_cv, s->message_cv);
  }
}

static inline void append(struct location *l, struct fiber *f, uint64_t value, unsigned order, int16_t now,
                          const struct store *replaced)
{
  clock8 vc = releases(order) ? f->vc : f->release_vc, cv = releases(order) ? f->cv : f->release_cv;
  if (replaced != NULL) {
    vc = clock_max(vc, replaced->message_vc);
    cv = clock_max(cv, replaced->message_cv);
  }
  struct store *s = &l->store[l->stores++ % STORES];
  s->value = value;
  s->seen = never;
  s->message_vc = vc;
  s->message_cv = cv;
  stamp(s, f, now, order == __ATOMIC_SEQ_CST);
  l->writes[f->index] = now;
  raw_store((volatile void *)l->address, l->size, value);
}

static inline void check_race(clock8 others, const struct fiber *f, const char *what)
{
  if (UNLIKELY(!clock_all_le(others, f->vc)))
    model_fail(VERDICT_RACE, what);
}

/* ---- operations in weak mode */

static uint64_t weak_load(struct pawl_check_site *site, const volatile void *p, size_t size, unsigned order)
{
  struct fiber *f = M.cur;
  int16_t now = tick(f);
  arena_touch(p, size, now);
  struct location *l = locate(p, size);
  begin_atomic(l);
  bool seq = order == __ATOMIC_SEQ_CST;
  unsigned n = look_back(l, f, seq);
  struct store *s = back(l, n);
  stamp(s, f, now, seq);
  l->reads[f->index] = now;
  check_race(l->plain_writes, f, "atomic load races with a plain store");
  receive(f, s, order);
  if (UNLIKELY(M.tracing))
    trace_access(site, p, s->value, 0, true, n);
  return s->value;
}

static void weak_store(struct pawl_check_site *site, volatile void *p, size_t size, uint64_t value)
{
  struct fiber *f = M.cur;
  int16_t now = tick(f);
  arena_touch(p, size, now);
  struct location *l = locate(p, size);
  begin_atomic(l);
  check_race(l->plain_writes, f, "atomic store races with a plain store");
  check_race(l->plain_reads, f, "atomic store races with a plain load");
  append(l, f, value, site->order, now, NULL);
  if (UNLIKELY(M.tracing))
    trace_access(site, p, 0, value, true, 0);
}

/* `expected`: NULL, or a compare-and-swap. Returns the old value; *done tells whether it was replaced. */
static uint64_t weak_rmw(struct pawl_check_site *site, volatile void *p, size_t size, const uint64_t *expected, uint64_t value,
                         bool *done)
{
  struct fiber *f = M.cur;
  int16_t now = tick(f);
  arena_touch(p, size, now);
  struct location *l = locate(p, size);
  begin_atomic(l);
  check_race(l->plain_writes, f, "atomic operation races with a plain store");
  bool seq = site->order == __ATOMIC_SEQ_CST;
  struct store *old = back(l, 0);
  unsigned n = 0;
  if (expected != NULL) { /* a failing one is a load and may see an older store of another value */
    n = look_back(l, f, seq);
    if (back(l, n)->value == *expected)
      n = 0;
    old = back(l, n);
  }
  *done = expected == NULL || old->value == *expected;
  uint64_t was = old->value;
  stamp(old, f, now, seq);
  l->reads[f->index] = now;
  if (*done) {
    check_race(l->plain_reads, f, "atomic operation races with a plain load");
    receive(f, old, site->order);
    append(l, f, expected != NULL ? value : combine(site, was, value, size), site->order, now, old);
  } else {
    receive(f, old, site->order);
  }
  if (UNLIKELY(M.tracing))
    trace_access(site, p, was, *done ? back(l, 0)->value : value, *done, n);
  return was;
}

static void fence(struct fiber *f, unsigned order)
{
  if (acquires(order)) {
    f->vc = clock_max(f->vc, f->acquire_vc);
    f->cv = clock_max(f->cv, f->acquire_cv);
  }
  if (order == __ATOMIC_SEQ_CST) {
    M.fences = clock_max(M.fences, f->cv);
    f->cv = clock_max(f->cv, M.fences);
    f->cv[CLOCK_S] = ++M.s_time;
  }
  if (releases(order)) {
    f->release_vc = f->vc;
    f->release_cv = f->cv;
  }
}

void memory_fence(struct fiber *f, bool seq)
{
  if (M.weak)
    fence(f, seq ? __ATOMIC_SEQ_CST : __ATOMIC_ACQ_REL);
}

/* The kernel reads under a lock of its own, but a store that no fence separates from it may still not be visible. */
uint64_t memory_futex_load(uint32_t *word)
{
  if (!M.weak || !M.running)
    return *word;
  return weak_load(&futex_site, word, sizeof(*word), __ATOMIC_RELAXED);
}

/* ---- what sites call */

uint64_t pawl_check_load(struct pawl_check_site *site, const volatile void *p, size_t size)
{
  if (UNLIKELY(!M.running))
    return raw_load(p, size);
  site->hits++;
  model_point();
  if (M.weak)
    return weak_load(site, p, size, site->order);
  arena_touch(p, size, 0);
  uint64_t value = raw_load(p, size);
  if (UNLIKELY(M.tracing))
    trace_access(site, p, value, 0, true, 0);
  return value;
}

void pawl_check_store(struct pawl_check_site *site, volatile void *p, size_t size, uint64_t value)
{
  if (UNLIKELY(!M.running)) {
    raw_store(p, size, value);
    return;
  }
  site->hits++;
  model_point();
  if (M.weak) {
    weak_store(site, p, size, value);
    return;
  }
  arena_touch(p, size, 0);
  raw_store(p, size, value);
  if (UNLIKELY(M.tracing))
    trace_access(site, p, 0, value, true, 0);
}

static uint64_t strong_rmw(struct pawl_check_site *site, volatile void *p, size_t size, const uint64_t *expected,
                           uint64_t value, bool *done)
{
  if (M.running)
    arena_touch(p, size, 0);
  uint64_t old = raw_load(p, size);
  uint64_t next = expected != NULL ? value : combine(site, old, value, size);
  *done = expected == NULL || old == *expected;
  if (*done)
    raw_store(p, size, next);
  if (UNLIKELY(M.tracing))
    trace_access(site, p, old, next, *done, 0);
  return old;
}

static inline uint64_t rmw(struct pawl_check_site *site, volatile void *p, size_t size, const uint64_t *expected,
                           uint64_t value, bool *done)
{
  if (LIKELY(M.running)) {
    site->hits++;
    model_point();
    if (M.weak)
      return weak_rmw(site, p, size, expected, value, done);
  }
  return strong_rmw(site, p, size, expected, value, done);
}

bool pawl_check_cas(struct pawl_check_site *site, volatile void *p, size_t size, void *expected, uint64_t value)
{
  bool done;
  uint64_t want = raw_load(expected, size);
  uint64_t old = rmw(site, p, size, &want, value, &done);
  if (!done)
    raw_store(expected, size, old);
  return done;
}

uint64_t pawl_check_rmw(struct pawl_check_site *site, volatile void *p, size_t size, uint64_t value)
{
  bool done;
  return rmw(site, p, size, NULL, value, &done);
}

void pawl_check_fence(struct pawl_check_site *site)
{
  if (!M.running)
    return;
  site->hits++;
  model_point();
  if (M.weak && !site->skip)
    fence(M.cur, site->order);
  if (UNLIKELY(M.tracing))
    trace_access(site, NULL, 0, 0, !site->skip, 0);
}

void pawl_check_plain(struct pawl_check_site *site, const volatile void *p, size_t size)
{
  if (!M.running)
    return;
  site->hits++;
  if (!M.weak) { /* without clocks a race shows by its effect only */
    model_point();
    arena_touch(p, size, 0);
  }
  if (UNLIKELY(M.tracing))
    trace_access(site, p, raw_load(p, size), 0, true, 0);
  if (!M.weak)
    return;
  struct fiber *f = M.cur;
  int16_t now = tick(f);
  arena_touch(p, size, now);
  struct location *l = locate(p, size);
  check_race(l->plain_writes, f, "plain access races with a plain store");
  check_race(l->writes, f, "plain access races with an atomic store");
  if (site->access == PAWL_CHECK_A_PLAIN_LOAD) {
    l->plain_reads[f->index] = now;
    return;
  }
  check_race(l->plain_reads, f, "plain store races with a plain load");
  check_race(l->reads, f, "plain store races with an atomic load");
  l->plain_writes[f->index] = now;
  l->stores = 0; /* a new value for all who come after */
}

bool pawl_check_step(struct pawl_check_site *site)
{
  if (M.running)
    site->hits++;
  return !site->skip;
}
