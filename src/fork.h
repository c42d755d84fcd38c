/* SPDX-License-Identifier: BSD-2-Clause */
/* fork.h - queues that need a hand in a forked child (fork.c). Layer 3. */
#ifndef PAWL_SRC_FORK_H
#define PAWL_SRC_FORK_H

#include <pawl/queue.h>

/* From init to fini, for queues with a lock or a ring, and for those with one producer. */
void fork_register(struct pawl_queue *queue);
void fork_unregister(struct pawl_queue *queue);

#endif
