/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c - a schedule for people: one column per thread, one line per step, with values and source lines.
 */
#include "machine.h"

#include <stdarg.h>
#include <unistd.h>

enum { LINES_MAX = 4000, TEXT_MAX = 120, HEAD = 400, TAIL = 25 /* printed of what does not end */ };

static struct line {
  uint8_t thread, depth;
  char text[TEXT_MAX];
  char where[40];
} lines[LINES_MAX];
static int nlines;

void trace_begin(void)
{
  nlines = 0;
}

static struct line *add(void)
{
  if (nlines == LINES_MAX)
    return NULL;
  struct line *l = &lines[nlines++];
  l->thread = M.cur != NULL ? M.cur->index : 0;
  l->depth = M.cur != NULL ? M.cur->depth : 0;
  l->where[0] = 0;
  return l;
}

void trace_note(const char *format, ...)
{
  struct line *l = M.tracing ? add() : NULL;
  if (l == NULL)
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(l->text, sizeof(l->text), format, args);
  va_end(args);
}

static const char *value_name(uint64_t value, char *text, size_t size)
{
  if (value > 4096 && arena_name((const void *)(uintptr_t)value, text, size))
    return text;
  if ((int64_t)value < 0 && (int64_t)value > -4096)
    snprintf(text, size, "%lld", (long long)value);
  else
    snprintf(text, size, value < 10 ? "%llx" : "0x%llx", (unsigned long long)value);
  return text;
}

static const char *order_name(const struct pawl_check_site *site)
{
  static const char *const names[] = {"rlx", "con", "acq", "rel", "a/r", "seq"};
  return site->access == PAWL_CHECK_A_PLAIN_LOAD || site->access == PAWL_CHECK_A_PLAIN_STORE ? "plain" : names[site->order];
}

static const char *base_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash != NULL ? slash + 1 : path;
}

void trace_access(const struct pawl_check_site *site, const volatile void *p, uint64_t old, uint64_t value, bool done,
                  unsigned back)
{
  struct line *l = add();
  char at[32] = "", was[32], is[32], stale[32] = "";
  if (l == NULL)
    return;
  if (p != NULL && !arena_name(p, at, sizeof(at)))
    snprintf(at, sizeof(at), "global");
  value_name(old, was, sizeof(was));
  value_name(value, is, sizeof(is));
  if (back > 0)
    snprintf(stale, sizeof(stale), " (%u stores old)", back);
  const char *order = order_name(site);
  switch (site->access) {
  case PAWL_CHECK_A_LOAD:
  case PAWL_CHECK_A_PLAIN_LOAD:
    snprintf(l->text, sizeof(l->text), "%s.%s %s: %s%s", order, "load", at, was, stale);
    break;
  case PAWL_CHECK_A_STORE:
    snprintf(l->text, sizeof(l->text), "%s.store %s := %s", order, at, is);
    break;
  case PAWL_CHECK_A_PLAIN_STORE:
    snprintf(l->text, sizeof(l->text), "plain.store %s", at);
    break;
  case PAWL_CHECK_A_FENCE:
    snprintf(l->text, sizeof(l->text), done ? "%s.fence" : "(no %s.fence)", order);
    break;
  case PAWL_CHECK_A_CAS:
    snprintf(l->text, sizeof(l->text), done ? "%s.cas %s: %s -> %s%s" : "%s.cas %s: is %s, not for %s%s", order, at, was, is,
             stale);
    break;
  default:
    snprintf(l->text, sizeof(l->text), "%s.rmw %s: %s -> %s", order, at, was, is);
  }
  snprintf(l->where, sizeof(l->where), "%s:%u", base_name(site->file), site->line);
}

static int columns(void)
{
  int most = 0;
  for (int i = 0; i < nlines; i++)
    if (lines[i].thread < DRAINER && lines[i].thread > most)
      most = lines[i].thread;
  return most + 1;
}

void trace_print(void)
{
  int n = columns(), width = n <= 2 ? 56 : n == 3 ? 46 : 38;
  printf("%4s  ", "step");
  for (int t = 0; t < n; t++)
    printf("%-*s", width, (const char *[]){"thread 0", "thread 1", "thread 2", "thread 3", "thread 4", "thread 5"}[t]);
  printf("\n");
  for (int i = 0; i < nlines; i++) {
    if (i == HEAD && nlines > HEAD + TAIL) {
      printf("      ... %d steps ...\n", nlines - HEAD - TAIL);
      i = nlines - TAIL;
    }
    const struct line *l = &lines[i];
    char text[TEXT_MAX + 64];
    snprintf(text, sizeof(text), "%*s%s%s%s", 2 * l->depth, "", l->text, l->where[0] ? "  " : "", l->where);
    int column = l->thread == DRAINER ? 0 : l->thread;
    printf("%4d  %*s%s%.*s\n", i + 1, column * width, "", l->thread == DRAINER ? "at the end: " : "", width + 40, text);
  }
  if (nlines == LINES_MAX)
    printf("      ... and so on\n");
}
