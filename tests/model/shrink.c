/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shrink.c - makes a failing schedule small enough to read, and prints it.
 *
 * First the program: without one operation, do some thousands of random schedules find the same fault? Then the decisions:
 * each that is not the harmless one is made harmless, latest first, as long as the fault stays. The result is a recording;
 * it replays from its text.
 */
#include "machine.h"

#include <stdlib.h>

enum { TRIES = 20000, SECONDS = 6 };

static struct recording best, trial;

void program_text(char *text, size_t size)
{
  size_t n = 0;
  for (int t = 0; t < M.threads && n + OPS_MAX + 2 < size; t++)
    n += (size_t)snprintf(text + n, size - n, "%s%s", t > 0 ? "|" : "", M.program[t]);
}

bool recording_parse(const char *text, struct recording *out)
{
  memset(out, 0, sizeof(*out));
  while (*text != 0) {
    char *end;
    unsigned long at = strtoul(text, &end, 10);
    if (*end != '=' || at >= RECORD_MAX)
      return false;
    unsigned long value = strtoul(end + 1, &end, 10);
    out->at[at] = (struct decision){UINT8_MAX, (uint8_t)value};
    if (out->n <= (int)at)
      out->n = (int)at + 1;
    text = *end == ',' ? end + 1 : end;
    if (*end != ',' && *end != 0)
      return false;
  }
  for (int i = 0; i < out->n; i++)
    out->at[i].kind = UINT8_MAX;
  return true;
}

static int decisions(const struct recording *r)
{
  int n = 0;
  for (int i = 0; i < r->n; i++)
    n += r->at[i].value != 0;
  return n;
}

static bool replay(const struct recording *r, enum verdict want)
{
  decide_replay(r);
  return model_schedule(0) == want;
}

static void copy(struct recording *to, const struct recording *from)
{
  to->n = from->n;
  memcpy(to->at, from->at, (size_t)from->n * sizeof(from->at[0]));
}

/* Looks for the same fault in the present program; keeps its recording. */
static bool search(struct config *c, enum verdict want)
{
  bool found = false;
  c->source = FROM_WALK;
  M.recording = false;
  for (uint64_t i = 0; i < TRIES && !found; i++) {
    uint64_t seed = rng_mix(i);
    if (model_schedule(seed) == want) {
      M.recording = true;
      found = model_schedule(seed) == want;
    }
  }
  if (found)
    copy(&best, &model_record);
  M.recording = true;
  c->source = FROM_RECORD;
  return found;
}

static bool shrink_program(struct config *c, enum verdict want, double until)
{
  for (int t = 0; t < M.threads; t++) {
    for (int i = 0; M.program[t][i] != 0 && seconds_now() < until; i++) {
      char kept[OPS_MAX + 1];
      memcpy(kept, M.program[t], sizeof(kept));
      memmove(&M.program[t][i], &M.program[t][i + 1], (size_t)(OPS_MAX - i));
      if (search(c, want))
        return true;
      memcpy(M.program[t], kept, sizeof(kept));
    }
  }
  return false;
}

static bool shrink_decisions(enum verdict want, double until)
{
  bool smaller = false;
  for (int i = best.n - 1; i >= 0 && seconds_now() < until; i--) {
    if (i >= best.n || best.at[i].value == 0)
      continue;
    copy(&trial, &best);
    trial.at[i].value = 0;
    if (replay(&trial, want) && decisions(&model_record) < decisions(&best)) {
      copy(&best, &model_record);
      smaller = true;
    }
  }
  return smaller;
}

static void print_recording(const struct recording *r)
{
  const char *comma = "";
  for (int i = 0; i < r->n; i++) {
    if (r->at[i].value != 0) {
      printf("%s%d=%u", comma, i, r->at[i].value);
      comma = ",";
    }
  }
}

static void print_schedule(enum verdict verdict, const char *command)
{
  char text[256];
  M.tracing = true;
  trace_begin();
  (void)replay(&best, verdict);
  M.tracing = false;
  program_text(text, sizeof(text));
  printf("\nIts smallest form found: program %s, %d decisions. Again: %s --program '%s' --decisions ", text, decisions(&best),
         command, text);
  print_recording(&best);
  printf("\n\n");
  trace_print();
  printf("\n%s: %s\n", verdict_name(M.verdict), M.why);
}

void shrink_and_print(const struct config *config, const struct outcome *o, const char *command)
{
  struct config c = *config;
  char text[256];
  double until = seconds_now() + SECONDS;
  program_text(text, sizeof(text));
  printf("FAULT in %s: %s: %s\n", c.subject->name, verdict_name(o->verdict), o->why);
  printf("after %llu schedules (%.2f s), program %s. Again: %s --replay 0x%llx\n", (unsigned long long)o->schedules, o->seconds,
         text, command, (unsigned long long)o->seed);
  M.recording = true;
  if (model_schedule(o->seed) != o->verdict) {
    printf("It does not come back when it is recorded: the subject is not deterministic.\n");
    M.recording = false;
    return;
  }
  copy(&best, &model_record);
  M.config = &c;
  c.source = FROM_RECORD;
  if (config->source != FROM_BYTES && c.program == NULL && c.subject->program == NULL)
    while (shrink_program(&c, o->verdict, until))
      ;
  if (!replay(&best, o->verdict)) /* the program that was tried last is not the one of the recording */
    printf("(the recording has come apart)\n");
  while (shrink_decisions(o->verdict, until + SECONDS))
    ;
  print_schedule(o->verdict, command);
  M.recording = false;
  M.config = config;
}
