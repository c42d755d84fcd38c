/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * variations.c - the circumstances: few threads and operations, small bounds, segments that turn over, counters that wrap,
 * memory that fails or comes back, frozen threads, handlers. Then programs aimed at what random ones seldom meet: each needs
 * a few operations in one order; keys that a structure does not know rule its line out. They run by PCT, because in a walk a
 * thread with little to do is through long before the other gets to where it matters.
 */
#include "variations.h"

#include <stdio.h>

enum need { QUEUE = 1, LOCK_FREE = 2, HANDLER = 4, BOUND = 8, ORDER = 16 /* another than first in, first out */ };

static const struct {
  const char *options;
  unsigned needs;
} all[] = {
    {"--threads 2 --ops 2", 0},
    {"--threads 2 --ops 4", 0},
    {"--threads 3 --ops 2", 0},
    {"--threads 3 --ops 3 --exits", 0},
    {"--threads 4 --ops 2", 0},
    {"--threads 3 --ops 4 --exits --late --segment 1", QUEUE},
    {"--threads 3 --ops 3 --mode pct", 0},
    {"--threads 2 --ops 3 --capacity 1", BOUND},
    {"--threads 3 --ops 2 --capacity 1", BOUND},
    {"--threads 3 --ops 3 --capacity 1 --segment 1", BOUND},
    {"--threads 2 --ops 3 --capacity 2", BOUND},
    {"--threads 3 --ops 3 --capacity 2", BOUND},
    {"--threads 3 --ops 3 --capacity 2 --mode pct", BOUND},
    {"--threads 4 --ops 2 --capacity 2 --segment 3", BOUND},
    {"--threads 2 --ops 6 --capacity 2", BOUND},
    {"--threads 2 --ops 6 --capacity 3 --faults --exits", BOUND},
    {"--threads 2 --ops 6 --capacity 4 --reuse", BOUND},
    {"--threads 2 --ops 8 --capacity 5", BOUND},
    {"--threads 2 --ops 8 --capacity 8 --segment 3", BOUND},
    {"--threads 2 --ops 4 --capacity 2 --start 18446744073709551613", BOUND},
    {"--threads 2 --ops 4 --capacity 2 --start 4294967294", BOUND},
    {"--threads 2 --ops 5 --segment 1 --reuse --faults", QUEUE},
    {"--threads 2 --ops 8 --segment 1 --mode pct", QUEUE},
    {"--threads 2 --ops 8 --segment 1", QUEUE},
    {"--threads 3 --ops 6 --segment 1 --capacity 2 --mode pct", BOUND},
    {"--threads 3 --ops 2 --start 18446744073709551613", QUEUE},
    {"--threads 3 --ops 2 --freeze", LOCK_FREE},
    {"--threads 3 --ops 2 --capacity 1 --freeze", LOCK_FREE | BOUND},
    {"--threads 3 --ops 3 --capacity 2 --freeze --segment 1", LOCK_FREE | BOUND},
    {"--threads 2 --ops 3 --handlers", HANDLER},
    {"--threads 3 --ops 2 --handlers --freeze --reuse", HANDLER | LOCK_FREE},
    /* a first item, or one behind a full segment, for somebody who falls asleep */
    {"--program p|G --mode pct", QUEUE},
    {"--program pp|gG --segment 1 --mode pct", QUEUE},
    /* somebody waits for room: then it is closed, or made larger */
    {"--program pP|c --capacity 1 --segment 1 --mode pct", BOUND},
    {"--program pP|c --capacity 1 --mode pct", BOUND},
    {"--program pP|R --capacity 1 --mode pct", BOUND},
    {"--program rpP|R --capacity 3 --mode pct", BOUND},
    /* two wait, two come: the wake is passed on */
    {"--program pp|G|G --mode pct", QUEUE},
    {"--program ppgg|P|P --capacity 2 --mode pct", BOUND},
    /* both sides of a full and an empty queue, over segments */
    {"--program ppgggg|ppp --capacity 2 --mode pct", BOUND},
    /* a smaller bound and a count of what is unfinished, against two puts */
    {"--program pp|rj --capacity 3 --mode pct", BOUND},
    {"--program pp|rD --capacity 3 --mode pct", BOUND},
    {"--program pgd|J --capacity 2 --mode pct", BOUND},
    {"--program pgd|jd --capacity 2 --mode pct", BOUND},
    /* the same by the short way of a put */
    {"--program pgpgpp|rg --capacity 8 --segment 8 --mode pct", BOUND},
    /* a wake in flight, and the item gone; then another comes */
    {"--program pgp|pgG --segment 8", QUEUE},
    {"--program pgp|pgG --segment 8 --mode pct", QUEUE},
    /* the threads remember a segment of an ended queue, and the new one's comes to lie there */
    {"--threads 2 --ops 3 --segment 8 --reuse --again", QUEUE},
    /* who leaves awake finds out whether there is more: an item, also behind a full segment, or a place that came meanwhile */
    {"--program ppgp|ppggG|G --capacity 8 --segment 16 --mode pct", BOUND},
    {"--program ppgp|ppggG|G --segment 4 --mode pct", QUEUE},
    {"--program ppgp|G|G --capacity 8 --mode pct", BOUND},
    {"--program ggpg|ppP|P --capacity 2 --mode pct", BOUND},
    /* the record of a thread that ends goes to one that begins */
    {"--program p|pgpg|gggg --exits --late --segment 1 --mode pct", QUEUE},
    {"--program pppggg|p|p --exits --late --segment 2 --mode pct", QUEUE},
    /* one who puts and one who gets: all done beside a put, and an immediate shutdown beside a put that waits */
    {"--program pppp|Gdjgj --capacity 2", BOUND},
    {"--program PP|g|rx --capacity 1", BOUND},
    {"--program ppp|ggg|rr --mode pct", BOUND},
    {"--program pp|gg|x --segment 8 --mode pct", BOUND},
    /* puts midway */
    {"--program pp|gg --mode pct", QUEUE},
    /* the descriptor: polled beside those who sleep, and beside another who polls */
    {"--threads 3 --ops 3 --mix pgGefcx", BOUND},
    {"--program pp|e|G --mode pct", BOUND},
    {"--program ppg|e|f --mode pct", BOUND},
    /* what the queue says of itself */
    {"--threads 3 --ops 3 --mix pGgcs --segment 1", QUEUE},
    {"--threads 3 --ops 3 --mix pgxcsyFirR --capacity 2", BOUND},
    {"--program pi|c|ip --mode pct", BOUND},
    {"--program ip|c|i --mode pct", BOUND},
    {"--program c|p|ip --late --faults", BOUND},
    {"--program ppcj|DDi --mode pct", BOUND},
    /* trim under traffic */
    {"--threads 3 --ops 4 --mix pgsk --segment 1 --reuse", BOUND},
    /* several at once */
    {"--threads 3 --ops 2 --mix mMnNpgdJcx --capacity 2 --segment 1", BOUND},
    /* all of these are lock-free */
    {"--threads 3 --ops 2 --mix pgmnikse --capacity 2 --segment 1 --freeze", LOCK_FREE | BOUND},
    /* what a get would take now, while it is taken, overtaken, freed */
    {"--threads 3 --ops 3 --mix pgvc --segment 1", QUEUE},
    {"--threads 3 --ops 3 --mix pgvx --segment 1 --reuse", QUEUE},
    {"--program pp|gg|vv --reuse --mode pct", QUEUE},
    {"--threads 3 --ops 2 --mix pgv --segment 1 --freeze", LOCK_FREE | QUEUE},
    /* a node goes and comes back under somebody's hands */
    {"--program ppgg|pgpg --reuse", ORDER},
    {"--program ppgg|ggpp --reuse --mode pct", ORDER},
    {"--program ppgpgp|gg|g --reuse --mode pct", ORDER},
    {"--program pppggp|gv|g --mode pct", ORDER},
    /* the same while the thread looks at other words in between: what it remembers of the top is not what its slot protects */
    {"--program ppsgp|ggpp --reuse --mode pct", ORDER},
    {"--threads 3 --ops 4 --mix pgs --reuse", ORDER},
    /* what is free goes back to the allocator beside somebody who looks, and beside the end of its thread */
    {"--threads 3 --ops 4 --mix pgk --reuse", ORDER},
    {"--program pppgggk|pgpg|gpg --mode pct", ORDER},
    {"--threads 3 --ops 4 --mix pgk --exits --late --reuse", ORDER},
    {"--program pppggg|pg|pg --reuse --exits --late --mode pct", ORDER},
    {"--threads 3 --ops 4 --mix pg --capacity 2 --reuse --again", ORDER},
    /* a slot lets go of a node while somebody scans */
    {"--program pppggp|vv --mode pct --depth 4", ORDER},
    {"--program pgpgp|pvp --mode pct --depth 4", ORDER},
    /* chunks of a heap of some depth go to another use beside somebody who reads them */
    {"--program pppppppppppp|pppp|gggg --mode pct", ORDER},
    {"--program ppppppppppppp|gg|pp --mode pct", ORDER},
    /* what somebody is midway in reading is free, and its slab idle */
    {"--program pppp|gggk --mode pct", ORDER},
    {"--program pppv|gggk --mode pct", ORDER},
    {"--program pgk|p|p --mode pct", ORDER},
    /* a slab is free whose node some chunk, free or in the front, once led to */
    {"--program pppppppppppggk|g|ggg --mode pct --depth 4", ORDER},
    /* a smaller bound is set behind a get */
    {"--program pp|gr --capacity 3 --mode pct", ORDER | BOUND},
    /* two bounds at once, behind a get and not: whoever sees the last one must see the get, too */
    {"--program ppp|r|gRGpp --capacity 3 --mode pct", ORDER | BOUND},
    /* equal keys, of one thread and of several */
    {"--program pppp|gggg", ORDER},
    {"--program pp|pp|gg --mode pct", ORDER},
    {"--program ppp|gpg|gpg --mode pct", ORDER},
    {"--threads 2 --ops 8 --mix pg", ORDER},
    /* FULL and SHUTDOWN beside what makes them untrue */
    {"--program pp|gp|gp --capacity 1 --mode pct", ORDER | BOUND},
    {"--program ppp|rp|Rg --capacity 2 --mode pct", ORDER | BOUND},
    {"--program pp|c|gg --mode pct", ORDER},
    {"--program pp|x|pg --capacity 2 --mode pct", ORDER | BOUND},
    {"--program PPP|GcG|g --capacity 1 --mode pct", ORDER | BOUND},
    {"--program ppg|ppg|pgg --capacity 2 --freeze --reuse", ORDER | LOCK_FREE | BOUND},
};

