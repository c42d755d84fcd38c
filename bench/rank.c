/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rank.c - prio.rank.*: how far from the lowest key a queue's gets are, against an exact reference, in a known order.
 *
 * The rank error of a get is the number of items in the queue whose key is lower than the one it took; 0 for a strict queue,
 * and the bench fails one that is not. Threads take turns, one pair of put and get each: so the order of all operations is
 * known and the reference, which does each operation once more, has no part in it; and yet what the queue keeps per thread
 * (a heap that a thread sticks to, a generator of random numbers) is there once per thread, as in real use. What turns leave
 * out is a get that overlaps others; a rank is not defined for it.
 *
 * The reference counts items per key in a binary indexed tree (P. M. Fenwick, "A new data structure for cumulative frequency
 * tables", Software: Practice and Experience 24, 1994).
 */
#include "rank.h"
#include <stdlib.h>

struct bench_rank {
  uint64_t rounds;
  unsigned threads;
  char pad1_[128];
  uint64_t turn; /* pairs done; who has the turn owns what follows */
  char pad2_[128];
  uint64_t keys;
  uint64_t strangers;
  uint32_t *errors; /* one per round */
  uint32_t *tree;   /* 1 .. keys */
};

struct bench_rank *bench_rank_open(uint64_t keys, unsigned threads, uint64_t rounds)
{
  struct bench_rank *rank = calloc(1, sizeof *rank);
  if (rank == NULL)
    return NULL;
  *rank = (struct bench_rank){.rounds = rounds, .threads = threads, .keys = keys};
  rank->errors = calloc(rounds, sizeof *rank->errors);
  rank->tree = calloc(keys + 1, sizeof *rank->tree);
  return rank->errors != NULL && rank->tree != NULL ? rank : NULL;
}

/* Items with keys below `key`. */
static uint32_t below(const struct bench_rank *rank, int64_t key)
{
  uint32_t count = 0;
  for (uint64_t i = (uint64_t)key; i > 0; i &= i - 1)
    count += rank->tree[i];
  return count;
}

static void change(struct bench_rank *rank, int64_t key, uint32_t by)
{
  for (uint64_t i = (uint64_t)key + 1; i <= rank->keys; i += i & -i)
    rank->tree[i] += by;
}

void bench_rank_filled(struct bench_rank *rank, int64_t key)
{
  change(rank, key, 1);
}

/* Waiting is the policy of the other loops; a turn lasts a microsecond or less. */
bool bench_rank_turn(struct bench_worker *worker)
{
  struct bench_rank *rank = worker->run->rank;
  uint64_t turn;
  unsigned tries = 0;
  while ((turn = __atomic_load_n(&rank->turn, __ATOMIC_ACQUIRE)) < rank->rounds && turn % rank->threads != worker->id)
    bench_back_off(&tries);
  return turn < rank->rounds;
}

void bench_rank_put(struct bench_worker *worker, int64_t key)
{
  change(worker->run->rank, key, 1);
}

void bench_rank_got(struct bench_worker *worker, int64_t key)
{
  struct bench_rank *rank = worker->run->rank;
  if (key < 0 || (uint64_t)key >= rank->keys || below(rank, key + 1) == below(rank, key)) {
    rank->strangers++;
    return;
  }
  rank->errors[rank->turn] = below(rank, key);
  change(rank, key, (uint32_t)-1);
}

void bench_rank_pass(struct bench_worker *worker)
{
  struct bench_rank *rank = worker->run->rank;
  __atomic_store_n(&rank->turn, rank->turn + 1, __ATOMIC_RELEASE);
}

uint64_t bench_rank_strangers(const struct bench_rank *rank)
{
  return rank->strangers;
}

static int ascending(const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

void bench_rank_result(struct bench_rank *rank, double out[3])
{
  double sum = 0;
  qsort(rank->errors, rank->rounds, sizeof *rank->errors, ascending);
  for (uint64_t i = 0; i < rank->rounds; i++)
    sum += rank->errors[i];
  out[0] = sum / (double)rank->rounds;
  out[1] = rank->errors[(rank->rounds - 1) * 99 / 100];
  out[2] = rank->errors[rank->rounds - 1];
}
