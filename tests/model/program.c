/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.c - what the threads of a schedule do, the history of it, and the judgement.
 *
 * A program is a string of keys per thread. Sequentially consistent histories are ordered by real time (an operation is
 * invoked at a scheduling point of its own, so that all orders occur), weak ones by happens-before. Histories judged good
 * are remembered by a 64-bit hash, because most schedules repeat one: of 1e6 different ones, a new one would be taken for an
 * old one with a probability of 1e-13 each.
 */
#include "machine.h"

#include <stdlib.h>

enum { KNOWN = 1 << 16, OP_ABSENT = 255 };

static uint64_t known[KNOWN];
static uint64_t different;

const struct pawl_check_op *program_op(const struct pawl_check_subject *subject, char key)
{
  for (const struct pawl_check_op *op = subject->ops; op->key != 0; op++)
    if (op->key == key)
      return op;
  return NULL;
}

uint64_t program_histories(void)
{
  return different;
}

void program_forget(void)
{
  memset(known, 0, sizeof(known));
  different = 0;
}

/* ---- drawing programs */

/* The part of "a|b|c" that belongs to thread t; the last part holds for the rest. */
static const char *part_of(const char *parts, int t, size_t *length)
{
  const char *bar;
  while (t-- > 0 && (bar = strchr(parts, '|')) != NULL)
    parts = bar + 1;
  bar = strchr(parts, '|');
  *length = bar != NULL ? (size_t)(bar - parts) : strlen(parts);
  return parts;
}

static bool is_allowed(const struct config *c, const struct pawl_check_op *op, int thread)
{
  if (c->keys != NULL ? strchr(c->keys, op->key) == NULL : op->weight == 0)
    return false;
  size_t length;
  const char *roles = c->subject->roles;
  const char *mine = roles != NULL ? part_of(roles, thread, &length) : NULL;
  return mine == NULL || memchr(mine, op->key, length) != NULL;
}

/* The keys that a thread may draw, each as often as it weighs. */
static struct {
  char keys[256];
  unsigned n;
} urn[THREADS_MAX];

void program_open(const struct config *c)
{
  for (int t = 0; t < THREADS_MAX; t++) {
    urn[t].n = 0;
    for (const struct pawl_check_op *op = c->subject->ops; op->key != 0; op++)
      for (unsigned w = op->weight != 0 ? op->weight : 1; w > 0 && is_allowed(c, op, t) && urn[t].n < sizeof(urn[t].keys); w--)
        urn[t].keys[urn[t].n++] = op->key;
  }
}

void program_draw(const struct config *c, uint64_t seed)
{
  const char *fixed = c->program != NULL ? c->program : c->subject->program;
  uint64_t r = seed ^ 0x6a09e667f3bcc908;
  for (int t = 0; t < M.threads; t++) {
    M.program[t][0] = 0;
    if (fixed != NULL) {
      size_t length;
      const char *part = part_of(fixed, t, &length);
      if (length > OPS_MAX)
        length = OPS_MAX;
      memcpy(M.program[t], part, length);
      M.program[t][length] = 0;
      continue;
    }
    int n = urn[t].n == 0 ? 0 : c->ops < OPS_MAX ? c->ops : OPS_MAX;
    M.program[t][n] = 0;
    for (int i = 0; i < n; i++) {
      r = rng_mix(r);
      M.program[t][i] = urn[t].keys[(r >> 32) * urn[t].n >> 32];
    }
  }
}

/* ---- running them */

/* How many operations of the history a call is. */
static int parts_of(const struct pawl_check_op *op)
{
  bool bulk = (op->kind == PAWL_CHECK_PUT || op->kind == PAWL_CHECK_GET) && op->arg > 1;
  return !bulk ? 1 : op->arg < PAWL_CHECK_BULK ? (int)op->arg : PAWL_CHECK_BULK;
}

