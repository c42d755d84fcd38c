/* SPDX-License-Identifier: BSD-2-Clause */
/* os_model.h - what fibers do with descriptors that src/os.h leaves to the user. */
#ifndef PAWL_MODEL_OS_MODEL_H
#define PAWL_MODEL_OS_MODEL_H

#include <pawl/base.h>
#include <stdbool.h>

/* Sleeps as in epoll_wait, level-triggered, until the descriptor is readable. False: the deadline passed. */
bool os_model_poll(int fd, pawl_time until);
/* Descriptors that have been made and not closed. */
unsigned os_model_open(void);

#endif
