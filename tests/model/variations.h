/* SPDX-License-Identifier: BSD-2-Clause */
/* variations.h - under which circumstances a structure is explored and its mutants are hunted. */
#ifndef PAWL_MODEL_VARIATIONS_H
#define PAWL_MODEL_VARIATIONS_H

#include "options.h"

enum { VARIATIONS_MAX = 128, VARIATION_TEXT = 160 };

struct variation {
  struct config config;
  char text[VARIATION_TEXT]; /* its options */
};

/* Those that fit the subject, with weak memory or without. Returns how many. */
int variations_of(const struct pawl_check_subject *subject, bool weak, struct variation out[VARIATIONS_MAX]);
/* One by its options; false if they do not fit. */
bool variation_parse(const struct pawl_check_subject *subject, const char *options, struct variation *out);

#endif
