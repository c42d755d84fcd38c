/* SPDX-License-Identifier: BSD-2-Clause */
/* mutate.h - weakened orders and skipped steps, one at a time: does the machine notice? */
#ifndef PAWL_MODEL_MUTATE_H
#define PAWL_MODEL_MUTATE_H

#include "options.h"

struct mutate_result {
  int mutants, killed, explained, unexplained;
  int open;   /* survivors whose reason is still to be found: its text begins with "open" */
  int faults; /* the structure fails without any mutation */
  uint64_t schedules;
  double seconds;
};

bool mutate_run(const struct options *options, struct mutate_result *out);
void mutate_print_total(const char *name, const struct mutate_result *r);

#endif