static int begin(struct fiber *f, const struct pawl_check_op *op, const struct pawl_check_call *call)
{
  if (op->kind == PAWL_CHECK_NONE)
    return -1;
  int first = M.history.n, n = parts_of(op);
  if (first + n > HISTORY_MAX)
    model_fail(VERDICT_USE, "more operations than a history holds");
  M.history.n += n;
  M.event++;
  f->cv[f->index] = ++f->vc[f->index];
  for (int i = first; i < first + n; i++) {
    M.history.op[i] = (struct history_op){.thread = f->index,
                                          .kind = (uint8_t)op->kind,
                                          .phase = OP_PENDING,
                                          .follows = i > first,
                                          .arg = op->kind == PAWL_CHECK_PUT ? call->bulk[i - first] : (uint64_t)op->arg,
                                          .key = call->keys[i - first],
                                          .invoked = M.event};
    M.span[i].began = f->vc[f->index];
    M.span[i].invoked = f->vc;
  }
  return first;
}

/* What part k of a call answered; false: it never began. */
static bool answer_of(const struct pawl_check_op *op, int k, const struct pawl_check_call *call, int result,
                      struct history_op *h)
{
  bool alone = parts_of(op) == 1;
  h->result = alone || k >= call->done ? result : 0;
  h->out = alone ? call->out : call->bulk[k];
  h->keyed = call->keyed;
  if (h->keyed)
    h->key = alone ? call->key : call->keys[k];
  if (!alone && k == call->done && result == 0)
    h->result = RESULT_NOTHING;
  return !call->absent && (alone || k <= call->done);
}

static void end(struct fiber *f, const struct pawl_check_op *op, int first, const struct pawl_check_call *call, int result)
{
  M.event++;
  f->cv[f->index] = ++f->vc[f->index];
  for (int i = first; i < first + parts_of(op); i++) {
    struct history_op *h = &M.history.op[i];
    h->phase = OP_DONE;
    if (!answer_of(op, i - first, call, result, h))
      h->kind = OP_ABSENT;
    h->returned = M.event;
    M.span[i].ended = f->vc[f->index];
    M.span[i].returned = f->vc;
  }
}

static const char *result_name(int result)
{
  static char text[24];
  switch (result) {
#define CASE_OF(name, code, words)                                                                                             \
  case code:                                                                                                                   \
    return #name;
    PAWL_ERRORS(CASE_OF)
#undef CASE_OF
  default:
    snprintf(text, sizeof(text), "%d", result);
    return text;
  }
}

/* Few keys, so that equal ones are common. */
static int64_t draw_key(void)
{
  static const int64_t keys[] = {0, -1, 1};
  int model = M.config->subject->model;
  return model == PAWL_CHECK_PRIORITY || model == PAWL_CHECK_BAG ? keys[decide_index(D_KEY, 3, 2)] : 0;
}

static void name_items(struct fiber *f, const struct pawl_check_op *op, struct pawl_check_call *call)
{
  for (int k = 0; k < parts_of(op) && op->kind == PAWL_CHECK_PUT; k++) {
    call->bulk[k] = (uint64_t)(f->index + 1) << 8 | ++f->puts;
    call->keys[k] = draw_key();
  }
  call->item = op->kind == PAWL_CHECK_PUT ? call->bulk[0] : (uint64_t)op->arg;
  call->key = call->keys[0];
}

static void trace_call(const struct pawl_check_op *op, const struct pawl_check_call *call)
{
  char text[80] = "";
  int n = 0;
  for (int k = 0; k < parts_of(op) && op->kind == PAWL_CHECK_PUT; k++) {
    n += snprintf(text + n, sizeof(text) - (size_t)n, " %llx", (unsigned long long)call->bulk[k]);
    if (call->keys[k] != 0)
      n += snprintf(text + n, sizeof(text) - (size_t)n, " (key %lld)", (long long)call->keys[k]);
  }
  trace_note("> %s%s", op->name, text);
}

static void trace_answer(const struct pawl_check_op *op, const struct pawl_check_call *call, int result)
{
  char text[64] = "";
  if (result == 0 && (op->kind == PAWL_CHECK_GET || op->kind == PAWL_CHECK_PEEK))
    snprintf(text, sizeof(text), call->keyed ? ", %llx (key %lld)" : ", %llx", (unsigned long long)call->out,
             (long long)call->key);
  if (call->absent)
    trace_note("(nothing to do)");
  else if (parts_of(op) > 1)
    trace_note("< %s = %s, %d of %d", op->name, result_name(result), call->done, parts_of(op));
  else
    trace_note("< %s = %s%s", op->name, result_name(result), text);
}

