/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lists.c - linked and one-shot structures with the faults of the field: ABA, premature free, a spurious EMPTY, and the bound
 * that counts reservations (H11). As in rings.c, the machine must find each within a stated number of schedules.
 */
#include "planted.h"

/* ---- Treiber's stack that frees what it pops: premature free, and ABA where memory comes back at once (--reuse) */

struct node {
  struct node *next;
  uint64_t value;
};

struct stack {
  struct node *top;
};

static int push(void *object, struct pawl_check_call *call)
{
  struct stack *s = object;
  struct node *n = pawl_check_alloc(sizeof(*n));
  if (n == NULL)
    return -12;
  at_plain_store(&n->value, call->item);
  struct node *top = at_load_relaxed(&s->top);
  do
    at_store_relaxed(&n->next, top);
  while (!at_cas_seq(&s->top, &top, n));
  return 0;
}

static int pop_and_free(void *object, struct pawl_check_call *call)
{
  struct stack *s = object;
  struct node *top = at_load_acquire(&s->top);
  do {
    if (top == NULL)
      return PAWL_EMPTY;
  } while (!at_cas_seq(&s->top, &top, at_load_relaxed(&top->next)));
  call->out = at_plain_load(&top->value);
  pawl_check_free(top);
  return 0;
}

/* ---- the same over a fixed pool of nodes, popped and pushed without tags: ABA proper */

struct pool {
  uint32_t top, free; /* index + 1 */
  uint32_t next[4];
  uint64_t value[4];
};

static int init_pool(void *object, const struct pawl_check_setup *setup)
{
  struct pool *p = object;
  (void)setup;
  for (uint32_t i = 0; i < 4; i++)
    p->next[i] = i < 3 ? i + 2 : 0;
  p->free = 1;
  return 0;
}

static uint32_t take(struct pool *p, uint32_t *list)
{
  uint32_t first = at_load_acquire(list);
  while (first != 0 && !at_cas_seq(list, &first, at_load_relaxed(&p->next[first - 1])))
    ;
  return first;
}

static void put_back(struct pool *p, uint32_t *list, uint32_t node)
{
  uint32_t first = at_load_relaxed(list);
  do
    at_store_relaxed(&p->next[node - 1], first);
  while (!at_cas_seq(list, &first, node));
}

static int pool_push(void *object, struct pawl_check_call *call)
{
  struct pool *p = object;
  uint32_t node = take(p, &p->free);
  if (node == 0)
    return -12;
  at_store_relaxed(&p->value[node - 1], call->item); /* atomic: a node that was taken twice shows by its items */
  put_back(p, &p->top, node);
  return 0;
}

static int pool_pop(void *object, struct pawl_check_call *call)
{
  struct pool *p = object;
  uint32_t node = take(p, &p->top);
  if (node == 0)
    return PAWL_EMPTY;
  call->out = at_load_relaxed(&p->value[node - 1]);
  put_back(p, &p->free, node);
  return 0;
}

/* ---- a FIFO whose get trusts a counter that puts raise when they are done: spurious EMPTY */

struct counted {
  uint64_t tail, head, size;
  uint64_t cell[16];
};

static int counted_put(void *object, struct pawl_check_call *call)
{
  struct counted *q = object;
  uint64_t t = at_add_seq(&q->tail, 1);
  at_store_seq(&q->cell[t % 16], call->item);
  (void)at_add_seq(&q->size, 1);
  return 0;
}

static int counted_get(void *object, struct pawl_check_call *call)
{
  struct counted *q = object;
  uint64_t size = at_load_seq(&q->size);
  if (size == 0)
    return PAWL_EMPTY;
  if (!at_cas_seq(&q->size, &size, size - 1))
    return PAWL_EMPTY; /* "somebody was faster" */
  uint64_t h = at_add_seq(&q->head, 1);
  while ((call->out = at_load_seq(&q->cell[h % 16])) == 0)
    at_pause();
  at_store_seq(&q->cell[h % 16], 0);
  return 0;
}

/* ---- H11: one-shot cells, the bound on tail - head counts reservations; wrong only for the model without them */

