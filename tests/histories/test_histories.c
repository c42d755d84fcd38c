/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_histories.c - the checker of fifo_history.c on histories made by hand and at random, then real threads: queues with a
 * planted fault are found out, Pawl's are clean (the long runs are those of histories.c).
 */
#include "../model/history.h"
#include "record.h"
#include "test.h"

static struct fifo_op put(uint64_t from, uint64_t to, uint64_t item, int result)
{
  return (struct fifo_op){from, to, item, result, true};
}

static struct fifo_op get(uint64_t from, uint64_t to, uint64_t item, int result)
{
  return (struct fifo_op){from, to, item, result, false};
}

static void check_ops(int line, const char *rule, int64_t maxsize, size_t n, const struct fifo_op *ops)
{
  struct fifo_fault fault = {.rule = "none"};
  bool good = fifo_history_check(ops, n, maxsize, false, &fault);
  if (good != (rule == NULL) || (!good && strstr(fault.rule, rule) == NULL))
    test_fail(__FILE__, line, "found: %s", fault.rule);
}

#define OPS_(...)                                                                                                              \
  sizeof((struct fifo_op[]){__VA_ARGS__}) / sizeof(struct fifo_op), (struct fifo_op[])                                         \
  {                                                                                                                            \
    __VA_ARGS__                                                                                                                \
  }
#define ACCEPT(maxsize, ...) check_ops(__LINE__, NULL, maxsize, OPS_(__VA_ARGS__))
#define REJECT(maxsize, rule, ...) check_ops(__LINE__, rule, maxsize, OPS_(__VA_ARGS__))

TEST(histories, patterns_of_a_broken_fifo)
{
  ACCEPT(0, put(1, 2, 7, 0), put(3, 4, 8, 0), get(5, 6, 7, 0), get(7, 8, 8, 0));
  ACCEPT(0, put(1, 4, 7, 0), put(2, 3, 8, 0), get(5, 6, 8, 0), get(7, 8, 7, 0));
  ACCEPT(0, put(1, 2, 7, 0), put(3, 4, 8, 0), get(5, 8, 8, 0), get(6, 7, 7, 0));
  ACCEPT(0, get(1, 4, 7, 0), put(2, 3, 7, 0));
  REJECT(0, "nobody put", put(1, 2, 7, 0), get(3, 4, 9, 0));
  REJECT(0, "before it was put", get(1, 2, 7, 0), put(3, 4, 7, 0));
  REJECT(0, "twice", put(1, 2, 7, 0), get(3, 4, 7, 0), get(5, 6, 7, 0));
  REJECT(0, "twice", put(1, 2, 7, 0), put(3, 4, 7, 0));
  REJECT(0, "order", put(1, 2, 7, 0), put(3, 4, 8, 0), get(5, 6, 8, 0), get(7, 8, 7, 0));
  REJECT(0, "order", put(1, 2, 7, 0), put(3, 4, 8, 0), get(5, 6, 8, 0));
  REJECT(0, "order", put(1, 4, 6, 0), put(1, 2, 7, 0), put(3, 4, 8, 0), get(5, 6, 6, 0), get(5, 6, 8, 0));
}

TEST(histories, empty_and_full_and_over)
{
  ACCEPT(0, get(1, 2, 0, PAWL_EMPTY), put(3, 4, 7, 0), get(5, 9, 7, 0), get(6, 7, 0, PAWL_EMPTY));
  ACCEPT(0, put(1, 2, 7, 0), put(5, 8, 8, 0), get(3, 6, 7, 0), get(4, 7, 0, PAWL_EMPTY), get(9, 10, 8, 0));
  REJECT(0, "EMPTY", put(1, 2, 7, 0), get(3, 4, 0, PAWL_EMPTY), get(5, 6, 7, 0));
  REJECT(0, "EMPTY", put(1, 2, 7, 0), put(3, 4, 8, 0), get(6, 9, 7, 0), get(5, 8, 0, PAWL_EMPTY), get(10, 11, 8, 0));
  ACCEPT(1, put(1, 2, 7, 0), put(3, 4, 8, PAWL_FULL), get(5, 6, 7, 0));
  ACCEPT(1, put(1, 9, 7, 0), put(3, 4, 8, PAWL_FULL), get(10, 11, 7, 0));
  ACCEPT(1, put(1, 9, 7, PAWL_FULL), put(3, 4, 8, PAWL_FULL), put(1, 2, 6, 0));
  ACCEPT(2, put(1, 2, 7, 0), put(3, 9, 8, PAWL_FULL), put(5, 6, 6, 0), get(7, 8, 7, 0));
  REJECT(2, "FULL", put(1, 2, 7, 0), put(3, 4, 8, PAWL_FULL), get(5, 6, 7, 0));
  REJECT(1, "FULL", put(1, 2, 7, 0), get(3, 4, 7, 0), put(5, 6, 8, PAWL_FULL));
  REJECT(2, "FULL", put(1, 2, 7, 0), get(3, 4, 7, 0), put(5, 8, 8, PAWL_FULL), put(6, 7, 9, 0), put(9, 10, 5, 0));
  REJECT(0, "FULL", put(1, 2, 7, 0), put(3, 4, 8, PAWL_FULL));
  ACCEPT(1, put(1, 2, 7, 0), put(3, 6, 8, 0), get(4, 5, 7, 0));
  REJECT(1, "over", put(1, 2, 7, 0), put(3, 4, 8, 0), get(5, 6, 7, 0));
}

