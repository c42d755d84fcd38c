/* SPDX-License-Identifier: BSD-2-Clause */
/* drivers.h - the drivers that the table of workloads.c names. Each runs in a child and fills trial->result. */
#ifndef PAWL_BENCH_DRIVERS_H
#define PAWL_BENCH_DRIVERS_H

#include "bench.h"

enum { BENCH_IDLERS = 4, BENCH_ELEMENTS = 1000000 };
enum bench_place { BENCH_ALL_CPUS, BENCH_ONE_CPU, BENCH_HALF_A_CPU }; /* bench_workload.param of fifo.oversub */

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

#endif
