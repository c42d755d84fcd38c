/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fifo_history.c - the FIFO checker for histories of real threads.
 *
 * After Henzinger, Sezgin and Vafeiadis, "Aspect-oriented linearizability proofs" (CONCUR 2013): a history of a queue in
 * which every item is put once, and all operations have returned, is linearizable unless it shows one of four patterns:
 *   fresh   an item got that nobody put, or whose get returned before its put was invoked;
 *   repeat  an item got twice;
 *   order   put a returned before put b was invoked, b was got, and a was got later or never: get b returned before get a
 *           was invoked;
 *   empty   a get answered EMPTY, and at each instant of the call some item was certainly inside: its put had returned, its
 *           get had not been invoked.
 * Each takes a sort and a sweep. To these are added, for a bound and its two points (see tests/model/checker.c):
 *   over    more items were certainly inside than maxsize;
 *   full    a put answered FULL, and at no instant of the call did the items that may have been inside and the other puts
 *           under way reach maxsize.
 * `full` is necessary, not sufficient: it ignores that all answers must hold in one order. The empty rule's reading as a
 * cover by intervals is checked against the complete search of history_check in test_histories.c.
 */
#include "fifo_history.h"

#include <pawl/base.h>
#include <stdlib.h>
#include <string.h>

struct item {
  const struct fifo_op *put, *get;
};

struct event {
  uint64_t time;
  uint32_t index;
};

struct check {
  const struct fifo_op *ops;
  size_t n;
  int64_t maxsize;
  struct item *items;
  size_t item_count;
  struct event *a, *b, *spare; /* one entry per operation each */
  struct fifo_fault *fault;
};

static bool fail(struct check *c, const char *rule, const struct fifo_op *first, const struct fifo_op *second)
{
  *c->fault = (struct fifo_fault){rule, *first, *second};
  return false;
}

static void *allocate(size_t n, size_t size)
{
  void *memory = calloc(n + 1, size);
  if (memory == NULL)
    abort();
  return memory;
}

/* Sorts by time, 11 bits a pass, counted from the earliest; stable. */
static void sort(struct check *c, struct event *events, size_t n)
{
  uint64_t first = UINT64_MAX, last = 0;
  struct event *from = events, *to = c->spare;
  for (size_t i = 0; i < n; i++) {
    first = events[i].time < first ? events[i].time : first;
    last = events[i].time > last ? events[i].time : last;
  }
  for (int shift = 0; shift < 64 && n > 0 && (last - first) >> shift != 0; shift += 11) {
    size_t start[2049] = {0};
    for (size_t i = 0; i < n; i++)
      start[((from[i].time - first) >> shift & 2047) + 1]++;
    for (int k = 0; k < 2048; k++)
      start[k + 1] += start[k];
    for (size_t i = 0; i < n; i++)
      to[start[(from[i].time - first) >> shift & 2047]++] = from[i];
    struct event *swap = from;
    from = to;
    to = swap;
  }
  if (from != events)
    memcpy(events, from, n * sizeof(*events));
}

static uint64_t get_invoked(const struct item *item)
{
  return item->get != NULL ? item->get->invoked : UINT64_MAX;
}

/* fresh, repeat, and what was lost. Pairs puts with gets by a hash table on the way. */
static bool pair_items(struct check *c, bool drained)
{
  size_t slots = 16;
  while (slots < 2 * c->n)
    slots *= 2;
  int32_t *table = allocate(slots, sizeof(*table)); /* index into items, plus 1 */
  bool good = true;
  for (size_t pass = 0; pass < 2 && good; pass++) {
    for (size_t i = 0; i < c->n && good; i++) {
      const struct fifo_op *op = &c->ops[i];
      if (op->result != 0 || op->is_put != (pass == 0))
        continue;
      size_t slot = op->item * 0x9E3779B97F4A7C15u >> 20 & (slots - 1);
      while (table[slot] != 0 && c->items[table[slot] - 1].put->item != op->item)
        slot = (slot + 1) & (slots - 1);
      struct item *item = &c->items[table[slot] - 1];
      if (pass == 0 && table[slot] == 0) {
        c->items[c->item_count++].put = op;
        table[slot] = (int32_t)c->item_count;
      } else if (pass == 0) {
        good = fail(c, "the history puts an item twice", item->put, op);
      } else if (table[slot] == 0) {
        good = fail(c, "fresh: an item was got that nobody put", op, op);
      } else if (item->get != NULL) {
        good = fail(c, "repeat: an item was got twice", item->get, op);
      } else if (op->returned < item->put->invoked) {
        good = fail(c, "fresh: an item was got before it was put", item->put, op);
      } else {
        item->get = op;
      }
    }
  }
  free(table);
  for (size_t i = 0; i < c->item_count && good && drained; i++) {
    if (c->items[i].get == NULL)
      good = fail(c, "an item was lost", c->items[i].put, c->items[i].put);
  }
  return good;
}

/* For each b in the order of invocation of the puts: the latest-got item among those whose put had returned by then. */
static bool check_order(struct check *c)
{
  for (size_t i = 0; i < c->item_count; i++) {
    c->a[i] = (struct event){c->items[i].put->returned, (uint32_t)i};
    c->b[i] = (struct event){c->items[i].put->invoked, (uint32_t)i};
  }
  sort(c, c->a, c->item_count);
  sort(c, c->b, c->item_count);
  const struct item *latest = NULL;
  size_t earlier = 0;
  for (size_t i = 0; i < c->item_count; i++) {
    const struct item *b = &c->items[c->b[i].index];
    for (; earlier < c->item_count && c->a[earlier].time < c->b[i].time; earlier++) {
      const struct item *a = &c->items[c->a[earlier].index];
      if (latest == NULL || get_invoked(a) > get_invoked(latest))
        latest = a;
    }
    if (latest != NULL && b->get != NULL && b->get->returned < get_invoked(latest))
      return fail(c, "order: an item overtook another that was put before it", latest->put, b->get);
  }
  return true;
}

