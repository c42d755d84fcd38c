/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.c - fibers and scheduling points: runs one schedule from the image of the object to the standstill at its end.
 */
#include "machine.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct machine M;

/* AT_GLOBAL puts the library's mutable globals here; one of our own, so that the section exists. */
static uint64_t anchor __attribute__((section("pawl_check_globals"), used));
extern char __start_pawl_check_globals[], __stop_pawl_check_globals[];
static char *globals_fresh, *globals_ready; /* as linked; as the set-up left them, for every schedule */
static size_t globals_size;

static char crash_stack[64 * 1024];

const char *verdict_name(enum verdict verdict)
{
  static const char *const names[] = {"ok",     "history",  "race",   "memory", "crash",
                                      "no end", "progress", "assert", "stuck",  "misuse"};
  return names[verdict];
}

void model_fail(enum verdict verdict, const char *why)
{
  if (M.verdict == VERDICT_OK) {
    M.verdict = verdict;
    M.why = why;
  }
  if (!M.running)
    return;
  trace_note("%s: %s", verdict_name(verdict), why);
  M.running = M.fast = false;
  fiber_switch(&M.cur->context, &M.main);
}

static void on_crash(int signal)
{
  if (!M.running) {
    static const char text[] = "pawl-check: crashed outside of a schedule\n";
    if (write(2, text, sizeof(text) - 1) < 0)
      _exit(2);
    _exit(2);
  }
  (void)signal;
  longjmp(M.crash, 1);
}

static void catch_crashes(void)
{
  stack_t stack = {.ss_sp = crash_stack, .ss_size = sizeof(crash_stack)};
  struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER};
  sigaltstack(&stack, NULL);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGFPE, &action, NULL);
  sigaction(SIGILL, &action, NULL);
}

/* ---- fibers */

void model_switch_to(unsigned index)
{
  struct fiber *from = M.cur, *to = &M.fiber[index];
  if (to->state == FIBER_BLOCKED) { /* its deadline passes now */
    if (M.now < to->until)
      M.now = to->until;
    model_wake(to, PAWL_TIMEOUT);
  }
  if (to == from)
    return;
  M.cur = to;
  fiber_switch(&from->context, &to->context);
}

/* The running fiber cannot go on: somebody else does, or nobody and the schedule is over. */
static void give_way(void)
{
  unsigned next = decide_fiber(D_NEXT, false);
  if (next != NOBODY)
    model_switch_to(next);
  else
    fiber_switch(&M.cur->context, &M.main);
}

void model_block(uint32_t *word, pawl_time until)
{
  struct fiber *f = M.cur;
  f->state = FIBER_BLOCKED;
  f->word = word;
  f->until = until;
  M.ready &= ~(1u << f->index);
  if (until != PAWL_FOREVER)
    M.timed |= 1u << f->index;
  give_way();
}

void model_wake(struct fiber *f, int result)
{
  f->state = FIBER_READY;
  f->wake_result = result;
  M.ready |= 1u << f->index;
  M.timed &= ~(1u << f->index);
}

static void leave(enum fiber_state state)
{
  M.cur->state = (uint8_t)state;
  M.ready &= ~(1u << M.cur->index);
  give_way();
}

static void fiber_main(void)
{
  program_run(M.cur);
  struct fiber *f = M.cur;
  f->op_steps = 0;
  if (M.config->exits && f->self != NULL && f->at_exit != NULL)
    f->at_exit(f->self);
  f->self = NULL;
  leave(FIBER_DONE);
  abort(); /* nobody switches to a fiber that is done */
}

/* ---- points */

static void count_own_steps(struct fiber *f)
{
  f->op_steps++;
  if (M.frozen < 0 || !f->in_operation)
    return;
  if (f->op_steps > M.worst_own_steps)
    M.worst_own_steps = f->op_steps;
  if (f->op_steps > M.config->own_steps)
    model_fail(VERDICT_PROGRESS, "beside a frozen thread an operation does not end");
}