bool variation_parse(const struct pawl_check_subject *subject, const char *options, struct variation *out)
{
  char *words;
  static struct options parsed;
  const struct pawl_check_subject list[2] = {*subject, {.name = NULL}};
  if (asprintf(&words, "%s %s", subject->name, options) < 0) /* stays: the configuration points into it */
    return false;
  options_silent = true;
  bool fits = options_parse_text(words, list, &parsed);
  options_silent = false;
  if (!fits)
    return false;
  parsed.config.subject = subject;
  out->config = parsed.config;
  snprintf(out->text, sizeof(out->text), "%s", options);
  return true;
}

/* Whether the threads of a fixed program keep to their roles. */
static bool keeps_roles(const struct pawl_check_subject *s, const struct config *c)
{
  const char *role = s->roles, *key = c->program;
  if (role == NULL || key == NULL)
    return true;
  for (; *key != 0; key++) {
    const char *next = strchr(role, '|');
    if (*key == '|')
      role = next != NULL ? next + 1 : role;
    else if (memchr(role, *key, next != NULL ? (size_t)(next - role) : strlen(role)) == NULL)
      return false;
  }
  return true;
}

int variations_of(const struct pawl_check_subject *s, bool weak, struct variation out[VARIATIONS_MAX])
{
  bool queue = s->model <= PAWL_CHECK_BAG;
  unsigned has = (queue ? QUEUE : 0) | (queue && (s->flags & PAWL_CHECK_UNBOUNDED) == 0 ? BOUND : 0) |
                 ((s->flags & PAWL_CHECK_LOCK_FREE) != 0 ? LOCK_FREE : 0) | (s->handler != 0 ? HANDLER : 0) |
                 (queue && s->model != PAWL_CHECK_FIFO ? ORDER : 0);
  int n = 0;
  if (s->program != NULL)
    return variation_parse(s, weak ? "--weak" : "--mode walk", &out[0]);
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && n < VARIATIONS_MAX; i++) {
    char text[VARIATION_TEXT];
    snprintf(text, sizeof(text), "%s%s", all[i].options, weak ? " --weak" : "");
    if ((all[i].needs & ~has) == 0)
      n += variation_parse(s, text, &out[n]) && keeps_roles(s, &out[n].config);
  }
  return n;
}
