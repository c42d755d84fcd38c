/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring_check.c - checks the ring of ring.h by Pawl's proof machine. The whole work of a stranger who checks a queue of their
 * own; pawl/check.h explains it.
 *
 *   cc -std=c11 -D_GNU_SOURCE -DPAWL_CHECK_STDATOMIC -include pawl/check.h ring_check.c -lpawl-check -o ring-check
 *   ./ring-check ring                   no fault: under sequential consistency there is none
 *   ./ring-check ring --weak            finds it: the item is read before it is written
 *   cc ... -DRING_FIXED ...             the ring with one order changed: no fault
 *   ./ring-check mutate ring            which of its memory orders does it need?
 */
#include <pawl/check.h>

#define RING_READ(p) PAWL_CHECK_PLAIN_LOAD(p)
#define RING_WRITE(p, v) PAWL_CHECK_PLAIN_STORE(p, v)
#include "ring.h"

static int init(void *object, const struct pawl_check_setup *setup)
{
  struct ring *ring = object;
  ring->capacity = (uint64_t)setup->capacity;
  return setup->capacity <= RING_SLOTS ? 0 : -1;
}

static int put(void *ring, struct pawl_check_call *call)
{
  return ring_put(ring, call->item) ? 0 : PAWL_FULL;
}

static int get(void *ring, struct pawl_check_call *call)
{
  return ring_get(ring, &call->out) ? 0 : PAWL_EMPTY;
}

static const struct pawl_check_op ops[] = {
    {.key = 'p', .name = "put", .kind = PAWL_CHECK_PUT, .call = put, .weight = 1},
    {.key = 'g', .name = "get", .kind = PAWL_CHECK_GET, .call = get, .weight = 1},
    {.key = 0},
};

static const struct pawl_check_subject subjects[] = {
    {
        .name = "ring",
        .about = "a ring for one producer and one consumer",
        .size = sizeof(struct ring),
        .init = init,
        .ops = ops,
        .model = PAWL_CHECK_FIFO,
        .flags = PAWL_CHECK_BOUNDED | PAWL_CHECK_DRAIN,
        .roles = "p|g", /* thread 0 puts, thread 1 gets */
        .threads = 2,
    },
    {.name = NULL},
};

int main(int argc, char **argv)
{
  return pawl_check_main(argc, argv, subjects);
}
