/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reclaim.c - src/reclaim.[ch]: a node is not used again while somebody follows a pointer to it, and a node taken from the stack of
 * spare ones has one owner. What an owner writes is plain, so that a use too early is a race, too. Words:
 *   READ      protects what `source` leads to and reads it
 *   REPLACE   puts the other node into `source`, retires the old one, and sorts: what comes out becomes spare
 *   TAKE      takes a spare node and owns it
 *   RETURN    retires the first node taken and sorts (ABA: a node that comes back while another take is midway)
 */
#include "world.h"

#include "../../src/reclaim.c"

struct node {
  struct reclaim_node node;
  uint64_t owner; /* 0: spare */
};

static struct node nodes[3];
static void *source, *retired, *spare;
static _Thread_local struct node *taken;

static void make_spare(void *ctx, struct reclaim_node *node)
{
  (void)ctx;
  ((struct node *)node)->owner = 0;
  reclaim_push(&spare, node);
}

static void read_source(void)
{
  struct reclaim_thread *me = pawl__self;
  struct node *node = reclaim_protect(&me->group[0], 0, &source);
  assert(node->owner == 5);
}

static void replace_source(void)
{
  void *old = &nodes[0];
  if (!at_cas_seq(&source, &old, (void *)&nodes[1]))
    return;
  reclaim_push(&retired, &nodes[0].node);
  reclaim_sort(&retired, nodes, make_spare, nodes);
}

static void take(void)
{
  struct reclaim_thread *me = pawl__self;
  struct node *node = (struct node *)reclaim_pop(&spare, &me->group[0]);
  if (node == NULL)
    return;
  assert(node->owner == 0);
  node->owner = thread_index;
  if (taken == NULL)
    taken = node;
}

static void return_first(void)
{
  if (taken == NULL)
    return;
  reclaim_push(&retired, &taken->node);
  reclaim_sort(&retired, nodes, make_spare, nodes);
}

static void prepare(void)
{
#if defined(SPARE_NODES)
  for (unsigned i = 0; i < SPARE_NODES; i++)
    reclaim_push(&spare, &nodes[i].node);
#else
  nodes[0].owner = nodes[1].owner = 5;
  source = &nodes[0];
#endif
}

#define READ read_source();
#define REPLACE replace_source();
#define TAKE take();
#define RETURN return_first();
#define ATTACH
#include "programs.h"

int main(void)
{
  uint64_t unused;
  run_programs(prepare, &unused, &unused, &unused, &unused);
  return 0;
}
