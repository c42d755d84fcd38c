/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - see record.h.
 *
 * Long rounds. Each producer puts its share, consumers get until the producers have ended and nothing is left. A call that
 * finds the queue full or empty is made again and is recorded too, up to a limit. Then the main thread empties the queue,
 * so that whatever is missing is lost.
 *
 * Short rounds. Two threads that stay start each round together, spinning; the first checks it and prepares the next.
 */
#include "record.h"
#include "../random.h"

#include "../model/history.h"
#include "stamp.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t now(const struct record_plan *plan)
{
  return plan->unfenced ? stamp_unfenced() : stamp();
}

static void *allocate(size_t n, size_t size)
{
  void *memory = calloc(n, size);
  if (memory == NULL)
    abort();
  return memory;
}

/* --- long rounds --- */

struct round {
  const struct record_plan *plan;
  void *queue;
  pthread_barrier_t start;
  int producing; /* producers that have not ended; atomic */
};

struct recorder {
  struct round *round;
  int thread;
  uint64_t random;
  size_t share; /* of a producer */
  size_t n, failures;
  struct fifo_op *ops;
};

static struct fifo_op call_put(const struct record_plan *plan, void *queue, uint64_t item, pawl_time until)
{
  struct fifo_op op = {.item = item, .is_put = true};
  op.invoked = now(plan);
  op.result = plan->subject->put(queue, item, until);
  op.returned = now(plan);
  return op;
}

static struct fifo_op call_get(const struct record_plan *plan, void *queue, pawl_time until)
{
  struct fifo_op op = {.is_put = false};
  op.invoked = now(plan);
  op.result = plan->subject->get(queue, &op.item, until);
  op.returned = now(plan);
  return op;
}

/* Mostly looks once, sometimes waits a little. */
static pawl_time some_deadline(struct recorder *r)
{
  uint64_t random = test_random(&r->random);
  return random % 16 == 0 ? pawl_after(PAWL_US(random >> 32 & 63)) : PAWL_NOWAIT;
}

/* Keeps the operation, a failed one while there is room for it; true for a success. */
static bool keep(struct recorder *r, const struct fifo_op *op)
{
  if (op->result == 0) {
    r->ops[r->n++] = *op;
    return true;
  }
  if (r->failures > 0) {
    r->failures--;
    r->ops[r->n++] = *op;
  }
  if (test_random(&r->random) % 4 == 0)
    sched_yield(); /* for subjects that do not wait, and where threads outnumber processors */
  return false;
}

static void *run_producer(void *arg)
{
  struct recorder *r = arg;
  pthread_barrier_wait(&r->round->start);
  for (uint64_t done = 0; done < r->share;) {
    struct fifo_op op = call_put(r->round->plan, r->round->queue, (uint64_t)r->thread << 24 | done, some_deadline(r));
    done += keep(r, &op);
  }
  __atomic_fetch_sub(&r->round->producing, 1, __ATOMIC_RELEASE);
  return NULL;
}

static void *run_consumer(void *arg)
{
  struct recorder *r = arg;
  bool over, got;
  pthread_barrier_wait(&r->round->start);
  do {
    over = __atomic_load_n(&r->round->producing, __ATOMIC_ACQUIRE) == 0;
    struct fifo_op op = call_get(r->round->plan, r->round->queue, some_deadline(r));
    got = keep(r, &op);
  } while (got || !over);
  return NULL;
}

