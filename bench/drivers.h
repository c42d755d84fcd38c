/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers.h - the drivers that the table of workloads.c names. Each runs in a child and fills trial->result. */
#ifndef PAWL_BENCH_DRIVERS_H
#define PAWL_BENCH_DRIVERS_H

#include "bench.h"

enum { BENCH_IDLERS = 4, BENCH_ELEMENTS = 1000000 };
enum bench_place { BENCH_ALL_CPUS, BENCH_ONE_CPU, BENCH_HALF_A_CPU }; /* bench_workload.param of fifo.oversub */

/* So many items, or fewer: 1e4 when only the checks count, 1e5 in --quick, which is known by its 25 ms. */
uint64_t bench_items(const struct bench_settings *settings, uint64_t items);

/* CPU time and context switches of the process at one point. */
struct bench_usage {
  double cpu_ns;
  double switches;
};
struct bench_usage bench_usage_now(void);
/* From the first thread's start to the last one's end. */
double bench_elapsed_ns(const struct bench_trial *trial);
/* Items that went all the way through. */
double bench_passed(const struct bench_trial *trial);
/* Opens the queue that all threads use, with the items in it that the workload wants to find there. */
void bench_open_for_all(struct bench_trial *trial);
/* Runs the loop in all threads; items per second into value[0]. */
void bench_throughput(struct bench_trial *trial, bench_loop *loop);

void bench_drive_solo(struct bench_trial *trial);
void bench_drive_stream(struct bench_trial *trial);
void bench_drive_block(struct bench_trial *trial);
void bench_drive_oversub(struct bench_trial *trial);
void bench_drive_pairs(struct bench_trial *trial);
void bench_drive_rtt(struct bench_trial *trial);
void bench_drive_idle(struct bench_trial *trial);
void bench_drive_trickle(struct bench_trial *trial);
unsigned bench_trickle_ms(const struct bench_settings *settings); /* how long a sample of it is */
void bench_drive_stall(struct bench_trial *trial);
void bench_drive_memory(struct bench_trial *trial);
void bench_drive_false_empty(struct bench_trial *trial);

/* drivers_prio.c; bench_workload.param is a number of items or of pairs */
void bench_drive_prio_pair(struct bench_trial *trial);
void bench_drive_prio_front(struct bench_trial *trial);
void bench_drive_prio_push(struct bench_trial *trial);
void bench_drive_prio_drain(struct bench_trial *trial);
void bench_drive_prio_rank_pair(struct bench_trial *trial);
void bench_drive_prio_rank_hold(struct bench_trial *trial);

#endif
