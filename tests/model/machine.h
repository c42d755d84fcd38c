/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.h - the deterministic scheduler: what its files share. For the user's view see pawl/check.h.
 *
 * A schedule is one run of a subject: threads are fibers, and every atomic operation is a point at which another may go on.
 * All that is not determined (who runs, which store a weak load sees, who is woken, what fails) is a decision; a schedule is
 * a function of its decisions, which come from a seed, a priority scheme, an exhaustive search, a fuzzer or a recording.
 *
 *   decide.c   where decisions come from            memory.c   atomic operations, C11 views, races
 *   machine.c  fibers, points, freezing, signals    arena.c    memory of the subject, use after free
 *   program.c  operations, histories, verdicts      futex.c    futexes, clock, membarrier; os_model.c: src/os.h by them
 *   explore.c  many schedules, progress             shrink.c   smaller failing schedules   trace.c  printed ones
 *   mutate.c   weakened orders and skipped steps    litmus.c, planted/, subjects.c         what is run
 *
 * One process runs one machine; nothing here is for several threads.
 */
#ifndef PAWL_MODEL_MACHINE_H
#define PAWL_MODEL_MACHINE_H

#include "fiber.h"
#include "history.h"
#include <pawl/check.h>
#include <setjmp.h>
#include <stdio.h>

enum {
  THREADS_MAX = 6,
  DRAINER = THREADS_MAX, /* the fiber that empties the object when all threads have ended */
  FIBERS = THREADS_MAX + 1,
  OPS_MAX = 16, /* of one thread */
  STACK_SIZE = 128 * 1024,
  HANDLER_DEPTH = 2,
};

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- vector clocks: a component per fiber, and one for the order S of seq_cst operations */

typedef int16_t clock8 __attribute__((vector_size(16)));
enum { CLOCK_S = 7, CLOCK_NEVER = INT16_MAX };

static inline clock8 clock_max(clock8 a, clock8 b)
{
  clock8 more = a > b;
  return (a & more) | (b & ~more);
}

/* Some component of a is at most that of b. */
static inline bool clock_any_le(clock8 a, clock8 b)
{
  clock8 more = a > b;
  uint64_t half[2];
  memcpy(half, &more, sizeof(half));
  return (half[0] & half[1]) != UINT64_MAX;
}

static inline bool clock_all_le(clock8 a, clock8 b)
{
  clock8 more = a > b;
  uint64_t half[2];
  memcpy(half, &more, sizeof(half));
  return (half[0] | half[1]) == 0;
}

/* ---- what goes wrong */

enum verdict {
  VERDICT_OK,
  VERDICT_HISTORY,  /* the model does not explain what the operations answered, or who sleeps */
  VERDICT_RACE,     /* a plain access concurrent with another access */
  VERDICT_MEMORY,   /* use after free, access outside of blocks, freed before the last access, freed twice */
  VERDICT_CRASH,    /* SIGSEGV and the like inside the subject */
  VERDICT_STEPS,    /* a schedule without end */
  VERDICT_PROGRESS, /* beside a frozen thread, an operation did not end within its own steps */
  VERDICT_ASSERT,   /* the subject's own judgement */
  VERDICT_STUCK,    /* a litmus program sleeps for ever */
  VERDICT_USE,      /* the subject uses the machine wrongly */
};
const char *verdict_name(enum verdict verdict);

/* ---- decisions */

enum decision_kind {
  D_SWITCH, /* at a point: 0 go on, t + 1: thread t goes on */
  D_NEXT,   /* the running thread cannot go on: t + 1 */
  D_YIELD,  /* in a spin loop: t + 1 */
  D_READ,   /* how many stores back a load looks */
  D_WAKE,   /* which sleeper */
  D_SPURIOUS,
  D_INTR,
  D_TIME,   /* time passes beyond all deadlines */
  D_ALLOC,  /* an allocation fails */
  D_SIGNAL, /* a handler runs here */
  D_FREEZE, /* this thread stops for ever */
  D_REUSE,  /* freed memory comes back at once */
  D_KEY,    /* of a put */
};

enum source { FROM_WALK, FROM_PCT, FROM_DFS, FROM_BYTES, FROM_RECORD };

struct decision {
  uint8_t kind, value;
};

enum { RECORD_MAX = 1 << 16 };

struct recording {
  int n;
  struct decision at[RECORD_MAX];
};