void model_slow_point(void)
{
  struct fiber *f = M.cur;
  if (++M.step >= M.step_limit)
    model_fail(VERDICT_STEPS, "the schedule does not end (a loop that waits for another thread needs pawl_check_pause)");
  f->steps++;
  if (M.config->freeze) {
    count_own_steps(f);
    if (M.frozen < 0 && f->index != DRAINER && decide_index(D_FREEZE, 2, 48)) {
      M.frozen = f->index;
      M.frozen_event = ++M.event;
      trace_note("frozen for ever");
      for (int i = 0; i < M.threads; i++)
        M.fiber[i].op_steps = 0;
      leave(FIBER_FROZEN);
    }
  }
  if (M.handlers_left > 0 && f->depth < HANDLER_DEPTH && f->index != DRAINER && decide_index(D_SIGNAL, 2, 24)) {
    M.handlers_left--;
    program_signal(f);
  }
  unsigned next = decide_fiber(D_SWITCH, true);
  if (next != NOBODY)
    model_switch_to(next);
}

void pawl_check_pause(void)
{
  if (!M.running)
    return;
  if (++M.step >= M.step_limit)
    model_fail(VERDICT_STEPS, "the schedule does not end: a spin loop waits for what does not come");
  if (M.config->freeze)
    count_own_steps(M.cur);
  decide_yield();
}

void pawl_check_fail(const char *what)
{
  model_fail(VERDICT_ASSERT, what);
}

/* ---- a schedule */

static void open_stacks(void)
{
  char *stacks = mmap(NULL, FIBERS * (size_t)STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stacks == MAP_FAILED)
    abort();
  for (int i = 0; i < FIBERS; i++) {
    M.fiber[i].stack = stacks + i * (size_t)STACK_SIZE;
    M.fiber[i].index = (uint8_t)i;
  }
  /* One unused page below each stack, so that overrunning one is a crash and not another thread's trouble. */
  for (int i = 0; i < FIBERS; i++)
    mprotect(M.fiber[i].stack, 4096, PROT_NONE);
}

static struct {
  void *self;
  void (*at_exit)(void *);
} selves[FIBERS];

static void attach_all(const struct config *config)
{
  const struct pawl_check_subject *s = config->subject;
  for (int i = 0; i < FIBERS && s->attach != NULL; i++) {
    if ((i >= config->setup.threads || config->late) && i != DRAINER)
      continue;
    M.cur = &M.fiber[i];
    s->attach(M.object, i);
  }
  M.cur = &M.fiber[DRAINER];
}

static void init_object(const struct config *config)
{
  const struct pawl_check_subject *s = config->subject;
  memset(M.object, 0, s->size);
  if (s->init != NULL && s->init(M.object, &config->setup) != 0) {
    fprintf(stderr, "pawl-check: %s cannot be set up this way\n", s->name);
    exit(2);
  }
  attach_all(config);
}

/* --again: each thread puts and gets, then the object ends. What they remember of it is wrong from now on. */
static void use_up(const struct config *config)
{
  const struct pawl_check_subject *s = config->subject;
  for (int i = 0; i < config->setup.threads; i++) {
    struct pawl_check_call call = {.item = 1, .thread = i, .memory = M.fiber[i].memory};
    M.cur = &M.fiber[i];
    (void)program_op(s, 'p')->call(M.object, &call);
    (void)program_op(s, 'g')->call(M.object, &call);
  }
  M.cur = &M.fiber[DRAINER];
  s->finish(M.object);
  if (M.verdict != VERDICT_OK) {
    fprintf(stderr, "pawl-check: %s: %s\n", s->name, M.why);
    exit(2);
  }
}

static void setup_object(const struct config *config)
{
  const struct pawl_check_subject *s = config->subject;
  M.object = arena_alloc(s->size < 16 ? 16 : s->size, 128, s->name);
  M.cur = &M.fiber[DRAINER];
  init_object(config);
  if (!config->again)
    return;
  use_up(config);
  init_object(config);
}