enum { SHOT_FREE, SHOT_FULL, SHOT_VOID, SHOTS = 64 };

struct shots {
  int64_t capacity;
  uint64_t tail, head;
  struct {
    uint64_t state, value;
  } cell[SHOTS];
};

static int init_shots(void *object, const struct pawl_check_setup *setup)
{
  ((struct shots *)object)->capacity = setup->capacity;
  return 0;
}

static int shots_put(void *object, struct pawl_check_call *call)
{
  struct shots *s = object;
  for (;;) {
    uint64_t t = at_load_seq(&s->tail), head = at_load_seq(&s->head), old = SHOT_FREE;
    if ((int64_t)(t - head) >= s->capacity)
      return PAWL_FULL;
    if (!at_cas_seq(&s->tail, &t, t + 1))
      continue;
    at_plain_store(&s->cell[t % SHOTS].value, call->item);
    if (at_cas_seq(&s->cell[t % SHOTS].state, &old, SHOT_FULL))
      return 0;
  }
}

static int shots_get(void *object, struct pawl_check_call *call)
{
  struct shots *s = object;
  for (;;) {
    uint64_t h = at_load_seq(&s->head);
    if (h >= at_load_seq(&s->tail))
      return PAWL_EMPTY;
    if (!at_cas_seq(&s->head, &h, h + 1))
      continue;
    if (at_swap_seq(&s->cell[h % SHOTS].state, SHOT_VOID) == SHOT_FULL) {
      call->out = at_plain_load(&s->cell[h % SHOTS].value);
      return 0;
    }
  }
}

static const struct pawl_check_op stack_ops[] = {
    {'p', "push", PAWL_CHECK_PUT, push, 1, 0}, {'g', "pop", PAWL_CHECK_GET, pop_and_free, 1, 0}, {0, NULL, 0, NULL, 0, 0}};
static const struct pawl_check_op pool_ops[] = {
    {'p', "push", PAWL_CHECK_PUT, pool_push, 1, 0}, {'g', "pop", PAWL_CHECK_GET, pool_pop, 1, 0}, {0, NULL, 0, NULL, 0, 0}};
static const struct pawl_check_op counted_ops[] = {
    {'p', "put", PAWL_CHECK_PUT, counted_put, 1, 0}, {'g', "get", PAWL_CHECK_GET, counted_get, 1, 0}, {0, NULL, 0, NULL, 0, 0}};
static const struct pawl_check_op shots_ops[] = {
    {'p', "put", PAWL_CHECK_PUT, shots_put, 1, 0}, {'g', "get", PAWL_CHECK_GET, shots_get, 1, 0}, {0, NULL, 0, NULL, 0, 0}};

const struct pawl_check_subject planted_lists[] = {
    {.name = "premature-free",
     .about = "Treiber's stack that frees what it pops",
     .size = sizeof(struct stack),
     .ops = stack_ops,
     .model = PAWL_CHECK_LIFO,
     .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_UNBOUNDED},
    {.name = "aba",
     .about = "Treiber's stack over a pool of nodes without tags",
     .size = sizeof(struct pool),
     .init = init_pool,
     .ops = pool_ops,
     .model = PAWL_CHECK_LIFO,
     .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_UNBOUNDED},
    {.name = "spurious-empty",
     .about = "EMPTY by a counter that lags, and by a lost race",
     .size = sizeof(struct counted),
     .ops = counted_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_DRAIN | PAWL_CHECK_UNBOUNDED},
    {.name = "h11",
     .about = "H11: reservations count against the bound; the plain model objects",
     .size = sizeof(struct shots),
     .init = init_shots,
     .ops = shots_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_BOUNDED | PAWL_CHECK_DRAIN},
    {.name = "h11-two-point",
     .about = "the same under the model with two points: no fault",
     .size = sizeof(struct shots),
     .init = init_shots,
     .ops = shots_ops,
     .model = PAWL_CHECK_FIFO,
     .flags = PAWL_CHECK_BOUNDED | PAWL_CHECK_DRAIN | PAWL_CHECK_TWO_POINT},
    {.name = NULL},
};
