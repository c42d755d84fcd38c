/* SPDX-License-Identifier: BSD-2-Clause */
/* pawl.h - all of Pawl: lock-free queues for C programs. */
#ifndef PAWL_H
#define PAWL_H

#include <pawl/base.h>
#include <pawl/queue.h>
#include <pawl/sync.h>

#endif
