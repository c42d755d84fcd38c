/* SPDX-License-Identifier: BSD-2-Clause */
/* tool.c - pawl-check: the machine with Pawl's own structures, and the levels of CI and releases. */
#include "levels.h"
#include "machine.h"
#include "planted/planted.h"
#include "self.h"
#include "subjects.h"

#include <stdlib.h>

static struct pawl_check_subject subjects[128];

static void collect(const struct pawl_check_subject *from)
{
  static size_t n;
  for (; from->name != NULL && n + 1 < sizeof(subjects) / sizeof(subjects[0]); from++)
    subjects[n++] = *from;
}

int main(int argc, char **argv)
{
  collect(subjects_queue);
  collect(subjects_modes);
  collect(subjects_orders);
  collect(subjects_sync);
  collect(planted_rings);
  collect(planted_waits);
  collect(planted_lists);
  if (argc == 2 && strcmp(argv[1], "self") == 0)
    return self_test(subjects) != 0;
  if (argc >= 2 && (strcmp(argv[1], "ci") == 0 || strcmp(argv[1], "full") == 0))
    return levels_main(argc, argv, subjects);
  if (argc >= 2 && strcmp(argv[1], "survivors") == 0)
    return survivors_main(argc, argv, subjects);
  return pawl_check_main(argc, argv, subjects);
}
