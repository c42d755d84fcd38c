/* SPDX-License-Identifier: BSD-2-Clause */
/* subjects.h - the library's structures as subjects of the machine. */
#ifndef PAWL_MODEL_SUBJECTS_H
#define PAWL_MODEL_SUBJECTS_H

#include <pawl/check.h>
#include <pawl/queue.h>

/* The operations of a core and of a whole queue, and its beginning and end, for the queues of the other files. Puts and gets go
 * by keys where the queue has some. */
extern const struct pawl_check_op core_ops[], queue_ops[];
int queue_open(struct pawl_queue *q, const struct pawl_check_setup *setup, const struct pawl_queue_options *options);
void queue_attach(void *q, int thread);
void queue_finish(void *q);
int64_t queue_key(uint64_t item); /* that the put of this item drew */

extern const struct pawl_check_subject subjects_queue[], subjects_modes[], subjects_orders[], subjects_sync[];

#endif
