/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * histories.c - records what real threads do with a queue and checks it, for as many operations as asked.
 *
 *   histories [--subject NAME] [--ops N] [--round N] [--producers N] [--consumers N] [--maxsize N] [--seconds S] [--short]
 *             [--unfenced] [--list]
 *
 * Without --subject: all of Pawl's; LIFO and priority by short rounds only. --ops counts the operations of each subject
 * (default 3e6), --round those of one history (200000), --seconds ends each subject early. Bounded subjects go round the
 * maxsizes 1, 2, 3, 64, 1000 unless one is given, the small ones in a fifth of the histories, because there threads mostly
 * wait. --short: short rounds through the complete checker instead, with maxsizes up to 3. --unfenced: stamps without fences,
 * which make correct queues look wrong (stamp.h). Exit status 1 if a fault was found, with the operations that prove it.
 */
#include "record.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
  struct record_plan plan;
  uint64_t operations;
  int64_t maxsize;
  double seconds;
  bool short_rounds;
};

static void print_op(const char *name, const struct fifo_op *op, uint64_t zero)
{
  printf("  %s: %s %#" PRIx64 " = %s, invoked %" PRIu64 ", returned %" PRIu64 "\n", name, op->is_put ? "put" : "get", op->item,
         pawl_strerror(op->result), op->invoked - zero, op->returned - zero);
}

static bool print_fault(const struct record_plan *plan, const struct fifo_fault *fault, uint64_t recorded)
{
  uint64_t zero = fault->first.invoked < fault->second.invoked ? fault->first.invoked : fault->second.invoked;
  printf("\n%s: %s (maxsize %" PRId64 ", seed %" PRIu64 ", after %.3g operations)\n", plan->subject->name, fault->rule,
         plan->maxsize, plan->seed, (double)recorded);
  print_op("first ", &fault->first, zero);
  print_op("second", &fault->second, zero);
  return false;
}

static int64_t next_maxsize(const struct arguments *args, const struct subject *subject, uint64_t round)
{
  static const int64_t sizes[] = {1, 64, 1000, 64, 1000, 2, 64, 1000, 64, 1000, 3, 64, 1000, 64, 1000};
  static const int64_t peer_sizes[] = {1, 3, 63, 1023};
  if (args->maxsize != 0)
    return args->maxsize;
  if (args->short_rounds)
    return 1 + (int64_t)(round % 3);
  return (subject->traits & SUBJECT_PEER) != 0 ? peer_sizes[round % 4] : sizes[round % 15];
}

static bool run_round(struct record_plan *plan, bool short_rounds, uint64_t *recorded, struct fifo_fault *fault)
{
  if (!short_rounds)
    return record_fifo_round(plan, recorded, fault);
  size_t rounds = plan->operations / 8;
  const char *why = record_short_rounds(plan, rounds);
  *recorded += 8 * rounds;
  *fault = (struct fifo_fault){.rule = why};
  return why == NULL;
}

static bool run_subject(const struct arguments *args, const struct subject *subject)
{
  struct record_plan plan = args->plan;
  struct fifo_fault fault;
  uint64_t recorded = 0, round = 0;
  bool good = true, terminal = isatty(STDOUT_FILENO);
  pawl_time begin = pawl_now(), end = args->seconds > 0 ? pawl_after((int64_t)(args->seconds * 1e9)) : PAWL_FOREVER;
  plan.subject = subject;
  if ((subject->traits & SUBJECT_SPSC) != 0)
    plan.producers = plan.consumers = 1;
  plan.all_calls = (subject->traits & (SUBJECT_QUEUE | SUBJECT_SPSC)) == SUBJECT_QUEUE;
  do {
    plan.maxsize = next_maxsize(args, subject, round);
    /* Short rounds set the bound to 1 and 2, which a ring must have room for. */
    if (args->short_rounds && plan.all_calls && plan.maxsize == 1)
      plan.maxsize = 2;
    plan.seed = ++round;
    good = run_round(&plan, args->short_rounds, &recorded, &fault);
    if (terminal)
      printf("\r%-16s %.3g operations in %" PRIu64 " histories ", subject->name, (double)recorded, round);
    fflush(stdout);
  } while (good && recorded < args->operations && pawl_now() < end);
  if (!good)
    return print_fault(&plan, &fault, recorded);
  printf("%s%-16s %.3g operations in %" PRIu64 " histories, %.1f s: linearizable\n", terminal ? "\r" : "", subject->name,
         (double)recorded, round, (double)(pawl_now() - begin) / 1e9);
  return true;
}

static int list(void)
{
  for (const struct subject *subject = subjects; subject->name != NULL; subject++)
    printf("%s\n", subject->name);
  return 0;
}

int main(int argc, char **argv)
{
  static const struct option options[] = {
      {"subject", required_argument, NULL, 's'},
      {"ops", required_argument, NULL, 'n'},
      {"round", required_argument, NULL, 'r'},
      {"producers", required_argument, NULL, 'p'},
      {"consumers", required_argument, NULL, 'c'},
      {"maxsize", required_argument, NULL, 'm'},
      {"seconds", required_argument, NULL, 't'},
      {"short", no_argument, NULL, 'S'},
      {"unfenced", no_argument, NULL, 'u'},
      {"list", no_argument, NULL, 'l'},
      {NULL, 0, NULL, 0},
  };
  struct arguments args = {.plan = {.producers = 2, .consumers = 2, .operations = 200000, .report = stdout},
                           .operations = 3000000};
  const struct subject *only = NULL;
  bool good = true;
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 's' && (only = subject_find(optarg)) == NULL)
      return fprintf(stderr, "no subject %s; --list names them\n", optarg), 2;
    if (option == 'n')
      args.operations = (uint64_t)strtod(optarg, NULL);
    else if (option == 'r')
      args.plan.operations = (size_t)strtod(optarg, NULL);
    else if (option == 'p')
      args.plan.producers = atoi(optarg);
    else if (option == 'c')
      args.plan.consumers = atoi(optarg);
    else if (option == 'm')
      args.maxsize = atoll(optarg);
    else if (option == 't')
      args.seconds = strtod(optarg, NULL);
    else if (option == 'S')
      args.short_rounds = true;
    else if (option == 'u')
      args.plan.unfenced = true;
    else if (option == 'l')
      return list();
    else if (option == '?')
      return 2;
  }
  if (only != NULL && (only->traits & (SUBJECT_LIFO | SUBJECT_PRIORITY)) != 0)
    args.short_rounds = true;
  if (args.plan.producers < 1 || args.plan.consumers < 1 || args.plan.producers + args.plan.consumers > RECORD_THREADS_MAX)
    return fprintf(stderr, "from 1 producer and 1 consumer up to %d threads\n", RECORD_THREADS_MAX), 2;
  for (const struct subject *subject = subjects; subject->name != NULL; subject++) {
    bool is_fifo = (subject->traits & (SUBJECT_LIFO | SUBJECT_PRIORITY)) == 0;
    if (only == NULL ? strncmp(subject->name, "pawl", 4) == 0 && (is_fifo || args.short_rounds) : subject == only)
      good &= run_subject(&args, subject);
  }
  return good ? 0 : 1;
}