/* ---- what a campaign is */

struct config {
  const struct pawl_check_subject *subject;
  struct pawl_check_setup setup;
  int ops;             /* per thread, in random programs */
  const char *program; /* "pg|gg": keys of operations per thread; NULL: random */
  const char *keys;    /* --mix: random programs of these keys only; NULL: by weight */
  enum source source;
  bool weak, freeze, handlers, faults, reuse, exits, late, again;
  int preemptions;    /* DFS: at most */
  int depth;          /* PCT: d */
  uint32_t steps;     /* limit per schedule */
  uint32_t own_steps; /* limit per operation beside a frozen thread */
  uint32_t stale;     /* loads in a schedule that may miss the newest store; 0: any number */
};

/* ---- a thread */

enum fiber_state { FIBER_NONE, FIBER_READY, FIBER_BLOCKED, FIBER_DONE, FIBER_FROZEN };

struct fiber {
  fiber_context context;
  void *stack;
  uint8_t state, index, depth; /* depth: of signal handlers */
  bool in_operation;
  uint32_t steps, op_steps;
  uint8_t puts;       /* so far; names their items */
  uint64_t memory[8]; /* the operations' own */
  int wake_result;
  uint32_t *word; /* asleep on */
  pawl_time until;
  void *self; /* os_self */
  void (*at_exit)(void *self);
  /* vc: what happens before. cv: what coherence and fences let it see, which is more. The others wait for a fence. */
  clock8 vc, cv, acquire_vc, acquire_cv, release_vc, release_cv;
};

/* One operation of the history, with what is needed for its place in happens-before. */
struct span {
  clock8 invoked, returned; /* what its thread knew then */
  int16_t began, ended;     /* its thread's own clock */
};

struct machine {
  /* the hot part */
  struct fiber *cur;
  bool running; /* false: set-up and judging, where operations are plain */
  bool fast;    /* a walk without recording, freezing, handlers: see model_point */
  bool weak, tracing, recording;
  uint32_t step, step_limit, event;
  uint32_t left, gap;    /* walk: points to the next switch, and how many there were */
  uint32_t ready, timed; /* sets of fibers: READY; BLOCKED with a deadline */
  uint64_t rng;
  int16_t s_time;

  struct fiber fiber[FIBERS];
  fiber_context main;
  jmp_buf crash;
  const struct config *config;
  void *object;
  int threads;
  char program[FIBERS][OPS_MAX + 1];
  clock8 fences; /* what fences in S have published */
  pawl_time now;
  int frozen; /* fiber, or -1 */
  uint32_t frozen_event;
  int handlers_left, faults_left;
  uint32_t stale_left;
  enum verdict verdict;
  const char *why;

  struct history history;
  struct span span[HISTORY_MAX];
  int current[FIBERS][HANDLER_DEPTH + 1]; /* operation under way, by handler depth; -1: none */

  uint32_t worst_own_steps;
};

extern struct machine M;

/* ---- decide.c */

void decide_begin(enum source source, uint64_t seed);
void decide_alone(uint32_t points); /* one thread goes on alone, for so many points at most */
void decide_bytes(const void *data, size_t size);
void decide_replay(const struct recording *recording);
bool decide_dfs_next(void); /* false: the search is complete */
void decide_dfs_reset(void);
void decide_pct_horizon(uint32_t steps);
extern struct recording model_record; /* of the schedule, while M.recording */
enum { NOBODY = 255 };
/* The fiber to go on at a point of `cur`, who may go on too if `stay`. NOBODY: cur, or there is none. */
unsigned decide_fiber(enum decision_kind kind, bool stay);
/* 0 .. n - 1; 0 is the harmless answer. `rarity`: 1 in that many is not 0. */
unsigned decide_index(enum decision_kind kind, unsigned n, unsigned rarity);
void decide_yield(void); /* the running fiber spins */

static inline uint64_t rng_next(void)
{
  uint64_t x = M.rng;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return M.rng = x;
}