/* Random times and answers: mostly wrong histories, and none on which the two checkers may differ. */
TEST(histories, agrees_with_the_complete_search)
{
  uint64_t random = 88172645463325252u, good = 0, rounds = 200000u / (unsigned)test_scale();
  for (uint64_t round = 0; round < rounds; round++) {
    struct history h = {.n = 0};
    struct fifo_op ops[8];
    struct model_spec spec = {.kind = MODEL_FIFO, .bound = -1};
    struct fifo_fault fault;
    size_t n = 3 + test_random(&random) % 6;
    for (size_t i = 0; i < n; i++) {
      uint64_t word = test_random(&random) >> 20;
      uint64_t from = 3 * i + 1, to = from + 1 + (word >> 3) % 9;
      ops[i] = word % 8 < 4 ? put(from, to, i, 0) : get(from, to, (word >> 8) % n, word % 8 == 7 ? PAWL_EMPTY : 0);
      struct history_op *op = &h.op[h.n++];
      *op = (struct history_op){.kind = ops[i].is_put ? OP_PUT : OP_GET, .result = ops[i].result, .arg = i, .out = ops[i].item};
      for (size_t j = 0; j < i; j++)
        op->before |= (uint64_t)(ops[j].returned < from) << j;
    }
    bool verdict = history_check(&h, &spec, NULL);
    good += verdict;
    if (fifo_history_check(ops, n, 0, false, &fault) != verdict)
      test_fail(__FILE__, __LINE__, "round %llu: %s", (unsigned long long)round, verdict ? fault.rule : "a fault was missed");
  }
  CHECK_GE(good, rounds / 50);
}

static bool run_rounds(const char *name, int producers, int consumers, int64_t maxsize, int rounds, struct fifo_fault *fault)
{
  struct record_plan plan = {.subject = subject_find(name), .producers = producers, .consumers = consumers, .maxsize = maxsize};
  uint64_t recorded = 0;
  bool good = true;
  plan.operations = 40000u / (unsigned)test_scale();
  for (int i = 0; i < rounds && good; i++) {
    plan.seed = (uint64_t)i + 1;
    good = record_fifo_round(&plan, &recorded, fault);
  }
  return good;
}

static void check_clean(const char *name, int producers, int consumers, int64_t maxsize)
{
  struct fifo_fault fault;
  if (!run_rounds(name, producers, consumers, maxsize, 5, &fault))
    test_fail(__FILE__, __LINE__, "%s, maxsize %lld: %s", name, (long long)maxsize, fault.rule);
}

TEST(histories, control_is_clean)
{
  check_clean("locked", 2, 2, 16);
  check_clean("locked", 1, 1, 1);
}

TEST(histories, planted_faults_are_found)
{
  static const char *rules[][2] = {{"bad-order", "order"}, {"bad-empty", "empty"}, {"bad-full", "full"},   {"bad-over", "over"},
                                   {"bad-twice", "twice"}, {"bad-lose", "lost"},   {"bad-invent", "fresh"}};
  for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
    struct fifo_fault fault = {.rule = "nothing"};
    /* One call in a thousand is wrong, and not each time so that it can be seen; a queue must be full for some. */
    bool good = run_rounds(rules[i][0], 2, 2, 16, 400, &fault);
    if (good || strstr(fault.rule, rules[i][1]) == NULL)
      test_fail(__FILE__, __LINE__, "%s: found %s", rules[i][0], good ? "nothing" : fault.rule);
  }
}

TEST(histories, QUE25_bounded_is_linearizable)
{
  check_clean("pawl-bounded", 2, 2, 1);
  check_clean("pawl-bounded", 2, 2, 3);
  check_clean("pawl-bounded", 2, 2, 1000);
  check_clean("pawl-bounded", 1, 3, 7);
}