bool record_fifo_round(const struct record_plan *plan, uint64_t *recorded, struct fifo_fault *fault)
{
  int threads = plan->producers + plan->consumers;
  size_t share = plan->operations / 4 / (size_t)plan->producers;
  size_t puts = share * (size_t)plan->producers, failures = plan->operations / 2 / (size_t)threads;
  /* A queue that delivers items twice may deliver more than was put. */
  size_t space = 2 * puts + failures, n = 0;
  struct fifo_op *ops = allocate(space * (size_t)(threads + 1), sizeof(*ops));
  struct recorder recorders[RECORD_THREADS_MAX];
  pthread_t handles[RECORD_THREADS_MAX];
  struct round round = {.plan = plan, .queue = plan->subject->make(plan->maxsize), .producing = plan->producers};
  pthread_barrier_init(&round.start, NULL, (unsigned)threads);
  for (int t = 0; t < threads; t++) {
    recorders[t] = (struct recorder){.round = &round, .thread = t, .random = plan->seed * 31 + (uint64_t)t + 1, .share = share};
    recorders[t].ops = ops + (size_t)t * space;
    recorders[t].failures = failures;
    pthread_create(&handles[t], NULL, t < plan->producers ? run_producer : run_consumer, &recorders[t]);
  }
  for (int t = 0; t < threads; t++) {
    pthread_join(handles[t], NULL);
    memmove(ops + n, recorders[t].ops, recorders[t].n * sizeof(*ops));
    n += recorders[t].n;
  }
  do
    ops[n] = call_get(plan, round.queue, PAWL_NOWAIT);
  while (ops[n++].result == 0);
  *recorded += n;
  bool good = fifo_history_check(ops, n, plan->subject->traits & SUBJECT_BOUNDED ? plan->maxsize : 0, true, fault);
  free(ops);
  plan->subject->destroy(round.queue);
  return good;
}

/* --- short rounds --- */

enum { SHORT_THREADS = 2, SHORT_OPS = 4 };

struct short_rounds {
  const struct record_plan *plan;
  void *queue;
  struct history_op ops[SHORT_THREADS][SHORT_OPS];
  int begun, ended; /* rounds; atomic */
  size_t rounds;
};

static void await(int *word, int value)
{
  for (int spins = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < value; spins++) {
    if (spins > 2000)
      sched_yield();
  }
}

static int call_queue(struct pawl_queue *queue, struct history_op *op)
{
  switch (op->kind) {
  case OP_TASK_DONE:
    return pawl_queue_task_done(queue);
  case OP_JOIN:
    return pawl_queue_join(queue, PAWL_NOWAIT);
  case OP_RESIZE:
    return pawl_queue_set_maxsize(queue, (int64_t)op->arg);
  default:
    return pawl_queue_shutdown(queue, op->kind == OP_CLOSE_NOW);
  }
}

/* Whether the thread still has an item of its own to say done. (One that says it too often may be answered 0 while another
 * thread's put is under way, for which that put's failure then makes up: pawl_queue_task_done.) */
static bool owes(const struct history_op *ops, int n)
{
  int owed = 0;
  for (int i = 0; i < n; i++)
    owed += ops[i].result != 0 ? 0 : ops[i].kind == OP_GET ? 1 : ops[i].kind == OP_TASK_DONE ? -1 : 0;
  return owed > 0;
}

static void short_call(struct short_rounds *s, int thread, int i, uint64_t *random)
{
  static const uint8_t more[] = {OP_TASK_DONE, OP_JOIN, OP_RESIZE, OP_CLOSE, OP_CLOSE_NOW, OP_TASK_DONE, OP_JOIN, OP_PUT};
  const struct subject *subject = s->plan->subject;
  struct history_op *op = &s->ops[thread][i];
  uint64_t word = test_random(random) >> 24;
  bool one_side = (subject->traits & SUBJECT_SPSC) != 0;
  op->thread = (uint8_t)thread;
  op->kind = one_side ? (thread == 0 ? OP_PUT : OP_GET) : word % 2 == 0 ? OP_PUT : OP_GET;
  if (s->plan->all_calls && (word >> 1 & 3) == 0)
    op->kind = more[word >> 3 & 7];
  if (op->kind == OP_TASK_DONE && !owes(s->ops[thread], i))
    op->kind = OP_JOIN;
  op->key = (subject->traits & SUBJECT_PRIORITY) != 0 ? word >> 6 & 1 : 0;
  op->arg = op->kind == OP_RESIZE ? 1 + (word >> 6 & 1) : op->key << 32 | (uint64_t)(thread * SHORT_OPS + i + 1);
  op->invoked = now(s->plan);
  if (op->kind == OP_PUT)
    op->result = subject->put(s->queue, op->arg, PAWL_NOWAIT);
  else if (op->kind == OP_GET)
    op->result = subject->get(s->queue, &op->out, PAWL_NOWAIT);
  else
    op->result = call_queue(s->queue, op);
  op->returned = now(s->plan);
}