static int run_op(struct fiber *f, const struct pawl_check_op *op, int index)
{
  struct pawl_check_call call = {.thread = f->index, .index = index, .memory = f->memory};
  if (f->index != DRAINER && op->kind != PAWL_CHECK_NONE)
    model_point();
  name_items(f, op, &call);
  int i = begin(f, op, &call);
  int *current = &M.current[f->index][f->depth], outer = *current;
  *current = i;
  f->in_operation = true;
  f->op_steps = 0;
  if (UNLIKELY(M.tracing))
    trace_call(op, &call);
  int result = op->call(M.object, &call);
  if (UNLIKELY(M.tracing))
    trace_answer(op, &call, result);
  f->in_operation = f->depth > 0;
  *current = outer;
  if (i >= 0)
    end(f, op, i, &call, result);
  return result;
}

/* What it says of itself when all is quiet. Nothing runs beside these steps, and PCT need not spread its changes over them. */
static void look_at_the_end(struct fiber *f)
{
  const struct pawl_check_op *look = program_op(M.config->subject, 's');
  uint32_t step = M.step, left = M.left;
  if (look != NULL && look->kind == PAWL_CHECK_SIZE)
    (void)run_op(f, look, -1);
  M.step = step;
  M.left = left;
}

static void run_drainer(struct fiber *f)
{
  const struct pawl_check_subject *s = M.config->subject;
  const struct pawl_check_op *get = program_op(s, 'g');
  if ((s->flags & PAWL_CHECK_DRAIN) != 0 && get != NULL) {
    look_at_the_end(f);
    for (int i = 0; run_op(f, get, i) == 0; i++)
      ;
  }
  if (s->finish != NULL && M.frozen < 0)
    s->finish(M.object);
}

void program_run(struct fiber *f)
{
  if (f->index == DRAINER) {
    run_drainer(f);
    return;
  }
  const char *keys = M.program[f->index];
  for (int i = 0; keys[i] != 0; i++) {
    const struct pawl_check_op *op = program_op(M.config->subject, keys[i]);
    if (op == NULL)
      model_fail(VERDICT_USE, "the program has a key that the subject does not know");
    run_op(f, op, i);
  }
}

void program_signal(struct fiber *f)
{
  const struct pawl_check_op *op = program_op(M.config->subject, M.config->subject->handler);
  uint32_t steps = f->op_steps;
  bool inside = f->in_operation;
  trace_note("a signal arrives");
  f->depth++;
  run_op(f, op, 100 + f->depth);
  f->depth--;
  f->in_operation = inside;
  f->op_steps = steps;
  trace_note("the handler returns");
}

/* ---- judging */

static void set_phases(void)
{
  struct history *h = &M.history;
  for (int i = 0; i < h->n; i++) {
    struct history_op *op = &h->op[i];
    if (op->phase == OP_DONE)
      continue;
    bool frozen = op->thread == M.frozen;
    /* Who was frozen may owe the sleepers a wake-up. */
    op->phase = M.fiber[op->thread].state == FIBER_BLOCKED && M.frozen < 0 ? OP_BLOCKED : OP_PENDING;
    if (op->phase == OP_BLOCKED && op->follows)
      op->kind = OP_ABSENT; /* a get of several sleeps for its first item only */
    op->returned = frozen && !M.weak ? M.frozen_event : 0;
  }
}

static void drop_absent(void)
{
  int n = 0;
  for (int i = 0; i < M.history.n; i++) {
    if (M.history.op[i].kind == OP_ABSENT)
      continue;
    M.history.op[n] = M.history.op[i];
    M.span[n++] = M.span[i];
  }
  M.history.n = n;
}

