/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * checker.c - is a small history linearizable? A complete search, cheap enough to run after every explored schedule.
 *
 * Serves the schedule explorer and the real-thread rounds; not for histories of thousands of operations (tests/histories
 * has the checkers for those).
 *
 * Method: Wing and Gong, "Testing and verifying concurrent objects" (JPDC 1993), with the memoisation of Lowe, "Testing for
 * linearizability" (Concurrency and Computation, 2017). Depth first: linearize an operation all of whose predecessors
 * are linearized and whose result the model allows now; a state from which every continuation failed is remembered by
 * (operations linearized, hash of the model's state) and never entered again. The set of operations is kept exactly, the
 * state as a 64-bit hash: two different states with one set are taken for one another with a probability of 2^-64 a pair.
 * Deviations from the papers:
 *   - an operation that changes nothing (EMPTY, TIMEOUT, -ERANGE ...) is linearized as soon as its result is right, without
 *     branching: its being linearized enables others and disables none;
 *   - nothing is remembered before the first dead end, so that the usual history, which is correct, costs one descent.
 *
 * Phases. A pending operation may have taken effect or not. A blocked one has not, and must be disabled in the final state,
 * all of them at once: otherwise a wake-up was lost. A thread that was frozen may owe the others a wake-up; whoever freezes
 * threads hands in as pending the operations that may wait for it, and as blocked only those that must not.
 *
 * The two-point model of a bound. A put reserves room, then publishes. A successful put is linearized at its publication;
 * its reservation was taken before, at a moment that the history does not show. Let t be the instant at which another put
 * found the queue full. Each place taken at t is an item published and not yet got, which the model's state contains, or a
 * reservation of a put that was invoked before t, had not returned at t, and whose publication, if it comes at all, comes
 * after t: in the order of the linearization points it is a put that could be linearized now and is not. Such a put may
 * hold a reservation or not, because a reservation can be voided and taken again. So
 *     FULL     is allowed iff published + other puts that could be linearized now >= maxsize;
 *     success  is allowed iff published < maxsize: its own reservation took one of the places;
 *     EMPTY    is allowed iff nothing is published.
 * A put that ends with FULL, SHUTDOWN or -ENOMEM is in flight until that answer is linearized, which is therefore a branch.
 * Shutdown and a smaller maxsize bear on reservations, not on publications: a put in flight at that point may hold a
 * reservation from before (a grant) and publish later under the rules of before. A get passes a reservation only by taking
 * its item or by voiding it, so that the grants end with the first EMPTY or SHUTDOWN, or with an immediate shutdown. They
 * also end when a join of a closed queue finds nothing unfinished: it counts every put that may still succeed. (Not if a
 * task_done has ever run ahead of the items; then it may have been for such a put.)
 * The same fact bounds what a frozen put holds: once a get that was invoked after the freeze has answered EMPTY or
 * SHUTDOWN, or sleeps at the end, the reservation is void. It is used if `returned` of the pending put tells its last step;
 * then its item is not published either after an operation that was invoked later, since nobody publishes for another.
 * An item counts as unfinished from its admission, which lies between invocation and publication: while puts are in flight
 * task_done may already succeed for them and join may already wait for them. A put that fails takes its admission back just
 * before it returns, after the instant that makes its answer right: it counts as admitted for every operation that is
 * linearized before one that was invoked after that return. If a task_done has taken the admission, the two lapse together:
 * nobody can say which of the items that count was for, so from then on one more may or may not be unfinished.
 *
 * An immediate shutdown has an extent: it closes at one point, then drops the items one by one and counts them as done,
 * while other threads still get some; when it has returned nothing is left. In the search it is linearized twice, as its
 * beginning and its end, and single drops may come in between.
 *
 * A bag gives any item: where the history does not tell which one went (a drop, a get that did not return), each is tried. A
 * peek changes nothing and takes no reservation away, so that what it answers may be what a get answers or is about to answer.
 */
#include "history.h"

#include <errno.h>
#include <pawl/base.h>
#include <stdlib.h>
#include <string.h>

struct state {
  int64_t maxsize;
  int64_t value;     /* of the semaphore, or the outcome of the future */
  uint64_t begun;    /* immediate shutdowns begun */
  uint64_t grants;   /* puts that may hold a reservation from before a shutdown or a smaller maxsize */
  uint64_t failed;   /* puts whose failure is linearized, but which may not have returned: they may still be admitted */
  int64_t limit;     /* the maxsize under which they got it */
  uint32_t puts;     /* published so far */
  uint32_t finished; /* said to be done; above `puts` only if items in flight were */
  uint32_t lapsed;   /* admissions of puts that failed, which task_done may have taken */
  uint8_t
      front; /* items[front .. back) is what is in the queue, in the order of getting, LIFO from the back; a bag's in none */
  uint8_t back;
  uint8_t dropped; /* by an immediate shutdown, but not yet counted as finished */
  uint8_t closed;
  uint8_t ahead;   /* a task_done has come before its item */
  uint8_t outcome; /* of a future */
};

enum outcome { OUTCOME_NONE, OUTCOME_VALUE, OUTCOME_CANCELLED };

/* Rules that can be lifted, to find out which of them a bad history breaks. */
enum lifted { LIFTED_CLOSE = 1, LIFTED_BOUND = 2, LIFTED_KEY = 4 };

struct check {
  const struct history_op *op;
  const struct model_spec *spec;
  uint64_t done;    /* returned: must be linearized */
  uint64_t pending; /* may be linearized */
  uint64_t blocked;
  uint64_t still;   /* returned without changing anything */
  uint64_t puts;    /* that may hold a reservation */
  uint64_t failing; /* puts that failed, if there is somebody who may find them admitted */
  uint64_t frozen;  /* pending puts of two points whose last step is known */
  uint64_t ignored; /* operations taken as correct whatever they answered */
  unsigned lifted;
  uint64_t before[HISTORY_MAX];
  uint8_t items[HISTORY_MAX]; /* operations that put them */
};

/* What a put changed in items[], to be put back on the way up. Gets leave theirs in place. */
struct trace {
  uint8_t at, moved, old;
};

/* The states known to be dead ends. One table per thread, kept between calls; an entry counts if its round is the current. */
struct dead_end {
  uint64_t linearized, hash, round;
};

static _Thread_local struct {
  struct dead_end *slots;
  uint64_t size, count, round;
} memo;

static inline uint64_t bit(int i)
{
  return (uint64_t)1 << i;
}

static inline int lowest(uint64_t set)
{
  return __builtin_ctzll(set);
}

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

static uint64_t state_hash(const struct check *c, const struct state *s)
{
  uint64_t hash = mix(0x51ED270B, (uint64_t)s->maxsize);
  hash = mix(hash, (uint64_t)s->value);
  hash = mix(hash, s->begun);
  hash = mix(mix(hash, s->grants), (uint64_t)s->limit);
  hash = mix(hash, s->failed);
  hash = mix(hash, (uint64_t)s->puts << 32 | s->finished);
  hash = mix(hash, (uint64_t)s->lapsed << 32 | (uint64_t)s->dropped << 16 | (uint64_t)s->ahead << 9 | (uint64_t)s->closed << 8 |
                       s->outcome);
  uint64_t bag = 0;
  for (int i = s->front; i < s->back; i++) {
    uint64_t item = c->op[c->items[i]].arg, key = (uint64_t)c->op[c->items[i]].key;
    if (c->spec->kind == MODEL_BAG)
      bag += mix(mix(0, item), key);
    else
      hash = mix(mix(hash, item), key);
  }
  return mix(hash, bag);
}

static struct dead_end *memo_slot(struct dead_end *slots, uint64_t size, uint64_t linearized, uint64_t hash)
{
  for (uint64_t i = mix(hash, linearized);; i++) {
    struct dead_end *slot = &slots[i & (size - 1)];
    if (slot->round != memo.round || (slot->linearized == linearized && slot->hash == hash))
      return slot;
  }
}

static bool memo_has(uint64_t linearized, uint64_t hash)
{
  return memo_slot(memo.slots, memo.size, linearized, hash)->round == memo.round;
}

static void memo_grow(void)
{
  uint64_t size = memo.size == 0 ? 4096 : 2 * memo.size;
  struct dead_end *slots = calloc(size, sizeof(*slots));
  if (slots == NULL)
    abort();
  for (uint64_t i = 0; i < memo.size; i++) {
    struct dead_end *old = &memo.slots[i];
    if (old->round == memo.round)
      *memo_slot(slots, size, old->linearized, old->hash) = *old;
  }
  free(memo.slots);
  memo.slots = slots;
  memo.size = size;
}

static void memo_add(uint64_t linearized, uint64_t hash)
{
  if (2 * memo.count >= memo.size)
    memo_grow();
  *memo_slot(memo.slots, memo.size, linearized, hash) = (struct dead_end){linearized, hash, memo.round};
  memo.count++;
}

static inline bool is_ready(const struct check *c, uint64_t linearized, int i)
{
  return (c->before[i] & ~linearized) == 0;
}

static inline int size_of(const struct state *s)
{
  return s->back - s->front;
}

static inline bool found_none(int32_t result)
{
  return result == PAWL_EMPTY || result == PAWL_SHUTDOWN || result == RESULT_NOTHING;
}

/* Whether a frozen put's reservation was voided by a get linearized so far (or sleeping, at the end). */
static bool is_voided(const struct check *c, uint64_t gets, int put)
{
  for (; gets != 0; gets &= gets - 1) {
    const struct history_op *get = &c->op[lowest(gets)];
    bool found_nothing = get->phase == OP_BLOCKED || found_none(get->result);
    if (get->kind == OP_GET && found_nothing && get->invoked > c->op[put].returned)
      return true;
  }
  return false;
}

/* Whether an operation invoked after the last step of a frozen put was linearized. */
static bool is_overtaken(const struct check *c, uint64_t linearized, int put)
{
  for (; linearized != 0; linearized &= linearized - 1) {
    if (c->op[lowest(linearized)].invoked > c->op[put].returned)
      return true;
  }
  return false;
}

/* How many of `puts` are in flight, `self` apart: a bound of the reservations they hold. */
static int in_flight(const struct check *c, uint64_t linearized, uint64_t puts, uint64_t gets, int self)
{
  int n = 0;
  if (!c->spec->two_point)
    return 0;
  puts &= ~linearized;
  if (self >= 0)
    puts &= ~bit(self);
  for (; puts != 0; puts &= puts - 1) {
    int i = lowest(puts);
    if (is_ready(c, linearized, i) && !((c->frozen & bit(i)) != 0 && is_voided(c, gets, i)))
      n++;
  }
  return n;
}

/*
 * The most that may count as admitted, failed puts that have not returned apart. Other than a reservation, an admission is
 * not taken back while its put sleeps.
 */
static uint32_t admitted(const struct check *c, uint64_t linearized, const struct state *s)
{
  uint32_t n = s->puts + s->lapsed;
  if (c->spec->two_point) {
    for (uint64_t puts = c->puts & ~linearized; puts != 0; puts &= puts - 1)
      n += is_ready(c, linearized, lowest(puts));
  }
  return n;
}

static inline uint32_t count_of(uint64_t set)
{
  return (uint32_t)__builtin_popcountll(set);
}

/* Items that are not finished, or of which a task_done may think so. */
static bool is_unfinished(const struct check *c, uint64_t linearized, const struct state *s)
{
  return s->finished < s->puts || s->finished < admitted(c, linearized, s) + count_of(s->failed);
}

/*
 * If a task_done has run ahead of the items, it may have taken the admission of a put that failed: of the one that returns
 * first, since the others' go on counting.
 */
static void lapse(const struct check *c, struct state *s)
{
  if (s->failed == 0 || s->finished <= s->puts + s->lapsed)
    return;
  int first = lowest(s->failed);
  for (uint64_t others = s->failed & (s->failed - 1); others != 0; others &= others - 1) {
    if (c->op[lowest(others)].returned < c->op[first].returned)
      first = lowest(others);
  }
  s->failed &= ~bit(first);
  s->lapsed++;
}

static inline bool is_full(const struct state *s, int64_t maxsize, int reservations)
{
  return maxsize > 0 && size_of(s) + reservations >= maxsize;
}

/* The rules for puts are about to become stricter. */
static void grant(const struct check *c, uint64_t linearized, struct state *s)
{
  if (!c->spec->two_point || s->closed)
    return;
  uint64_t puts = c->puts & ~linearized;
  int64_t limit = s->grants == 0 ? s->maxsize : s->limit;
  s->limit = limit <= 0 || s->maxsize <= 0 ? 0 : limit > s->maxsize ? limit : s->maxsize;
  for (; puts != 0; puts &= puts - 1) {
    if (is_ready(c, linearized, lowest(puts)))
      s->grants |= bit(lowest(puts));
  }
}

static void publish(struct check *c, int i, struct state *s, struct trace *trace)
{
  int at = s->back;
  if (c->spec->kind == MODEL_PRIORITY) {
    while (at > s->front && c->op[c->items[at - 1]].key > c->op[i].key)
      at--;
  }
  trace->at = (uint8_t)at;
  trace->moved = (uint8_t)(s->back - at);
  trace->old = c->items[s->back];
  memmove(&c->items[at + 1], &c->items[at], trace->moved);
  c->items[at] = (uint8_t)i;
  s->back++;
  s->puts++;
}

static void unpublish(struct check *c, const struct trace *trace)
{
  memmove(&c->items[trace->at], &c->items[trace->at + 1], trace->moved);
  c->items[trace->at + trace->moved] = trace->old;
}

static int take(const struct check *c, struct state *s)
{
  return c->spec->kind == MODEL_LIFO ? c->items[--s->back] : c->items[s->front++];
}

/* Refused without any effect and for a reason outside the model. */
static inline bool is_refusal(int32_t result)
{
  return result == -ENOMEM || result == -EAGAIN;
}

static bool step_put(struct check *c, uint64_t linearized, int i, struct state *s, struct trace *trace)
{
  const struct history_op *op = &c->op[i];
  if (op->phase == OP_DONE && op->result == PAWL_COMPARE && c->spec->kind != MODEL_BAG)
    return false; /* the other orders are told by keys, which do not fail */
  if (op->phase == OP_PENDING || history_went_in(op->result)) {
    bool granted = (s->grants & bit(i)) != 0 && !is_full(s, s->limit, 0);
    bool closed = s->closed && !(c->lifted & LIFTED_CLOSE);
    bool full = is_full(s, s->maxsize, 0) && !(c->lifted & LIFTED_BOUND);
    if ((closed || full) && !granted)
      return false;
    if ((c->frozen & bit(i)) != 0 && is_overtaken(c, linearized, i))
      return false;
    publish(c, i, s, trace);
    return true;
  }
  if (op->result == PAWL_FULL) {
    if (s->closed || !is_full(s, s->maxsize, in_flight(c, linearized, c->puts, linearized, i)))
      return false;
  } else if (op->result == PAWL_SHUTDOWN) {
    if (!s->closed)
      return false;
  } else if (!is_refusal(op->result)) {
    return false;
  }
  s->failed |= c->failing & bit(i);
  lapse(c, s);
  return true;
}

/* Whether a get or peek told what this put brought. */
static bool is_told(const struct check *c, const struct history_op *op, int put)
{
  bool key = !op->keyed || op->key == c->op[put].key || (c->lifted & LIFTED_KEY) != 0;
  return key && op->out == c->op[put].arg;
}

static bool is_dry(const struct state *s, int32_t result)
{
  return size_of(s) == 0 && (result == RESULT_NOTHING || result == (s->closed ? PAWL_SHUTDOWN : PAWL_EMPTY));
}

/* From a bag it takes the item at the front: see search_each. */
static bool step_get(struct check *c, int i, struct state *s)
{
  const struct history_op *op = &c->op[i];
  if (op->phase == OP_PENDING || op->result == 0) {
    if (size_of(s) == 0)
      return false;
    int put = take(c, s);
    return op->phase == OP_PENDING || is_told(c, op, put);
  }
  if (is_refusal(op->result))
    return true;
  s->grants = 0;
  return is_dry(s, op->result);
}

static bool step_peek(struct check *c, int i, struct state *s)
{
  const struct history_op *op = &c->op[i];
  struct state after = *s;
  if (op->result != 0)
    return is_refusal(op->result) || is_dry(s, op->result);
  if (c->spec->kind != MODEL_BAG)
    return size_of(s) > 0 && is_told(c, op, take(c, &after));
  for (int k = s->front; k < s->back; k++)
    if (is_told(c, op, c->items[k]))
      return true;
  return false;
}

static bool step_task_done(struct check *c, uint64_t linearized, int i, struct state *s)
{
  const struct history_op *op = &c->op[i];
  if (op->phase == OP_DONE && op->result != 0)
    return op->result == -ERANGE && s->finished >= s->puts;
  if (!is_unfinished(c, linearized, s))
    return false;
  s->finished++;
  s->ahead |= s->finished > s->puts;
  lapse(c, s);
  return true;
}

static bool step_join(struct check *c, uint64_t linearized, int i, struct state *s)
{
  if (c->op[i].result == 0) {
    if (s->closed && !s->ahead)
      s->grants = 0;
    return s->finished >= s->puts;
  }
  return c->op[i].result == PAWL_TIMEOUT && is_unfinished(c, linearized, s);
}

static void finish_dropped(struct state *s, int n)
{
  s->dropped -= (uint8_t)n;
  for (; n > 0 && s->finished < s->puts; n--)
    s->finished++;
}

/* The end of an immediate shutdown that has begun. */
static void end_close_now(struct check *c, uint64_t linearized, int i, struct state *s)
{
  s->dropped += (uint8_t)size_of(s);
  s->grants = 0;
  if (c->spec->kind == MODEL_LIFO)
    s->back = s->front;
  else
    s->front = s->back;
  if ((s->begun & ~linearized & ~bit(i)) == 0)
    finish_dropped(s, s->dropped);
}

static bool step_semaphore(const struct check *c, int i, struct state *s)
{
  const struct history_op *op = &c->op[i];
  bool succeeded = op->phase == OP_PENDING || op->result == 0;
  if (op->kind == OP_ACQUIRE) {
    if (succeeded)
      return s->value-- > 0;
    return op->result == PAWL_TIMEOUT && s->value <= 0;
  }
  bool over = c->spec->bound >= 0 && (int64_t)op->arg > c->spec->bound - s->value;
  if (succeeded && !over)
    s->value += (int64_t)op->arg;
  return succeeded != over;
}

static bool step_future(const struct check *c, int i, struct state *s)
{
  const struct history_op *op = &c->op[i];
  if (op->kind == OP_SET) {
    if (op->phase == OP_DONE && op->result != 0)
      return op->result == PAWL_STATE && s->outcome != OUTCOME_NONE;
    if (s->outcome != OUTCOME_NONE)
      return false;
    s->outcome = OUTCOME_VALUE;
    s->value = (int64_t)op->arg;
    return true;
  }
  if (op->kind == OP_CANCEL) {
    if (op->phase == OP_DONE && op->result == 0)
      return s->outcome == OUTCOME_VALUE;
    if (s->outcome == OUTCOME_VALUE)
      return false;
    s->outcome = OUTCOME_CANCELLED;
    return true;
  }
  if (op->result == 0)
    return s->outcome == OUTCOME_VALUE && (uint64_t)s->value == op->out;
  if (op->result == PAWL_CANCELLED)
    return s->outcome == OUTCOME_CANCELLED;
  return op->result == PAWL_TIMEOUT && s->outcome == OUTCOME_NONE;
}

/* Linearizes operation i in the given state if the model allows its result. `trace->at` stays UINT8_MAX but for a put. */
static bool step(struct check *c, uint64_t linearized, int i, struct state *s, struct trace *trace)
{
  const struct history_op *op = &c->op[i];
  if ((c->ignored & bit(i)) != 0)
    return true;
  s->failed &= ~c->before[i]; /* they have returned */
  switch (op->kind) {
  case OP_PUT:
    return step_put(c, linearized, i, s, trace);
  case OP_GET:
    return step_get(c, i, s);
  case OP_PEEK:
    return step_peek(c, i, s);
  case OP_TASK_DONE:
    return step_task_done(c, linearized, i, s);
  case OP_JOIN:
    return step_join(c, linearized, i, s);
  case OP_CLOSE:
  case OP_CLOSE_NOW:
    if (op->phase == OP_DONE && op->result != 0)
      return is_refusal(op->result);
    grant(c, linearized, s);
    s->closed = 1;
    if (op->kind == OP_CLOSE)
      return true;
    if ((s->begun & bit(i)) != 0)
      end_close_now(c, linearized, i, s);
    else
      s->begun |= bit(i);
    return true;
  case OP_RESIZE:
    if (op->phase == OP_DONE && op->result != 0)
      return op->result == -EINVAL;
    grant(c, linearized, s);
    s->maxsize = (int64_t)op->arg;
    return true;
  case OP_ACQUIRE:
  case OP_RELEASE:
    return step_semaphore(c, i, s);
  case OP_IS_CLOSED:
    return op->result == s->closed;
  case OP_SIZE:
  case OP_IS_EMPTY:
  case OP_IS_FULL:
    return true;
  default:
    return step_future(c, i, s);
  }
}

/* Whether blocked operation i could go on in the state at the end. */
static bool is_enabled(const struct check *c, uint64_t linearized, int i, const struct state *s)
{
  switch (c->op[i].kind) {
  case OP_PUT:
    return s->closed || !is_full(s, s->maxsize, in_flight(c, linearized, c->puts & c->pending, linearized | c->blocked, i));
  case OP_GET:
    return s->closed || size_of(s) > 0;
  case OP_JOIN:
    return s->finished >= s->puts && s->finished >= admitted(c, linearized, s);
  case OP_ACQUIRE:
    return s->value > 0;
  case OP_RESULT:
    return s->outcome != OUTCOME_NONE;
  default:
    return true; /* nothing else may block */
  }
}

static bool is_end(const struct check *c, uint64_t linearized, const struct state *s)
{
  if ((c->done & ~linearized) != 0)
    return false;
  for (uint64_t blocked = c->blocked; blocked != 0; blocked &= blocked - 1) {
    if (is_enabled(c, linearized, lowest(blocked), s))
      return false;
  }
  return true;
}

/* Linearizes what changes nothing and is right now. */
static uint64_t linearize_still(struct check *c, uint64_t linearized, struct state *s)
{
  uint64_t before;
  do {
    before = linearized;
    for (uint64_t left = c->still & ~linearized; left != 0; left &= left - 1) {
      int i = lowest(left);
      if (is_ready(c, linearized, i) && step(c, linearized, i, s, &(struct trace){0, 0, 0}))
        linearized |= bit(i);
    }
  } while (linearized != before);
  return linearized;
}

static bool search(struct check *c, uint64_t linearized, struct state s);

static bool search_step(struct check *c, uint64_t linearized, int i, struct state s)
{
  struct trace trace = {UINT8_MAX, 0, 0};
  uint64_t begun = s.begun;
  if (!step(c, linearized, i, &s, &trace))
    return false;
  if (search(c, s.begun != begun ? linearized : linearized | bit(i), s))
    return true;
  if (trace.at != UINT8_MAX)
    unpublish(c, &trace);
  return false;
}

static bool search_dropped(struct check *c, uint64_t linearized, struct state s)
{
  take(c, &s);
  s.dropped++;
  return search(c, linearized, s);
}

static void swap(uint8_t *a, uint8_t *b)
{
  uint8_t old = *a;
  *a = *b;
  *b = old;
}

/* A get, or the drop of one item (i < 0): with each item of a bag in turn at the front, which is put back on the way up. */
static bool search_each(struct check *c, uint64_t linearized, int i, struct state s)
{
  int choices = c->spec->kind == MODEL_BAG ? size_of(&s) : 1;
  for (int k = 0; k < choices; k++) {
    swap(&c->items[s.front], &c->items[s.front + k]);
    if (i >= 0 ? search_step(c, linearized, i, s) : search_dropped(c, linearized, s))
      return true;
    swap(&c->items[s.front], &c->items[s.front + k]);
  }
  return false;
}

static bool search_one(struct check *c, uint64_t linearized, int i, struct state s)
{
  const struct history_op *op = &c->op[i];
  bool takes = op->kind == OP_GET && (op->phase == OP_PENDING || op->result == 0) && (c->ignored & bit(i)) == 0;
  return takes ? search_each(c, linearized, i, s) : search_step(c, linearized, i, s);
}

/* What an immediate shutdown that has begun may do at any time: drop one item, count one dropped item as done. */
static bool search_drop(struct check *c, uint64_t linearized, struct state s)
{
  if (size_of(&s) > 0 && search_each(c, linearized, -1, s))
    return true;
  if (s.dropped > 0) {
    finish_dropped(&s, 1);
    return search(c, linearized, s);
  }
  return false;
}

static bool search(struct check *c, uint64_t linearized, struct state s)
{
  linearized = linearize_still(c, linearized, &s);
  if (is_end(c, linearized, &s))
    return true;
  uint64_t hash = 0;
  if (memo.count > 0) {
    hash = state_hash(c, &s);
    if (memo_has(linearized, hash))
      return false;
  }
  uint64_t sets[2] = {c->done & ~c->still & ~linearized, c->pending & ~linearized};
  for (int k = 0; k < 2; k++) {
    for (uint64_t left = sets[k]; left != 0; left &= left - 1) {
      if (is_ready(c, linearized, lowest(left)) && search_one(c, linearized, lowest(left), s))
        return true;
    }
  }
  if ((s.begun & ~linearized) != 0 && search_drop(c, linearized, s))
    return true;
  memo_add(linearized, hash != 0 ? hash : state_hash(c, &s));
  return false;
}

static bool is_linearizable(struct check *c)
{
  memo.round++;
  memo.count = 0;
  struct state s = {.maxsize = c->spec->maxsize, .value = c->spec->kind == MODEL_SEMAPHORE ? c->spec->value : 0};
  return search(c, 0, s);
}

static bool is_question(const struct history_op *op)
{
  return op->kind == OP_JOIN || op->kind == OP_RESULT || op->kind >= OP_IS_CLOSED;
}

/* Whether an operation with this result leaves the state as it was. Under two points a put's answer does not: it ends its
 * being in flight. */
static bool changes_nothing(const struct history_op *op, bool two_point)
{
  if (is_question(op))
    return true;
  switch (op->kind) {
  case OP_CANCEL:
    return op->result == 0;
  case OP_PUT:
    return !history_went_in(op->result) && !two_point;
  default:
    return op->result != 0;
  }
}

static void prepare(struct check *c, const struct history *history, const struct model_spec *spec)
{
  c->op = history->op;
  c->spec = spec;
  c->done = c->pending = c->blocked = c->still = c->puts = c->failing = c->frozen = c->ignored = 0;
  c->lifted = 0;
  uint64_t enders = 0; /* of grants */
  bool stricter = false, counting = false;
  for (int i = 0; i < history->n; i++) {
    const struct history_op *op = &history->op[i];
    if (op->phase == OP_DONE)
      c->done |= bit(i);
    else if (op->phase == OP_BLOCKED)
      c->blocked |= bit(i);
    else if (!is_question(op))
      c->pending |= bit(i);
    if (op->phase == OP_DONE && changes_nothing(op, spec->two_point))
      c->still |= bit(i);
    if (op->kind == OP_PUT)
      c->puts |= bit(i);
    if (op->kind == OP_PUT && op->phase == OP_DONE && !history_went_in(op->result) && spec->two_point)
      c->failing |= bit(i);
    if (op->kind == OP_GET || op->kind == OP_JOIN)
      enders |= bit(i);
    counting |= op->kind == OP_TASK_DONE || op->kind == OP_JOIN;
    stricter |= op->kind == OP_CLOSE || op->kind == OP_CLOSE_NOW || op->kind == OP_RESIZE;
    if (op->kind == OP_PUT && op->phase == OP_PENDING && op->returned != 0 && spec->two_point)
      c->frozen |= bit(i);
  }
  if (c->frozen != 0)
    c->still = 0; /* linearizing it voids reservations and overtakes puts */
  else if (stricter && spec->two_point)
    c->still &= ~enders;
  if (!counting)
    c->failing = 0;
  for (int i = 0; i < history->n; i++) {
    c->before[i] = history->op[i].before & (c->done | c->pending);
    if ((c->before[i] & c->failing) != 0)
      c->still &= ~bit(i); /* linearizing it ends their admission */
  }
}

static uint64_t answered(const struct check *c, int n, enum history_kind kind, int32_t result)
{
  uint64_t set = 0;
  for (int i = 0; i < n; i++) {
    if (c->op[i].phase == OP_DONE && c->op[i].kind == kind && (result == 0 || c->op[i].result == result))
      set |= bit(i);
  }
  return set;
}

/* A get without a put of its own, if there is one. */
static const char *explain_items(const struct check *c, int n)
{
  uint64_t free_puts = c->puts;
  for (uint64_t gets = answered(c, n, OP_GET, 0); gets != 0; gets &= gets - 1) {
    const struct history_op *get = &c->op[lowest(gets)];
    bool known = false, found = false;
    for (uint64_t puts = get->result == 0 ? c->puts : 0; puts != 0 && !found; puts &= puts - 1) {
      const struct history_op *put = &c->op[lowest(puts)];
      bool same = put->arg == get->out && (put->phase == OP_PENDING || (put->phase == OP_DONE && history_went_in(put->result)));
      known |= same;
      found = same && (free_puts & bit(lowest(puts))) != 0;
      if (found)
        free_puts &= ~bit(lowest(puts));
    }
    if (get->result == 0 && !found)
      return known ? "an item was got twice" : "an item was got that nobody put";
  }
  return NULL;
}

/* May an operation of this kind answer that at all? */
static bool is_known(const struct history_op *op, enum model_kind model)
{
  int result = op->result;
  if (op->phase != OP_DONE || result == 0 || is_refusal(result))
    return true;
  switch (op->kind) {
  case OP_PUT:
    return result == PAWL_FULL || result == PAWL_SHUTDOWN || (result == PAWL_COMPARE && model == MODEL_BAG);
  case OP_GET:
  case OP_PEEK:
    return found_none(result);
  case OP_TASK_DONE:
    return result == -ERANGE;
  case OP_JOIN:
  case OP_ACQUIRE:
    return result == PAWL_TIMEOUT;
  default:
    return true;
  }
}

/* Which rule, lifted alone, would make the history correct? */
static const char *explain(struct check *c, int n)
{
  static const struct {
    const char *text;
    uint8_t kind;
    int32_t result; /* 0: any */
  } answers[] = {
      {"get answered EMPTY though an item was in the queue all along, or the queue was shut down", OP_GET, PAWL_EMPTY},
      {"get answered SHUTDOWN though items were left, or nobody had shut down", OP_GET, PAWL_SHUTDOWN},
      {"put answered FULL though there was room all along, or the queue was shut down", OP_PUT, PAWL_FULL},
      {"put answered SHUTDOWN though nobody had shut down", OP_PUT, PAWL_SHUTDOWN},
      {"join returned while items were unfinished, or timed out while none was", OP_JOIN, 0},
      {"task_done answered -ERANGE though items were unfinished", OP_TASK_DONE, -ERANGE},
      {"task_done succeeded without an unfinished item", OP_TASK_DONE, 0},
      {"acquire timed out though the value was positive all along", OP_ACQUIRE, PAWL_TIMEOUT},
      {"acquire succeeded though the value was zero", OP_ACQUIRE, 0},
      {"release answered wrongly at its bound", OP_RELEASE, 0},
      {"result does not fit the future's outcome", OP_RESULT, 0},
      {"cancel does not fit the future's outcome", OP_CANCEL, 0},
      {"peek answered what no get at its place could have answered", OP_PEEK, 0},
      {"whether it is shut down was told against what puts, gets or others were told", OP_IS_CLOSED, 0},
      {"a future was set twice, or a set was refused without reason", OP_SET, 0},
  };
  static const struct {
    const char *text;
    unsigned lifted;
  } rules[] = {
      {"a put was accepted after shutdown", LIFTED_CLOSE},
      {"a put was accepted beyond maxsize", LIFTED_BOUND},
      {"a get told a key that is not its item's", LIFTED_KEY},
  };
  for (int i = 0; i < n; i++)
    if (!is_known(&c->op[i], c->spec->kind))
      return "an operation answered what none of its kind may answer (enum pawl_check_kind in pawl/check.h)";
  const char *text = explain_items(c, n);
  if (text != NULL)
    return text;
  uint64_t blocked = c->blocked;
  c->blocked = 0;
  if (blocked != 0 && is_linearizable(c))
    return "a wake-up was lost: a blocked operation could go on";
  c->blocked = blocked;
  for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
    c->ignored = answered(c, n, answers[i].kind, answers[i].result);
    if (c->ignored != 0 && is_linearizable(c))
      return answers[i].text;
  }
  c->ignored = 0;
  for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
    c->lifted = rules[i].lifted;
    if (is_linearizable(c))
      return rules[i].text;
  }
  return "no order of the operations is a run of the model";
}

bool history_check(const struct history *history, const struct model_spec *spec, const char **why)
{
  struct check c;
  prepare(&c, history, spec);
  if (is_linearizable(&c))
    return true;
  if (why != NULL)
    *why = explain(&c, history->n);
  return false;
}
