/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple.c - pawl_simple_queue of src/simple.c, which is FIFO, eventcount and reclamation at once: a get that waits for ever
 * gets its item, and nobody stays asleep beside one. Words: PUT(item) GET CLOSE.
 */
#include "world.h"

#include "futex.h"

#include "../../src/park.c"
#include "../../src/reclaim.c"
#include "../../src/simple.c"

static struct pawl_simple_queue queue;

static void put_item(uint64_t item)
{
  int result = pawl_simple_queue_put(&queue, item);
  assert(result == 0 || result == PAWL_SHUTDOWN);
}

static void get_item(void)
{
  uint64_t item = 0;
  int result = pawl_simple_queue_get(&queue, &item, PAWL_FOREVER);
  assert(result == PAWL_SHUTDOWN || (result == 0 && item >= 1 && item <= 15));
}

static void prepare(void)
{
  futex_word = &queue.getters_.epoch;
  (void)spin_budget();
  queue.segment_ = CELLS;
}

#define PUT(item) put_item(item);
#define GET get_item();
#define CLOSE (void)pawl_simple_queue_close(&queue);
#define ATTACH
#include "programs.h"

int main(void)
{
  uint64_t unused;
  run_programs(prepare, &unused, &unused, &unused, &unused);
  assert(pawl_simple_queue_was_size(&queue) == ITEMS_LEFT && park_count(&queue.getters_) == 0);
  return 0;
}
