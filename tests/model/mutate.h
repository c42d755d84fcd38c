/* SPDX-License-Identifier: BSD-2-Clause */
/* mutate.h - weakened orders and skipped steps, one at a time: does the machine notice? */
#ifndef PAWL_MODEL_MUTATE_H
#define PAWL_MODEL_MUTATE_H

#include "variations.h"

enum { SURVIVOR_SCHEDULES = 10000000 }; /* what a survivor must have behind it at a release */

struct mutate_result {
  int mutants, killed, explained, unexplained;
  int open;   /* survivors without a reason (its text begins with "open"), or without enough schedules at a release */
  int stale;  /* survivors in the file that name no mutant */
  int faults; /* the structure fails without any mutation */
  uint64_t schedules;
  double seconds;
};

bool mutate_run(const struct options *options, struct mutate_result *out);
/* A stretch of schedules with one mutant, in the scenarios that reach its site. */
struct mutate_chunk {
  uint64_t spent, seed;
  bool killed;
  char options[VARIATION_TEXT];
};
/* False: there is no such mutant, or no schedule reaches it. */
bool mutate_one(const struct options *options, const char *key, struct mutate_chunk *out);

/* A line of the file of survivors; and writing its number. */
struct mutate_survivor {
  const char *structure, *key;
  uint64_t schedules;
};
int mutate_survivors(const char *path, struct mutate_survivor *list, int most);
void mutate_note_survivor(const char *path, const char *structure, const char *key, uint64_t schedules);

void mutate_print_total(const char *name, const struct mutate_result *r);

#endif
