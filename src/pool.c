/* SPDX-License-Identifier: BSD-2-Clause */
/* pool.c - the slow half of pool.h: lanes, slabs, magazines on their way to and from the depot, trim. */
#include "pool.h"
#include "base.h"

enum { SLAB_ALIGN = 64 };

struct slab {
  struct slab *next;
  uint64_t idle; /* pool_trim: nodes found free */
  char pad[SLAB_ALIGN - 16];
  char node[];
};

static AT_GLOBAL uint64_t pools; /* so far */

static struct slab *slab_of(const struct pool_size *size, const struct reclaim_node *node)
{
  const struct pool_node *n = (const struct pool_node *)node;
  return (struct slab *)((uintptr_t)n - (size_t)n->place * size->bytes - offsetof(struct slab, node));
}

static size_t slab_bytes(const struct pool_size *size)
{
  return sizeof(struct slab) + (size_t)size->nodes * size->bytes;
}

static void push_slab(struct pool_size *size, struct slab *slab)
{
  void *first = at_load_relaxed(&size->slabs);
  do
    at_plain_store(&slab->next, first);
  while (!at_cas_release(&size->slabs, &first, (void *)slab)); /* [B] hands the slab on to pool_trim */
}

/* From now on the group of a thread's slots is this pool's, until the thread uses another whose structure shares it. */
static void own_group(struct reclaim_group *g, const struct pool *p, struct pool_lane *lane)
{
  if (g->pool == p->number)
    return;
  g->pool = p->number;
  g->lane = lane;
  g->last = RECLAIM_UNKNOWN;
}

/* ---- magazines */

/* A magazine of the `count` nodes from `first`. */
static struct reclaim_node *make_magazine(void *first, uint64_t count)
{
  struct pool_node *n = first;
  at_store_release(&n->rest, (void *)at_load_relaxed(&n->node.link)); /* [W] */
  at_store_relaxed(&n->count, (uint16_t)count);
  return &n->node;
}

static void load_magazine(struct pool_stock *stock, struct reclaim_node *magazine)
{
  struct pool_node *n = (struct pool_node *)magazine;
  at_store_release(&n->node.link, (struct reclaim_node *)at_load_relaxed(&n->rest)); /* [W] */
  at_store_relaxed(&n->rest, (void *)NULL);                                          /* N3 */
  at_plain_store(&stock->first, (void *)n);
  at_plain_store(&stock->count, (uint64_t)at_load_relaxed(&n->count));
}

static void to_depot(void *size, struct reclaim_node *magazine)
{
  reclaim_push(&((struct pool_size *)size)->depot, magazine);
}

/* Magazines with whose first node no reclaim_pop can be midway are for others to take. */
static void sort_spilled(struct pool *p, struct pool_size *size)
{
  reclaim_sort(&size->spilled, p, to_depot, size);
}

/* Makes a slab; NULL: no memory. */
static struct slab *make_slab(const struct pool_size *size)
{
  struct slab *slab = pawl__alloc(slab_bytes(size), SLAB_ALIGN);
  for (uint32_t i = 0; slab != NULL && i < size->nodes; i++) {
    struct pool_node *n = (struct pool_node *)(slab->node + (size_t)i * size->bytes);
    n->place = (uint16_t)i;
    n->node.link = i + 1 < size->nodes ? (struct reclaim_node *)((char *)n + size->bytes) : NULL;
  }
  return slab;
}

/* Its nodes become an empty stock's. */
static void adopt(struct pool *p, struct pool_size *size, struct pool_stock *stock, struct slab *slab)
{
  at_plain_store(&stock->first, (void *)slab->node);
  at_plain_store(&stock->count, (uint64_t)size->nodes);
  at_add_relaxed(&p->bytes, (uint64_t)slab_bytes(size));
  push_slab(size, slab);
}

/* The stock is empty. An allocator that uses other queues may have taken the group for another pool: it is this one's again. */
static bool grow(struct pool_hand *h, int size)
{
  struct slab *slab = make_slab(&h->pool->size[size]);
  own_group(h->hazard, h->pool, h->lane);
  if (slab != NULL)
    adopt(h->pool, &h->pool->size[size], &h->lane->stock[size], slab);
  return slab != NULL;
}