static void order(void)
{
  struct history *h = &M.history;
  for (int i = 0; i < h->n; i++) {
    uint64_t before = 0;
    for (int j = 0; j < h->n; j++) {
      if (h->op[j].phase != OP_DONE || j == i)
        continue;
      bool first = M.weak ? M.span[j].ended <= M.span[i].invoked[h->op[j].thread] : h->op[j].returned < h->op[i].invoked;
      before |= (uint64_t)first << j;
    }
    if (h->op[i].follows)
      before |= (uint64_t)1 << (i - 1);
    h->op[i].before = before;
  }
}

static uint64_t hash_history(void)
{
  uint64_t hash = 0x51ed270b7a1f3c5d;
  for (int i = 0; i < M.history.n; i++) {
    const struct history_op *op = &M.history.op[i];
    hash = (hash ^ ((uint64_t)(uint32_t)op->result << 16 | (uint64_t)op->kind << 8 | op->phase)) * 0x9e3779b97f4a7c15u;
    hash = ((hash ^ hash >> 29) ^ op->arg ^ op->out << 20 ^ (uint64_t)op->key << 48 ^ (uint64_t)op->keyed << 63) *
           0xbf58476d1ce4e5b9u;
    hash = ((hash ^ hash >> 32) ^ op->before ^ (op->phase == OP_PENDING ? op->returned << 40 : 0)) * 0x94d049bb133111ebu;
  }
  return hash ^ hash >> 31;
}

/* Whether what came before operation i happens before what comes after operation j. */
static bool is_passed_on(int i, int j)
{
  return M.span[i].began <= M.span[j].returned[M.history.op[i].thread];
}

static bool is_through(const struct history_op *op)
{
  return op->phase == OP_DONE && (op->kind == OP_PUT ? history_went_in(op->result) : op->result == 0);
}

static bool succeeded(int i, enum history_kind kind)
{
  return M.history.op[i].kind == kind && is_through(&M.history.op[i]);
}

/* Puts that precede operation j; task_done calls whose past j has received, also those frozen behind their effect. */
static int count_before(enum history_kind kind, int j)
{
  int n = 0;
  for (int i = 0; i < M.history.n; i++) {
    const struct history_op *op = &M.history.op[i];
    if (kind == OP_PUT)
      n += succeeded(i, OP_PUT) && (M.history.op[j].before >> i & 1) != 0;
    else
      n += op->kind == kind && (op->phase != OP_DONE || op->result == 0) && is_passed_on(i, j);
  }
  return n;
}

/* Everything before a put happens before the return of the get or peek that receives its item; likewise task_done and join. */
static const char *judge_publication(void)
{
  bool dropped = false;
  for (int j = 0; j < M.history.n; j++)
    dropped |= M.history.op[j].kind == OP_CLOSE_NOW;
  for (int j = 0; j < M.history.n; j++) {
    bool received = succeeded(j, OP_GET) || succeeded(j, OP_PEEK);
    for (int i = 0; i < M.history.n && received; i++)
      if (M.history.op[i].kind == OP_PUT && M.history.op[i].arg == M.history.op[j].out && !is_passed_on(i, j))
        return "a put does not happen before the get of its item";
    if (succeeded(j, OP_JOIN) && !dropped && count_before(OP_TASK_DONE, j) < count_before(OP_PUT, j))
      return "join returns, but a task_done does not happen before that";
  }
  return NULL;
}

/*
 * The least and the most that may be inside while operation j looks, by what precedes it or is under way. An immediate shutdown
 * takes items as gets do; while it or a get beside it is under way, the head may stand where it stood before (S2 of spsc.h).
 */
static void extent_of(int j, int64_t *least, int64_t *most)
{
  const struct history_op *look = &M.history.op[j];
  bool dropped = false, emptied = false, moving = M.frozen >= 0;
  int64_t putting = 0, got = 0;
  for (int i = 0; i < M.history.n; i++) {
    const struct history_op *op = &M.history.op[i];
    bool before = (look->before >> i & 1) != 0, through = is_through(op);
    if (i == j || (op->before >> j & 1) != 0)
      continue;
    if (op->kind == OP_PUT) { /* one under way may hold a place, whatever becomes of it */
      *most += through || !before;
      *least += through && before;
      putting += !before;
    } else if (op->kind == OP_GET) {
      got += through && before;
      *least -= through || op->phase == OP_PENDING;
      moving |= !before;
    } else if (op->kind == OP_CLOSE_NOW) {
      dropped = true;
      emptied |= through && before;
      moving |= !before;
    }
  }
  if (dropped || *least < 0)
    *least = 0;
  if (!dropped || !moving)
    *most = emptied ? putting : *most - got;
}