/* Whether [invoked, returned] lies within one of the spans of time in which something was certainly inside. */
static bool is_covered(const struct event *starts, const struct event *ends, size_t n, const struct fifo_op *op)
{
  size_t low = 0, high = n; /* the last span that starts before the invocation is low - 1 */
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (starts[middle].time < op->invoked)
      low = middle + 1;
    else
      high = middle;
  }
  return low > 0 && op->returned < ends[low - 1].time;
}

/* empty and over. An item is certainly inside after its put has returned and before its get is invoked. */
static bool check_inside(struct check *c)
{
  size_t in = 0, out = 0, spans = 0, n = 0;
  for (size_t i = 0; i < c->item_count; i++) {
    if (c->items[i].put->returned >= get_invoked(&c->items[i]))
      continue;
    c->a[n] = (struct event){c->items[i].put->returned, (uint32_t)i};
    c->b[n++] = (struct event){get_invoked(&c->items[i]), (uint32_t)i};
  }
  sort(c, c->a, n);
  sort(c, c->b, n);
  struct event *starts = allocate(n, sizeof(*starts)), *ends = allocate(n, sizeof(*ends));
  bool good = true;
  while (out < n && good) {
    if (in < n && c->a[in].time < c->b[out].time) {
      if (in++ == out)
        starts[spans] = c->a[in - 1];
      if (c->maxsize > 0 && (int64_t)(in - out) > c->maxsize)
        good = fail(c, "over: more items inside than maxsize", c->items[c->a[in - 1].index].put, c->items[c->b[out].index].put);
    } else if (++out == in) {
      ends[spans++] = c->b[out - 1];
    }
  }
  for (size_t i = 0; i < c->n && good; i++) {
    const struct fifo_op *op = &c->ops[i];
    if (!op->is_put && op->result == PAWL_EMPTY && is_covered(starts, ends, spans, op))
      good = fail(c, "empty: EMPTY while an item was inside all along", op, op);
  }
  free(starts);
  free(ends);
  return good;
}

static size_t count_before(const struct event *events, size_t n, uint64_t time)
{
  size_t low = 0;
  while (low < n) {
    size_t middle = (low + n) / 2;
    if (events[middle].time < time)
      low = middle + 1;
    else
      n = middle;
  }
  return low;
}

/*
 * full. Places that may be taken at time t: puts invoked by t, less those whose item had been got (or which had failed)
 * before t. The maximum over a call is at its invocation or at the invocation of another put within it; the latter by a
 * stack of maxima: from bottom to top later and smaller.
 */
static bool check_full(struct check *c)
{
  size_t n = 0, queries = 0, depth = 0, next = 0;
  struct event *calls = allocate(c->n, sizeof(*calls)), *stack = allocate(c->n, sizeof(*stack));
  for (size_t i = 0; i < c->n; i++) {
    const struct fifo_op *op = &c->ops[i];
    if (op->is_put) {
      c->a[n++] = (struct event){op->invoked, (uint32_t)i};
      if (op->result == PAWL_FULL)
        calls[queries++] = (struct event){op->returned, (uint32_t)i};
    }
  }
  size_t ends = 0;
  for (size_t i = 0; i < c->item_count; i++) {
    if (c->items[i].get != NULL)
      c->b[ends++] = (struct event){c->items[i].get->returned, 0};
  }
  for (size_t i = 0; i < c->n; i++) {
    if (c->ops[i].is_put && c->ops[i].result != 0)
      c->b[ends++] = (struct event){c->ops[i].returned, 0};
  }
  sort(c, c->a, n);
  sort(c, c->b, ends);
  sort(c, calls, queries);
  bool good = true;
  for (size_t q = 0; q < queries && good; q++) {
    const struct fifo_op *op = &c->ops[calls[q].index];
    for (; next < n && c->a[next].time <= op->returned; next++) {
      struct event taken = {c->a[next].time, (uint32_t)(next + 1 - count_before(c->b, ends, c->a[next].time))};
      while (depth > 0 && stack[depth - 1].index <= taken.index)
        depth--;
      stack[depth++] = taken;
    }
    size_t highest = count_before(stack, depth, op->invoked);
    int64_t most = highest < depth ? stack[highest].index : 0;
    int64_t first = (int64_t)count_before(c->a, n, op->invoked + 1) - (int64_t)count_before(c->b, ends, op->invoked);
    if (c->maxsize <= 0 || (most > first ? most : first) - 1 < c->maxsize) /* itself apart */
      good = fail(c, "full: FULL though there was room all along", op, op);
  }
  free(calls);
  free(stack);
  return good;
}

bool fifo_history_check(const struct fifo_op *ops, size_t n, int64_t maxsize, bool drained, struct fifo_fault *fault)
{
  struct check c = {.ops = ops, .n = n, .maxsize = maxsize, .fault = fault};
  c.items = allocate(n, sizeof(*c.items));
  c.a = allocate(n, sizeof(*c.a));
  c.b = allocate(n, sizeof(*c.b));
  c.spare = allocate(n, sizeof(*c.spare));
  bool good = pair_items(&c, drained) && check_order(&c) && check_inside(&c) && check_full(&c);
  free(c.items);
  free(c.a);
  free(c.b);
  free(c.spare);
  return good;
}
