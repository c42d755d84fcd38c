/* SPDX-License-Identifier: BSD-2-Clause */
/* stock.c - see stock.h. */
#include "stock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more at the end. */
static bool make_room(struct stock *stock)
{
  if (stock->first + stock->size < stock->room)
    return true;
  size_t room = stock->size * 2 + 8;
  struct stock_entry *entries = malloc(room * sizeof(*entries));
  if (!entries)
    return false;
  if (stock->size)
    memcpy(entries, stock->entries + stock->first, stock->size * sizeof(*entries));
  free(stock->entries);
  stock->entries = entries;
  stock->first = 0;
  stock->room = room;
  return true;
}

static bool goes_before(const struct stock *stock, struct stock_entry a, struct stock_entry b)
{
  return stock->less ? stock->less(NULL, a.item, b.item) > 0 : a.key < b.key;
}

/* Behind all that it does not go before: first in, first out among equals. */
static void insert(struct stock *stock, struct stock_entry entry)
{
  struct stock_entry *begin = stock->entries + stock->first;
  size_t low = 0, high = stock->size;
  if (stock->order < PAWL_PRIORITY)
    low = high;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (goes_before(stock, entry, begin[middle]))
      high = middle;
    else
      low = middle + 1;
  }
  memmove(begin + low + 1, begin + low, (stock->size++ - low) * sizeof(entry));
  begin[low] = entry;
}

void stock_add(struct stock *stock, int64_t key, uint64_t item)
{
  if (!make_room(stock))
    abort();
  insert(stock, (struct stock_entry){key, item});
}

static size_t next_index(const struct stock *stock)
{
  return stock->order == PAWL_LIFO ? stock->size - 1 : 0;
}

struct stock_entry stock_next(const struct stock *stock)
{
  return stock->entries[stock->first + next_index(stock)];
}

static void remove_at(struct stock *stock, size_t i)
{
  struct stock_entry *begin = stock->entries + stock->first;
  stock->size--;
  if (i == 0)
    stock->first++;
  else
    memmove(begin + i, begin + i + 1, (stock->size - i) * sizeof(*begin));
}

bool stock_take(struct stock *stock, struct stock_entry entry)
{
  size_t i = stock->size ? next_index(stock) : 0;
  for (; i < stock->size; i++) {
    struct stock_entry here = stock->entries[stock->first + i];
    if (here.item == entry.item && here.key == entry.key) {
      remove_at(stock, i);
      return true;
    }
    if (stock->order != PAWL_RELAXED)
      return false;
  }
  return false;
}

void stock_clear(struct stock *stock)
{
  free(stock->entries);
  stock->entries = NULL;
  stock->first = stock->size = stock->room = 0;
}

static int stock_put(void *ctx, uint64_t item)
{
  struct stock *stock = ctx;
  stock->puts++;
  if (stock->put_result)
    return stock->put_result;
  if (!make_room(stock))
    return -ENOMEM;
  insert(stock, (struct stock_entry){(int64_t)item, item});
  return 0;
}

static int stock_get(void *ctx, uint64_t *item)
{
  struct stock *stock = ctx;
  stock->gets++;
  if (stock->size == 0) {
    stock->gets_when_empty++;
    return -EFAULT;
  }
  if (stock->get_result)
    return stock->get_result;
  *item = stock_next(stock).item;
  remove_at(stock, next_index(stock));
  return 0;
}

static size_t stock_size(void *ctx)
{
  struct stock *stock = ctx;
  return stock->size;
}

const struct pawl_queue_ops stock_ops = {stock_put, stock_get, stock_size};