/* From the depot, whose first magazine pool_trim must not free meanwhile. */
static struct reclaim_node *from_depot(struct pool_hand *h, int size)
{
  uint32_t busy = at_load_relaxed(&h->lane->busy);
  if (busy == 0)
    pool_guard(h);
  struct reclaim_node *magazine = reclaim_pop(&h->pool->size[size].depot, h->hazard);
  if (busy == 0)
    pool_unguard(h);
  return magazine;
}

static bool refill(struct pool_hand *h, int size)
{
  struct pool_stock *stock = &h->lane->stock[size];
  struct reclaim_node *magazine = at_plain_load(&stock->full);
  at_plain_store(&stock->full, (void *)NULL);
  if (magazine == NULL)
    magazine = from_depot(h, size);
  if (magazine == NULL)
    return grow(h, size);
  load_magazine(stock, magazine);
  return true;
}

bool pool_refill(struct pool_hand *h, int size)
{
  if (refill(h, size))
    return true;
  if (size != 0)
    return false;
  pool_sort(h); /* before it would be due */
  return at_plain_load(&h->lane->stock[0].full) != NULL && refill(h, size);
}

bool pool_reserve_slow(struct pool_hand *h, int size, uint32_t n)
{
  struct pool_stock *stock = &h->lane->stock[size];
  for (;;) {
    struct pool_node *full = at_plain_load(&stock->full);
    uint64_t count = at_plain_load(&stock->count);
    if (count + (full != NULL ? at_load_relaxed(&full->count) : 0) >= n)
      return true;
    struct reclaim_node *mine = at_plain_load(&stock->first), *next;
    at_plain_store(&stock->count, UINT64_C(0));
    at_plain_store(&stock->full, (void *)NULL);
    bool more = pool_refill(h, size);
    at_plain_store(&stock->full, (void *)full);
    for (; count > 0; count--, mine = next) {
      next = at_load_relaxed(&mine->link);
      pool_push(stock, mine);
    }
    if (!more)
      return false;
  }
}

/* ---- retired nodes */

/* Sets a magazine aside, for this lane or for others. */
static void set_aside(struct pool_hand *h, int size, struct reclaim_node *magazine)
{
  struct pool_stock *stock = &h->lane->stock[size];
  struct pool_size *of = &h->pool->size[size];
  struct reclaim_node *older = at_plain_load(&stock->full);
  at_plain_store(&stock->full, (void *)magazine);
  if (older != NULL) {
    reclaim_push(&of->spilled, older);
    sort_spilled(h->pool, of);
  }
}

void pool_unload(struct pool_hand *h, int size)
{
  struct pool_stock *stock = &h->lane->stock[size];
  set_aside(h, size, make_magazine(at_plain_load(&stock->first), at_plain_load(&stock->count)));
  at_plain_store(&stock->count, UINT64_C(0));
}

/* The retired nodes are a list already: without those that stand in slots, it is a magazine. */
void pool_sort(struct pool_hand *h)
{
  struct pool_lane *lane = h->lane;
  struct reclaim_node *n = at_load_relaxed(&lane->retired), *next, *first = NULL, *last = NULL;
  uint64_t filter[RECLAIM_FILTER] = {0}, count = 0;
  at_store_relaxed(&lane->retired, (void *)NULL);
  at_plain_store(&lane->retirements, UINT64_C(0));
  at_fence_seq(); /* [R] with top_protect */
  reclaim_filter(h->pool, filter);
  for (; n != NULL; n = next) {
    next = at_load_relaxed(&n->link);
    bool perhaps = at_step("pool.scan") && (filter[reclaim_bit(n) / 64] >> reclaim_bit(n) % 64 & 1);
    if (__builtin_expect(perhaps, 0) && reclaim_is_named(h->pool, n)) {
      if (last != NULL)
        at_store_release(&last->link, next); /* [W] */
      pool_keep(lane, n);
    } else {
      first = first != NULL ? first : n;
      last = n;
      count++;
    }
  }
  if (count > 0)
    set_aside(h, 0, make_magazine(first, count));
}