static inline uint64_t rng_mix(uint64_t x)
{
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* ---- machine.c */

void model_open(const struct config *config); /* builds the object, keeps its image for all schedules */
enum verdict model_schedule(uint64_t seed);   /* one schedule; decide_* was set up by the caller */
void model_switch_to(unsigned fiber);
void model_block(uint32_t *word, pawl_time until);
void model_wake(struct fiber *f, int result);
void model_slow_point(void);
void model_walk_switch(void);
/* Ends the schedule with this verdict; does not return to a running subject. */
void model_fail(enum verdict verdict, const char *why);

/* Every shared access begins here: somebody else may go on first. */
static inline void model_point(void)
{
  if (LIKELY(M.fast)) {
    if (UNLIKELY(--M.left == 0))
      model_walk_switch();
  } else if (M.running) {
    model_slow_point();
  }
}

/* ---- program.c */

void program_open(const struct config *config);
void program_draw(const struct config *config, uint64_t seed); /* fills M.program */
void program_run(struct fiber *f);
void program_signal(struct fiber *f);
enum verdict program_judge(void);
uint64_t program_histories(void); /* different ones seen so far */
void program_forget(void);
const struct pawl_check_op *program_op(const struct pawl_check_subject *subject, char key);

/* ---- memory.c */

void memory_reset(void);
void memory_fence(struct fiber *f, bool seq);
void memory_forget(const void *start, size_t size); /* the memory becomes a new object */
uint64_t memory_futex_load(uint32_t *word);
struct pawl_check_site *model_sites(size_t *n);

/* ---- futex.c, beside what pawl/check.h has */

pawl_time model_now(void);
void model_membarrier(void);

/* ---- arena.c */

enum { ARENA_SIZE = 1 << 20, ARENA_GRANULE = 16, ARENA_BLOCKS = 4096 };

struct arena_block {
  const char *name;
  uint32_t offset, size;
  uint32_t limit; /* offset of the end while it is live, else 0 */
  uint8_t live, owner;
  int16_t allocated;
  clock8 last; /* access of each thread */
};

extern struct arena_block arena_blocks[ARENA_BLOCKS];
extern uint16_t arena_map[ARENA_SIZE / ARENA_GRANULE];
extern char *arena_base;

void arena_fault(const struct arena_block *block, bool is_early);

/* Checks one access and, if `now` is not 0, notes it. Memory outside of the arena is a global, or a stack. */
static inline void arena_touch(const volatile void *p, size_t size, int16_t now)
{
  size_t offset = (size_t)((const volatile char *)p - arena_base);
  if (UNLIKELY(offset >= ARENA_SIZE))
    return;
  struct arena_block *b = &arena_blocks[arena_map[offset / ARENA_GRANULE]];
  if (UNLIKELY(offset + size > b->limit))
    arena_fault(b, false);
  if (now == 0)
    return;
  if (UNLIKELY(M.cur->vc[b->owner] < b->allocated))
    arena_fault(b, true);
  b->last[M.cur->index] = now;
}

void arena_open(void);  /* once */
void arena_clear(void); /* no blocks */
void arena_image(void); /* what is there now is there at each schedule's beginning */
void arena_reset(void);
void *arena_alloc(size_t size, size_t align, const char *name);
void arena_free(void *memory);
size_t arena_live(void);
/* "seg2+16" for addresses in blocks; false: not in the heap. */
bool arena_name(const volatile void *p, char *text, size_t size);

/* ---- explore.c */

struct outcome {
  enum verdict verdict;
  const char *why;
  uint64_t schedules, histories;
  uint64_t seed; /* of the failing schedule */
  double seconds;
  uint32_t worst_own_steps;
  uint32_t longest; /* steps of the longest schedule */
  bool complete;    /* exhaustive search: nothing is left */
};

struct budget {
  uint64_t schedules;
  double seconds; /* 0: no limit */
  bool progress;
};

/* Runs schedules until one fails or the budget is spent. A failing one can be run again by explore_again. */
enum verdict explore(const struct config *config, uint64_t seed, const struct budget *budget, struct outcome *out);
void explore_horizon(const struct config *config); /* prepares PCT for the configuration that is open */
double seconds_now(void);

/* ---- shrink.c */

/* After a failing explore: finds a smaller failing schedule and prints both, with how to see them again. */
void shrink_and_print(const struct config *config, const struct outcome *outcome, const char *command);
/* "pg|g" of M.program; decisions as "5=2,17=1" and back. */
void program_text(char *text, size_t size);
bool recording_parse(const char *text, struct recording *out);

/* ---- trace.c */

void trace_begin(void);
void trace_access(const struct pawl_check_site *site, const volatile void *p, uint64_t old, uint64_t value, bool done,
                  unsigned back);
void trace_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace_print(void);

#endif
