/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h - the command line of one campaign, shared by the tool, its levels and fuzzers. */
#ifndef PAWL_MODEL_OPTIONS_H
#define PAWL_MODEL_OPTIONS_H

#include "machine.h"

struct options {
  struct config config;
  struct budget budget;
  uint64_t seed;
  bool replay; /* one schedule, of this seed */
  uint64_t replay_seed;
  const char *decisions; /* one schedule, of these decisions */
  const char *kills;     /* mutate: files to read and write */
  const char *survivors;
  bool update;
  bool quiet_survivors;
  bool sites;       /* print how often each site was reached */
  bool full;        /* mutate: known survivors get the whole budget again */
  const char *only; /* mutate: sites whose file name contains this */
};

/* Reads "name --option value ..."; says what is wrong on stderr. */
bool options_parse(int argc, char **argv, const struct pawl_check_subject *subjects, struct options *out);
/* The same from one string; at most 62 words. The string must outlive the options. */
bool options_parse_text(char *text, const struct pawl_check_subject *subjects, struct options *out);
extern bool options_silent; /* wrong options are no fault of the user */
void options_usage(FILE *file);
const struct pawl_check_subject *subject_find(const struct pawl_check_subject *subjects, const char *name);

#endif
