/* SPDX-License-Identifier: BSD-2-Clause */
/* rank.h - the exact reference beside which prio.rank.* run a queue; rank.c says how it is measured. */
#ifndef PAWL_BENCH_RANK_H
#define PAWL_BENCH_RANK_H

#include "bench.h"

/* For `rounds` pairs by `threads` threads that take turns, with keys from 0 to keys - 1, a power of two. NULL: no memory. */
struct bench_rank *bench_rank_open(uint64_t keys, unsigned threads, uint64_t rounds);
/* An item that is in the queue before the rounds begin. */
void bench_rank_filled(struct bench_rank *rank, int64_t key);
/* mean, 99 % quantile and maximum of the rank errors of all gets. */
void bench_rank_result(struct bench_rank *rank, double out[3]);
/* Gets that took a key which the queue did not hold. */
uint64_t bench_rank_strangers(const struct bench_rank *rank);

#endif
