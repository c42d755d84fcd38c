/* SPDX-License-Identifier: BSD-2-Clause */
/* subjects.h - the library's structures as subjects of the machine. */
#ifndef PAWL_MODEL_SUBJECTS_H
#define PAWL_MODEL_SUBJECTS_H

#include <pawl/check.h>
#include <pawl/queue.h>

/* The operations of a whole queue, and its beginning and end; subjects_modes.c has more queues made of them. */
extern const struct pawl_check_op queue_ops[];
int queue_open(struct pawl_queue *q, const struct pawl_check_setup *setup, const struct pawl_queue_options *options);
void queue_attach(void *q, int thread);
void queue_finish(void *q);

extern const struct pawl_check_subject subjects_queue[], subjects_modes[], subjects_sync[];

#endif