TEST(histories, QUE25_ring_is_linearizable)
{
  check_clean("pawl-ring", 2, 2, 1);
  check_clean("pawl-ring", 2, 2, 3);
  check_clean("pawl-ring", 2, 2, 1000);
}

TEST(histories, QUE25_unbounded_and_simple_are_linearizable)
{
  check_clean("pawl-unbounded", 2, 2, 0);
  check_clean("pawl-simple", 2, 2, 0);
  check_clean("pawl-simple", 3, 1, 0);
  check_clean("pawl-spsc", 1, 1, 5);
}

/* 20 000 rounds, or fewer on a busy machine, where the two threads of a round seldom run at once: 6 s of them. */
static void check_short(const char *name, int64_t maxsize, bool all_calls)
{
  const unsigned batches = 20000 / 400 / (unsigned)test_scale();
  struct record_plan plan = {.subject = subject_find(name), .maxsize = maxsize, .all_calls = all_calls, .report = stderr};
  pawl_time end = pawl_after(PAWL_S(6));
  const char *why = NULL;
  for (unsigned i = 0; why == NULL && (i == 0 || (i < batches && pawl_now() < end)); i++) {
    plan.seed = i + 3;
    why = record_short_rounds(&plan, 400);
  }
  if (why != NULL)
    test_fail(__FILE__, __LINE__, "%s, maxsize %lld: %s", name, (long long)maxsize, why);
}

TEST(histories, short_rounds_find_a_fault)
{
  struct record_plan plan = {.subject = subject_find("locked-lifo"), .maxsize = 2, .seed = 3};
  struct subject wrong = *plan.subject;
  wrong.traits = SUBJECT_BOUNDED; /* called a FIFO */
  CHECK(record_short_rounds(&plan, 5000) == NULL);
  plan.subject = &wrong;
  CHECK(record_short_rounds(&plan, 5000) != NULL);
  plan.subject = subject_find("bad-empty");
  CHECK(record_short_rounds(&plan, 20000) != NULL);
}

TEST(histories, short_rounds_of_lifo_and_priority)
{
  check_short("locked-lifo", 3, false);
  check_short("locked-priority", 3, false);
}

TEST(histories, QUE25_short_rounds_of_all_calls)
{
  check_short("pawl-bounded", 2, true);
  check_short("pawl-ring", 2, true);
  check_short("pawl-unbounded", 0, true);
  check_short("pawl-simple", 0, false);
  check_short("pawl-spsc", 2, false);
}

TEST(histories, QUE2_short_rounds_of_lifo)
{
  check_short("pawl-lifo", 2, true);
  check_short("pawl-lifo", 2, false);
  check_short("pawl-lifo-unbounded", 0, true);
}

TEST(histories, QUE3_short_rounds_of_priority)
{
  check_short("pawl-priority", 2, true);
  check_short("pawl-priority", 2, false);
  check_short("pawl-priority-unbounded", 0, true);
  check_short("pawl-priority-locked", 2, true);
}

static bool shows_within_seconds(struct record_plan *plan)
{
  pawl_time end = pawl_after(PAWL_S(6));
  const char *why = NULL;
  while (why == NULL && pawl_now() < end) {
    plan->seed++;
    why = record_short_rounds(plan, 2000);
  }
  return why != NULL;
}

/*
 * H8: ck_ring answers FULL for a place that is reserved and not published, which a queue of one point may not. Needs a put
 * that is slow at the right moment, so the test is skipped without it; for Pawl's queues such an answer is the documented
 * one (two points), and the same rounds show that this is all there is.
 */
TEST(histories, H8_ck_ring_full_is_spurious)
{
  if (test_scale() > 1)
    test_skip("a matter of chance and of real speed, shown in the ordinary builds");
  struct record_plan plan = {.subject = subject_find("ck-ring"), .maxsize = 1};
  if (!shows_within_seconds(&plan))
    test_skip("ck_ring's spurious FULL did not show");
}

/* H10: with stamps that nothing holds in place a correct queue looks violated. Needs loads and stores that overtake. */
TEST(histories, H10_stamps_need_fences)
{
  if (test_scale() > 1)
    test_skip("a matter of chance and of real speed, shown in the ordinary builds");
  struct record_plan plan = {.subject = subject_find("pawl-unbounded"), .unfenced = true};
  if (!shows_within_seconds(&plan))
    test_skip("unfenced stamps did no harm");
}