void model_open(const struct config *config)
{
  if (globals_fresh == NULL) {
    open_stacks();
    catch_crashes();
    arena_open();
    globals_size = (size_t)(__stop_pawl_check_globals - __start_pawl_check_globals);
    globals_fresh = malloc(globals_size);
    globals_ready = malloc(globals_size);
    memcpy(globals_fresh, __start_pawl_check_globals, globals_size);
  }
  memcpy(__start_pawl_check_globals, globals_fresh, globals_size);
  M.config = config;
  M.threads = config->setup.threads;
  program_open(config);
  M.weak = config->weak;
  M.running = M.fast = false;
  M.verdict = VERDICT_OK;
  M.now = 1000000000;
  arena_clear();
  for (int i = 0; i < FIBERS; i++)
    M.fiber[i].self = NULL;
  setup_object(config);
  for (int i = 0; i < FIBERS; i++) {
    selves[i].self = M.fiber[i].self;
    selves[i].at_exit = M.fiber[i].at_exit;
  }
  arena_image();
  memcpy(globals_ready, __start_pawl_check_globals, globals_size);
}

static void reset_fiber(struct fiber *f, bool used)
{
  memset(&f->vc, 0, sizeof(struct fiber) - offsetof(struct fiber, vc));
  f->vc[f->index] = f->cv[f->index] = 1;
  f->steps = f->op_steps = 0;
  f->puts = 0;
  memset(f->memory, 0, sizeof(f->memory));
  f->depth = 0;
  f->in_operation = false;
  f->self = selves[f->index].self;
  f->at_exit = selves[f->index].at_exit;
  f->state = FIBER_NONE;
  if (!used)
    return;
  f->state = FIBER_READY;
  fiber_prepare(&f->context, f->stack, STACK_SIZE, fiber_main);
}

static void reset(void)
{
  const struct config *c = M.config;
  arena_reset();
  memcpy(__start_pawl_check_globals, globals_ready, globals_size);
  memory_reset();
  M.step = M.event = 0;
  M.s_time = 0;
  M.step_limit = c->steps;
  M.ready = (1u << M.threads) - 1;
  M.timed = 0;
  M.fences = (clock8){0};
  M.now = 1000000000;
  M.frozen = -1;
  M.handlers_left = c->handlers ? 4 : 0;
  M.faults_left = 2;
  M.stale_left = c->stale != 0 ? c->stale : UINT32_MAX;
  M.verdict = VERDICT_OK;
  M.why = NULL;
  M.history.n = 0;
  for (int i = 0; i < FIBERS; i++)
    for (int d = 0; d <= HANDLER_DEPTH; d++)
      M.current[i][d] = -1;
  for (int i = 0; i < FIBERS; i++)
    reset_fiber(&M.fiber[i], i < M.threads);
}

static void run_from(struct fiber *f)
{
  bool fast = M.config->source == FROM_WALK && !M.recording && !M.config->freeze && !M.config->handlers;
  M.cur = f;
  M.running = true;
  M.fast = fast;
  fiber_switch(&M.main, &f->context);
  M.running = M.fast = false;
  if (fast)
    M.step += M.gap - M.left;
}

static bool somebody_sleeps(void)
{
  for (int i = 0; i < M.threads; i++)
    if (M.fiber[i].state == FIBER_BLOCKED)
      return true;
  return false;
}

/* What one thread finds that comes after all others, unless sleepers would be woken by it. */
static void drain(void)
{
  struct fiber *f = &M.fiber[DRAINER];
  if (M.verdict != VERDICT_OK || somebody_sleeps() ||
      ((M.config->subject->flags & PAWL_CHECK_DRAIN) == 0 && M.config->subject->finish == NULL))
    return;
  reset_fiber(f, true);
  for (int i = 0; i < M.threads; i++) {
    if (M.fiber[i].state == FIBER_DONE)
      f->vc = clock_max(f->vc, M.fiber[i].vc);
    f->cv = clock_max(f->cv, M.fiber[i].cv);
  }
  f->cv = clock_max(f->cv, M.fences);
  M.ready |= 1u << DRAINER;
  decide_alone(M.step_limit);
  run_from(f);
}

enum verdict model_schedule(uint64_t seed)
{
  decide_begin(M.config->source, seed);
  reset();
  if (setjmp(M.crash) != 0) {
    M.running = M.fast = false;
    M.verdict = VERDICT_CRASH;
    M.why = "the program crashed";
    return M.verdict;
  }
  M.cur = &M.fiber[DRAINER];
  run_from(&M.fiber[decide_fiber(D_NEXT, false)]);
  drain();
  if (M.verdict != VERDICT_OK)
    return M.verdict;
  return program_judge();
}
