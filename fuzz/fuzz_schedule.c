/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_schedule.c - the input chooses a structure, its program and every scheduling decision; the model scheduler runs it and
 * checks the history (tests/model, pawl/check.h). A fault prints the interleaving and ends the program.
 *
 * PAWL_FUZZ_CAMPAIGN in the environment is the campaign, as pawl-check takes it; one per process, and a corpus for each. The
 * first four bytes draw the program, the others decide; when they are used up every decision is the first possible one.
 * For that reason structures that are not lock-free need two threads here: with more, two may wait in turns for a third.
 */
#include "input.h"

#include "../tests/model/subjects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *campaign;
  if (campaign == NULL && ((campaign = getenv("PAWL_FUZZ_CAMPAIGN")) == NULL || *campaign == 0))
    campaign = "queue --capacity 1 --quiet";
  int result = pawl_check_bytes(subjects_queue, campaign, data, size);
  if (result < 0) {
    fprintf(stderr, "no such campaign: %s\n", campaign);
    exit(2);
  }
  if (result > 0) {
    fflush(stdout); /* the interleaving */
    abort();
  }
  return 0;
}
