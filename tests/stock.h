/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stock.h - a plain queue in one of Pawl's orders, for tests: a sorted array and nothing clever. It is what the custom kinds
 * have behind their callbacks, and what a fixture compares a queue with (kit.h).
 */
#ifndef PAWL_TESTS_STOCK_H
#define PAWL_TESTS_STOCK_H

#include <pawl.h>

struct stock_entry {
  int64_t key;
  uint64_t item;
};

struct stock {
  struct stock_entry *entries; /* [first, first + size) in the order of getting, but for LIFO, which gets from the end */
  size_t first, size, room;
  unsigned order;                                 /* enum pawl_order */
  int (*less)(void *ctx, uint64_t a, uint64_t b); /* PAWL_PRIORITY: not NULL: the order of the items; ctx is NULL */
  int put_result, get_result;                     /* not 0: the callbacks fail with it */
  int puts, gets, gets_when_empty;                /* calls of the callbacks */
};

/* The callbacks of a custom order; ctx is a struct stock. An item is its own key. */
extern const struct pawl_queue_ops stock_ops;

void stock_add(struct stock *stock, int64_t key, uint64_t item);

/* The entry that is next; the stock must not be empty. PAWL_RELAXED: the first of the lowest key, one of those that may be. */
struct stock_entry stock_next(const struct stock *stock);

/* Takes the entry out if it may be next: PAWL_RELAXED: if it is there at all. False: it may not. */
bool stock_take(struct stock *stock, struct stock_entry entry);

void stock_clear(struct stock *stock); /* nothing is inside, and no memory is held */

#endif