/* ---- lanes */

static struct pool_lane *find_lane(struct pool *p, const struct reclaim_thread *me)
{
  struct pool_lane *lane = at_load_acquire(&p->lanes); /* [B] */
  while (lane != NULL && at_plain_load(&lane->owner) != me)
    lane = lane->next;
  return lane;
}

/* With magazines, so that even a first get finds the nodes that it needs. Leaves nothing behind where there is no memory. */
static struct pool_lane *make_lane(struct pool *p, struct reclaim_thread *me)
{
  struct slab *slab[POOL_SIZES] = {NULL};
  struct pool_lane *lane = pawl__alloc(sizeof *lane, PAWL_LINE);
  bool whole = lane != NULL;
  for (int i = 0; i < POOL_SIZES && p->size[i].nodes > 0; i++)
    whole = whole && (slab[i] = make_slab(&p->size[i])) != NULL;
  if (!whole) {
    for (int i = 0; i < POOL_SIZES; i++)
      pawl__free(slab[i], slab_bytes(&p->size[i]), SLAB_ALIGN);
    pawl__free(lane, sizeof *lane, PAWL_LINE);
    return NULL;
  }
  for (int i = 0; i < POOL_SIZES && p->size[i].nodes > 0; i++)
    adopt(p, &p->size[i], &lane->stock[i], slab[i]);
  at_plain_store(&lane->owner, me);
  at_add_relaxed(&p->bytes, (uint64_t)sizeof *lane);
  void *first = at_load_relaxed(&p->lanes);
  do
    lane->next = first;
  while (!at_cas_release(&p->lanes, &first, (void *)lane)); /* [B] */
  return lane;
}

struct pool_lane *pool_lane_of(struct pool *p, struct reclaim_thread *me, struct reclaim_group *g)
{
  struct pool_lane *lane = find_lane(p, me);
  if (lane == NULL && (lane = make_lane(p, me)) == NULL)
    return NULL;
  own_group(g, p, lane);
  return lane;
}

/* A snapshot. */
void pool_stats(const struct pool *p, uint64_t *puts, uint64_t *gets)
{
  *puts = *gets = 0;
  for (const struct pool_lane *lane = at_load_acquire(&p->lanes); lane != NULL; lane = lane->next) { /* [B] */
    *gets += at_load_relaxed(&lane->gets);
    *puts += at_load_relaxed(&lane->puts);
  }
}

/* ---- beginning and end */

void pool_init(struct pool *p, uint32_t bytes, uint32_t more_bytes, uint32_t more_nodes)
{
  p->number = at_add_relaxed(&pools, UINT64_C(1)) + 1; /* 0: no pool */
  p->group = offsetof(struct reclaim_thread, group[reclaim_index(p)]);
  p->size[0] = (struct pool_size){.bytes = bytes, .nodes = POOL_NODES};
  p->size[1] = (struct pool_size){.bytes = more_bytes, .nodes = more_nodes};
}

static void free_slab(struct pool *p, const struct pool_size *size, struct slab *slab)
{
  at_add_relaxed(&p->bytes, -(uint64_t)slab_bytes(size));
  pawl__free(slab, slab_bytes(size), SLAB_ALIGN);
}

void pool_fini(struct pool *p)
{
  for (int i = 0; i < POOL_SIZES; i++)
    for (struct slab *slab = p->size[i].slabs, *next; slab != NULL; slab = next) {
      next = slab->next;
      free_slab(p, &p->size[i], slab);
    }
  for (struct pool_lane *lane = p->lanes, *next; lane != NULL; lane = next) {
    next = lane->next;
    pawl__free(lane, sizeof *lane, PAWL_LINE);
  }
}

/* Lanes of threads that are not there any more are nobody's: whatever they were midway in, they hold up no trim. */
void pool_repair(struct pool *p)
{
  for (struct pool_lane *lane = p->lanes; lane != NULL; lane = lane->next)
    lane->busy = 0;
}

