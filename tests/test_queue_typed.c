/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_typed.c - the typed wrappers in C, and by test_queue_typed_cxx.cc the same header in C++. */
#include "kit.h"

struct job {
  int number;
};
struct pair {
  int32_t left, right;
};
struct odd {
  char text[5];
};

PAWL_QUEUE_OF(jobs, struct job *);
PAWL_QUEUE_OF(doubles, double);
PAWL_QUEUE_OF(bytes, signed char);
PAWL_QUEUE_OF(pairs, struct pair);
PAWL_QUEUE_OF(odds, struct odd);
PAWL_PRIORITY_QUEUE_OF(alarms, struct job *);
PAWL_PRIORITY_QUEUE_OF(ranked, struct odd);

int typed_from_cxx(void) __attribute__((weak)); /* 0 or the line that failed; absent without a C++ compiler */

TEST(queue, typed_values_come_back_as_they_went)
{
  struct pawl_queue queue = PAWL_QUEUE_INIT(4);
  struct job job = {7}, *back = NULL;
  CHECK_CODE(jobs_put(&queue, &job, PAWL_NOWAIT), 0);
  CHECK_CODE(jobs_get(&queue, &back, PAWL_NOWAIT), 0);
  CHECK(back == &job);
  back = NULL;
  CHECK_CODE(jobs_get(&queue, &back, PAWL_NOWAIT), PAWL_EMPTY);
  CHECK(back == NULL);

  double number = 0;
  CHECK_CODE(doubles_put(&queue, -0.1, PAWL_NOWAIT), 0);
  CHECK_CODE(doubles_get(&queue, &number, PAWL_NOWAIT), 0);
  CHECK(number == -0.1);

  signed char byte = 0;
  CHECK_CODE(bytes_put(&queue, -128, PAWL_NOWAIT), 0);
  CHECK_CODE(bytes_get(&queue, &byte, PAWL_NOWAIT), 0);
  CHECK_EQ(byte, -128);

  struct pair pair = {0, 0};
  CHECK_CODE(pairs_put(&queue, (struct pair){-1, 2}, PAWL_NOWAIT), 0);
  CHECK_CODE(pairs_get(&queue, &pair, PAWL_NOWAIT), 0);
  CHECK(pair.left == -1 && pair.right == 2);

  struct odd odd;
  CHECK_CODE(odds_put(&queue, (struct odd){"four"}, PAWL_NOWAIT), 0);
  CHECK_CODE(odds_get(&queue, &odd, PAWL_NOWAIT), 0);
  CHECK_STR(odd.text, "four");

  for (int i = 0; i < 4; i++)
    CHECK_CODE(jobs_put(&queue, NULL, PAWL_NOWAIT), 0);
  CHECK_CODE(jobs_put(&queue, NULL, PAWL_NOWAIT), PAWL_FULL);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

TEST(queue, typed_values_go_with_their_keys)
{
  struct pawl_queue queue;
  struct job early = {1}, late = {2}, *back = NULL;
  struct odd odd = {""};
  int64_t key = 77;
  CHECK_CODE(pawl_queue_init(&queue, &(struct pawl_queue_options){.order = PAWL_PRIORITY, .maxsize = 2}), 0);
  CHECK_CODE(alarms_put(&queue, 20, &late, PAWL_NOWAIT), 0);
  CHECK_CODE(alarms_put(&queue, -20, &early, PAWL_NOWAIT), 0);
  CHECK_CODE(alarms_put(&queue, 0, &early, PAWL_NOWAIT), PAWL_FULL);
  CHECK_CODE(alarms_get(&queue, &key, &back, PAWL_NOWAIT), 0);
  CHECK(key == -20 && back == &early);
  CHECK_CODE(alarms_get(&queue, NULL, &back, PAWL_NOWAIT), 0);
  CHECK(key == -20 && back == &late);
  back = NULL;
  CHECK_CODE(alarms_get(&queue, &key, &back, PAWL_NOWAIT), PAWL_EMPTY);
  CHECK(key == -20 && back == NULL);
  CHECK_CODE(ranked_put(&queue, 4, (struct odd){"four"}, PAWL_NOWAIT), 0);
  CHECK_CODE(ranked_get(&queue, &key, &odd, PAWL_NOWAIT), 0);
  CHECK_STR(odd.text, "four");
  CHECK_EQ(key, 4);
  CHECK_CODE(pawl_queue_fini(&queue), 0);
}

TEST(queue, typed_the_headers_serve_cxx)
{
  if (!typed_from_cxx)
    test_skip("no C++ compiler");
  CHECK_EQ(typed_from_cxx(), 0);
}