/* Bounds that may have been in force while operation j looked. False: none. */
static bool bounds_of(int j, int64_t *smallest, int64_t *largest)
{
  bool always = *largest > 0;
  for (int i = 0; i < M.history.n; i++) {
    const struct history_op *op = &M.history.op[i];
    if (op->kind != OP_RESIZE || (op->before >> j & 1) != 0 || (op->phase == OP_DONE && op->result != 0))
      continue;
    int64_t size = (int64_t)op->arg;
    always &= size > 0;
    *smallest = size > 0 && (*smallest <= 0 || size < *smallest) ? size : *smallest;
    *largest = size > *largest ? size : *largest;
  }
  return always;
}

/* was_size and its kin are hints, but not any number. */
static const char *judge_looks(void)
{
  for (int j = 0; j < M.history.n; j++) {
    const struct history_op *look = &M.history.op[j];
    int64_t least = 0, most = 0, smallest = M.config->setup.capacity, largest = smallest, result = look->result;
    if (look->kind < OP_SIZE || look->kind > OP_IS_FULL || look->phase != OP_DONE)
      continue;
    bool bounded = bounds_of(j, &smallest, &largest);
    extent_of(j, &least, &most);
    if (look->kind == OP_SIZE && (result < least || result > most))
      return "the size is none that the puts and gets before and beside it explain";
    if (look->kind == OP_SIZE && bounded && result > largest)
      return "the size is above maxsize";
    if (look->kind == OP_IS_EMPTY && (result != 0 ? least > 0 : most <= 0))
      return "whether it is empty is not explained by the puts and gets before and beside it";
    if (look->kind == OP_IS_FULL && (result != 0 ? smallest <= 0 || most < smallest : bounded && least >= largest))
      return "whether it is full is not explained by the puts and gets before and beside it";
  }
  return NULL;
}

static enum verdict judge_history(void)
{
  const struct config *c = M.config;
  const struct model_spec spec = {
      .kind = (enum model_kind)c->subject->model,
      .maxsize = c->setup.capacity,
      .two_point = (c->subject->flags & PAWL_CHECK_TWO_POINT) != 0,
      .value = c->subject->permits,
      .bound = c->subject->bound,
  };
  set_phases();
  drop_absent();
  order();
  uint64_t hash = hash_history();
  uint64_t *slot = &known[hash % KNOWN];
  if ((M.weak && spec.kind <= MODEL_BAG && (M.why = judge_publication()) != NULL) || (M.why = judge_looks()) != NULL) {
    M.verdict = VERDICT_HISTORY;
    return M.verdict;
  }
  if (*slot == hash)
    return VERDICT_OK;
  if (!history_check(&M.history, &spec, &M.why)) {
    M.verdict = VERDICT_HISTORY;
    return M.verdict;
  }
  *slot = hash;
  different++;
  return VERDICT_OK;
}

enum verdict program_judge(void)
{
  const struct pawl_check_subject *s = M.config->subject;
  bool asleep = false, frozen = M.frozen >= 0;
  for (int i = 0; i < M.threads; i++)
    asleep |= M.fiber[i].state == FIBER_BLOCKED;
  if (s->model != PAWL_CHECK_NO_MODEL && judge_history() != VERDICT_OK)
    return M.verdict;
  if (s->model == PAWL_CHECK_NO_MODEL && asleep && !frozen) {
    M.verdict = VERDICT_STUCK;
    M.why = "a thread sleeps for ever";
    return M.verdict;
  }
  if (s->judge != NULL && !asleep && !frozen && (M.why = s->judge(M.object)) != NULL)
    M.verdict = VERDICT_ASSERT;
  return M.verdict;
}
