/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test.h - one way to write a unit test, two ways to run it.
 *
 *   TEST(queue, QUE5_room_beats_a_past_deadline)
 *   {
 *     CHECK_CODE(pawl_queue_put(&q, 1, 1), 0);
 *   }
 *
 * Run by Criterion where it starts, and by plain.c (-DPAWL_PLAIN_RUNNER) elsewhere: under sanitizers, under qemu, and for
 * planted faults. Each test has a process of its own either way, and a watchdog: after test_timeout()
 * seconds (60 unless the test says otherwise) it prints what each thread was waiting for and the test has failed.
 *
 * A test's name begins with the rows of SEMANTICS.md that it proves, joined by "_": QUE7_QUE11_nowait_looks_once.
 * tests/run_rows.py reads them from there. Names are unique over all files.
 *
 * Arrange states with latches and test_until_asleep(), never with sleeps. Not for benchmarks.
 */
#ifndef PAWL_TESTS_TEST_H
#define PAWL_TESTS_TEST_H

#include "../random.h"

#include <pawl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(PAWL_PLAIN_RUNNER)

struct test_case {
  const char *suite, *name;
  void (*body)(void);
  struct test_case *next;
};
void test_register(struct test_case *test);

#define TEST_DECLARE_(suite_, name_)                                                                                           \
  static struct test_case suite_##_##name_##_case = {#suite_, #name_, suite_##_##name_##_body, NULL};                          \
  __attribute__((constructor)) static void suite_##_##name_##_register(void)                                                   \
  {                                                                                                                            \
    test_register(&suite_##_##name_##_case);                                                                                   \
  }

#else

#include <criterion/criterion.h>

#define TEST_DECLARE_(suite_, name_)                                                                                           \
  Test(suite_, name_)                                                                                                          \
  {                                                                                                                            \
    test_begin();                                                                                                              \
    suite_##_##name_##_body();                                                                                                 \
    test_end();                                                                                                                \
  }

#endif

#define TEST(suite_, name_)                                                                                                    \
  static void suite_##_##name_##_body(void);                                                                                   \
  TEST_DECLARE_(suite_, name_)                                                                                                 \
  static void suite_##_##name_##_body(void)

/* Called around each body by the runner. */
void test_begin(void);
void test_end(void);

/*
 * Checks. Usable in any thread of the test; a failed one ends the test. Both sides are evaluated once. CHECK_CODE compares
 * results and prints them in words; the others compare as 64-bit integers.
 */
#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #condition))
#define CHECK_EQ(actual, expected) CHECK_OP_(actual, ==, expected)
#define CHECK_NE(actual, expected) CHECK_OP_(actual, !=, expected)
#define CHECK_LE(actual, expected) CHECK_OP_(actual, <=, expected)
#define CHECK_GE(actual, expected) CHECK_OP_(actual, >=, expected)
#define CHECK_CODE(actual, expected) test_check_code(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_STR(actual, expected) test_check_str(__FILE__, __LINE__, #actual, (actual), (expected))

#define CHECK_OP_(actual, op, expected)                                                                                        \
  do {                                                                                                                         \
    long long check_a_ = (long long)(actual), check_e_ = (long long)(expected);                                                \
    if (!(check_a_ op check_e_))                                                                                               \
      test_fail(__FILE__, __LINE__, "%s %s %s (it is %lld against %lld)", #actual, #op, #expected, check_a_, check_e_);        \
  } while (0)

_Noreturn void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void test_check_code(const char *file, int line, const char *what, int actual, int expected);
void test_check_str(const char *file, int line, const char *what, const char *actual, const char *expected);

/* Which variant of the test is running, a static text that is printed with a failed check and by the watchdog. */
void test_context(const char *what);

/* Ends the test as one that cannot run here (no kernel support, no permission); prints why. Counted as passed, and shown. */
_Noreturn void test_skip(const char *reason);

/*
 * Time. `test_scale` is how much slower this build and machine run than an ordinary one (sanitizers, emulation): 1, or
 * PAWL_TEST_SCALE of the environment. Multiply tolerances by it and divide amounts of work by it.
 */
int test_scale(void);
/* Under an emulator, which PAWL_TEST_EMULATED of the environment says: for tests of what only a real processor or kernel does. */
bool test_emulated(void);
/* Seconds (before scaling) until the watchdog fires, counted from this call. */
void test_timeout(int seconds);

/*
 * Threads. At most 64 per test. `name` is shown by the watchdog.
 *     struct test_thread t;
 *     test_start(&t, "getter", getter, &q);
 *     test_until_asleep(&t);
 *     ...
 *     test_join(&t);
 */
struct test_thread {
  pthread_t pthread;
  int tid;
  int slot;
  void (*body)(void *);
  void *arg;
};
void test_start(struct test_thread *thread, const char *name, void (*body)(void *arg), void *arg);
void test_join(struct test_thread *thread);

/* Returns once the thread sleeps in the kernel and stays there: it has done everything it does before it blocks. */
void test_until_asleep(const struct test_thread *thread);

/* What the calling thread is about to wait for, a static text for the watchdog; NULL: nothing in particular. */
void test_waiting(const char *what);

/* A latch: opens when `n` arrivals have come. */
struct test_latch {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int missing;
};
#define TEST_LATCH(n)                                                                                                          \
  {                                                                                                                            \
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, (n)                                                                   \
  }
void test_latch_init(struct test_latch *latch, int n);
void test_latch_arrive(struct test_latch *latch);
void test_latch_wait(struct test_latch *latch);
/* Arrives and waits: everybody starts together. */
void test_latch_meet(struct test_latch *latch);

#endif