static void print_history(FILE *out, const struct history *h)
{
  static const char *names[] = {"put", "get", "task_done", "join", "close", "close_now", "resize"};
  for (int i = 0; i < h->n; i++) {
    const struct history_op *op = &h->op[i];
    fprintf(out, "  thread %d: [%llu %llu] %s %llu = %d, %llu\n", op->thread,
            (unsigned long long)(op->invoked - h->op[0].invoked), (unsigned long long)(op->returned - h->op[0].invoked),
            names[op->kind], (unsigned long long)op->arg, op->result, (unsigned long long)op->out);
  }
}

/* Adds what is left in the queue to the round's history and checks it. */
static const char *short_check(struct short_rounds *s)
{
  const struct record_plan *plan = s->plan;
  struct history h = {.n = SHORT_THREADS * SHORT_OPS};
  memcpy(h.op, s->ops, sizeof(s->ops));
  do {
    struct history_op *op = &h.op[h.n++];
    *op = (struct history_op){.kind = OP_GET, .thread = SHORT_THREADS, .invoked = now(plan)};
    op->result = plan->subject->get(s->queue, &op->out, PAWL_NOWAIT);
    op->returned = now(plan);
  } while (h.op[h.n - 1].result == 0 && h.n < HISTORY_MAX);
  for (int i = 0; i < h.n; i++) {
    for (int j = 0; j < h.n; j++)
      h.op[i].before |= (uint64_t)(h.op[j].returned < h.op[i].invoked) << j;
  }
  struct model_spec spec = {.maxsize = (plan->subject->traits & SUBJECT_BOUNDED) != 0 ? plan->maxsize : 0, .bound = -1};
  spec.kind = (plan->subject->traits & SUBJECT_LIFO) != 0       ? MODEL_LIFO
              : (plan->subject->traits & SUBJECT_PRIORITY) != 0 ? MODEL_PRIORITY
                                                                : MODEL_FIFO;
  /* That an item may count as unfinished before it is inside, is part of the two-point model too. */
  spec.two_point =
      (plan->subject->traits & SUBJECT_QUEUE) != 0 && (plan->all_calls || (plan->subject->traits & SUBJECT_ONE_POINT) == 0);
  const char *why = NULL;
  if (!history_check(&h, &spec, &why) && plan->report != NULL)
    print_history(plan->report, &h);
  return why;
}

static void *run_second(void *arg)
{
  struct short_rounds *s = arg;
  uint64_t random = s->plan->seed * 77 + 5;
  for (size_t round = 1; round <= s->rounds; round++) {
    await(&s->begun, (int)round);
    if (__atomic_load_n(&s->begun, __ATOMIC_RELAXED) == INT32_MAX)
      break;
    for (int i = 0; i < SHORT_OPS; i++)
      short_call(s, 1, i, &random);
    __atomic_store_n(&s->ended, (int)round, __ATOMIC_RELEASE);
  }
  return NULL;
}

const char *record_short_rounds(const struct record_plan *plan, size_t rounds)
{
  struct short_rounds s = {.plan = plan, .rounds = rounds};
  uint64_t random = plan->seed * 13 + 9;
  const char *why = NULL;
  pthread_t second;
  pthread_create(&second, NULL, run_second, &s);
  for (size_t round = 1; round <= rounds && why == NULL; round++) {
    memset(s.ops, 0, sizeof(s.ops));
    s.queue = plan->subject->make(plan->maxsize);
    __atomic_store_n(&s.begun, (int)round, __ATOMIC_RELEASE);
    for (int i = 0; i < SHORT_OPS; i++)
      short_call(&s, 0, i, &random);
    await(&s.ended, (int)round);
    why = short_check(&s);
    plan->subject->destroy(s.queue);
  }
  __atomic_store_n(&s.begun, INT32_MAX, __ATOMIC_RELEASE);
  pthread_join(second, NULL);
  return why;
}
