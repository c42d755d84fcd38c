/* SPDX-License-Identifier: BSD-2-Clause */
/* reclaim.c - the slow half of reclaim.h: threads' records, retirement, stacks of nodes. */
#include "reclaim.h"
#include "base.h"
#include <errno.h>

static AT_GLOBAL struct reclaim_thread *threads; /* pushed at the front; records are used again, never freed */
static AT_GLOBAL uint64_t seeds;

bool reclaim_borrow(struct reclaim_thread *record)
{
  uint32_t unused = 0;
  return at_load_relaxed(&record->used) == 0 && at_cas_acquire(&record->used, &unused, 1u); /* [T] */
}

void reclaim_return(struct reclaim_thread *record)
{
  at_store_release(&record->used, 0u); /* [T] the next owner receives clean slots */
}

static void detach(void *self)
{
  struct reclaim_thread *me = self;
  for (unsigned g = 0; g < RECLAIM_GROUPS + RECLAIM_HANDLERS; g++)
    reclaim_forget(&me->group[g]);
  reclaim_return(me);
}

static struct reclaim_thread *find_unused(void)
{
  struct reclaim_thread *t = at_load_acquire(&threads);
  while (t != NULL && !reclaim_borrow(t))
    t = t->next;
  return t;
}

static struct reclaim_thread *make(void)
{
  struct reclaim_thread *t = pawl__alloc(sizeof *t, PAWL_LINE);
  if (t == NULL)
    return NULL;
  t->used = 1;
  t->random = at_add_relaxed(&seeds, UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x9e3779b97f4a7c15);
  struct reclaim_thread *first = at_load_relaxed(&threads);
  do
    t->next = first;
  while (!at_cas_release(&threads, &first, t)); /* publishes the record to scans */
  return t;
}

struct reclaim_thread *reclaim_attach(void)
{
  struct reclaim_thread *me = os_self();
  if (me != NULL)
    return me;
  me = find_unused();
  if (me == NULL)
    me = make();
  if (me == NULL)
    return NULL;
  me->handlers = 0;
  if (os_set_self(me, detach) != 0) {
    detach(me);
    return NULL;
  }
  return me;
}

int pawl_thread_attach(void)
{
  return reclaim_attach() != NULL ? 0 : -ENOMEM;
}

enum { BATCH = 8 }; /* nodes per look at everybody's slots, whose lines are in everybody's caches */

/* Which of n nodes stand in a slot of this group, one bit each. */
static unsigned protected_by(const struct reclaim_group *g, struct reclaim_node *const *node, unsigned n)
{
  unsigned found = 0;
  for (unsigned s = 0; s < 3; s++) {
    const void *seen = at_load_acquire(&g->slot[s]); /* [S] */
    for (unsigned i = 0; seen != NULL && i < n; i++)
      if (seen == node[i])
        found |= 1u << i;
  }
  return found;
}

static unsigned protected_by_anybody(const void *structure, struct reclaim_node *const *node, unsigned n)
{
  unsigned found = 0;
  for (struct reclaim_thread *t = at_load_acquire(&threads); t != NULL; t = t->next) {
    found |= protected_by(&t->group[reclaim_index(structure)], node, n);
    for (unsigned h = 0; h < RECLAIM_HANDLERS; h++)
      found |= protected_by(&t->group[RECLAIM_GROUPS + h], node, n);
  }
  return found;
}

bool reclaim_is_named(const void *structure, const struct reclaim_node *node)
{
  struct reclaim_node *one = (struct reclaim_node *)node;
  return protected_by_anybody(structure, &one, 1) != 0;
}

static void filter_group(const struct reclaim_group *g, uint64_t *filter)
{
  for (unsigned s = 0; s < 3; s++) {
    const void *seen = at_load_acquire(&g->slot[s]); /* [S] */
    if (seen != NULL)
      filter[reclaim_bit(seen) / 64] |= UINT64_C(1) << reclaim_bit(seen) % 64;
  }
}

void reclaim_filter(const void *structure, uint64_t filter[RECLAIM_FILTER])
{
  for (struct reclaim_thread *t = at_load_acquire(&threads); t != NULL; t = t->next) {
    filter_group(&t->group[reclaim_index(structure)], filter);
    for (unsigned h = 0; h < RECLAIM_HANDLERS; h++)
      filter_group(&t->group[RECLAIM_GROUPS + h], filter);
  }
}

void reclaim_push(void **top, struct reclaim_node *node)
{
  void *first = at_load_relaxed(top);
  do
    at_store_release(&node->link, (struct reclaim_node *)first); /* [W] of pool.h */
  while (!at_cas_release(top, &first, (void *)node));            /* [P] hands the node's memory to who pops it */
}

struct reclaim_node *reclaim_pop(void **top, struct reclaim_group *g)
{
  struct reclaim_node *node;
  void *expected;
  do {
    node = reclaim_protect(g, 2, top);
    if (node == NULL)
      return NULL;
    expected = node;
  } while (!at_cas_acquire(top, &expected, (void *)at_load_relaxed(&node->link))); /* [P] */
  at_store_relaxed(&g->slot[2], (void *)NULL); /* the node is the caller's, with all accesses */
  return node;
}

void reclaim_sort(void **retired, const void *structure, void (*reuse)(void *to, struct reclaim_node *node), void *to)
{
  struct reclaim_node *next = at_swap_acquire(retired, (void *)NULL); /* [P]; ours to sort now */
  at_fence_seq();                                                     /* [R] with reclaim_protect */
  while (next != NULL) {
    struct reclaim_node *node[BATCH];
    unsigned n = 0;
    for (; next != NULL && n < BATCH; next = at_load_relaxed(&next->link))
      node[n++] = next;
    unsigned kept = at_step("reclaim.scan") ? protected_by_anybody(structure, node, n) : 0;
    for (unsigned i = 0; i < n; i++)
      if (kept & 1u << i)
        reclaim_push(retired, node[i]);
      else
        reuse(to, node[i]);
  }
}