/* ---- trim: slabs all of whose nodes are free go back to the allocator */

/* Moves the nodes of one size that are free in the lane of h, and in the depot, onto the list. */
static struct reclaim_node *gather(struct pool_hand *h, int size, struct reclaim_node *all)
{
  struct pool_stock *stock = &h->lane->stock[size];
  do {
    while (at_plain_load(&stock->count) > 0) {
      struct reclaim_node *n = pool_take(h, size);
      at_store_release(&n->link, all); /* [W] */
      all = n;
    }
    struct reclaim_node *magazine = at_plain_load(&stock->full);
    at_plain_store(&stock->full, (void *)NULL);
    if (magazine == NULL)
      magazine = reclaim_pop(&h->pool->size[size].depot, h->hazard);
    if (magazine != NULL)
      load_magazine(stock, magazine);
  } while (at_plain_load(&stock->count) > 0);
  return all;
}

/* The same for the lanes of threads that have ended. */
static struct reclaim_node *gather_orphans(struct pool_hand h, int size, struct reclaim_node *all)
{
  for (struct pool_lane *lane = at_load_acquire(&h.pool->lanes); lane != NULL; lane = lane->next) { /* [B] */
    if (!reclaim_borrow(lane->owner))
      continue;
    h.lane = lane;
    pool_sort(&h);
    all = gather(&h, size, all);
    reclaim_return(lane->owner);
  }
  return all;
}

/* Is no operation of another thread under way that has begun before now? N3. */
static bool is_alone(const struct pool *p, const struct pool_lane *mine)
{
  if (at_step("pool.trim.fence"))
    at_fence_heavy();                                                                              /* [G] */
  for (const struct pool_lane *lane = at_load_acquire(&p->lanes); lane != NULL; lane = lane->next) /* [B] */
    if (lane != mine && at_load_acquire(&lane->busy) != 0)                                         /* [L] */
      return false;
  return true;
}

/* Of these nodes, those whose slabs are not all among them. The others' slabs are marked by `idle`. */
static struct reclaim_node *sift(const struct pool_size *size, struct reclaim_node *all)
{
  struct reclaim_node *kept = NULL, *next;
  for (struct reclaim_node *n = all; n != NULL; n = at_load_relaxed(&n->link))
    slab_of(size, n)->idle++;
  for (struct reclaim_node *n = all; n != NULL; n = next) {
    next = at_load_relaxed(&n->link);
    if (slab_of(size, n)->idle == size->nodes)
      continue;
    at_store_release(&n->link, kept); /* [W] */
    kept = n;
  }
  return kept;
}

static void free_idle(struct pool *p, struct pool_size *size)
{
  struct slab *slab = at_swap_acquire(&size->slabs, (void *)NULL), *next; /* [B] */
  for (; slab != NULL; slab = next) {
    next = at_plain_load(&slab->next);
    if (slab->idle == size->nodes) {
      free_slab(p, size, slab);
    } else {
      slab->idle = 0;
      push_slab(size, slab);
    }
  }
}

static void trim(struct pool_hand *h, int size)
{
  struct pool_size *of = &h->pool->size[size];
  sort_spilled(h->pool, of);
  struct reclaim_node *all = gather_orphans(*h, size, gather(h, size, NULL)), *next;
  if (is_alone(h->pool, h->lane)) {
    all = sift(of, all);
    free_idle(h->pool, of);
  }
  for (struct reclaim_node *n = all; n != NULL; n = next) {
    next = at_load_relaxed(&n->link);
    pool_give(h, size, n);
  }
}

/* Never waits: while operations of others are under way, one of which may be looking at any node (N2), it frees nothing. Nodes
 * in other living threads' lanes are not free. */
void pool_trim(struct pool *p, struct reclaim_thread *me)
{
  struct pool_hand h;
  if (!pool_enter(&h, p, me))
    return;
  pool_guard(&h);
  reclaim_forget(h.hazard);
  pool_sort(&h);
  for (int i = 0; i < POOL_SIZES && p->size[i].nodes > 0; i++)
    trim(&h, i);
  pool_unguard(&h);
}
