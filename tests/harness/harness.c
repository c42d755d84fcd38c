/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * harness.c - what both runners share: failed checks, threads, latches, and the watchdog that says who waits for what.
 * It uses pthreads only, so that no fault of Pawl can hide in the tools that look for it.
 */
#include "test.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, NAME_MAX_LENGTH = 32 };

/* Slot 0 is the test's own thread. Written by its thread, read by the watchdog's signal handler. */
static struct {
  volatile int tid; /* 0: free */
  char name[NAME_MAX_LENGTH];
  const char *volatile waiting;
} slots[THREADS_MAX];
static pthread_mutex_t slots_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int own_slot;
static const char *volatile context;

static int gettid_now(void)
{
  return (int)syscall(SYS_gettid);
}

/* -- Watchdog: SIGALRM; async-signal-safe from here to watchdog_fired ------------------------------------------------ */

static void say(const char *text)
{
  if (write(STDERR_FILENO, text, strlen(text)) < 0)
    return;
}

static void say_number(int number)
{
  char digits[16];
  size_t at = sizeof(digits);
  digits[--at] = '\0';
  do
    digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  say(digits + at);
}

/* The kernel's word on a thread: its state letter and the system call it is in. */
static void say_proc(int tid, const char *leaf)
{
  char path[64] = "/proc/self/task/", digits[16], line[128];
  size_t at = sizeof(digits);
  digits[--at] = '\0';
  for (int number = tid; number > 0; number /= 10)
    digits[--at] = (char)('0' + number % 10);
  strcat(strcat(strcat(path, digits + at), "/"), leaf);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
  if (fd >= 0)
    close(fd);
  if (n <= 0)
    return;
  line[n] = '\0';
  if (strchr(line, '\n'))
    *strchr(line, '\n') = '\0';
  say(line);
}

static void watchdog_fired(int signal)
{
  (void)signal;
  say("watchdog: out of time");
  if (context) {
    say(" in variant ");
    say(context);
  }
  say("; threads:\n");
  for (int i = 0; i < THREADS_MAX; i++) {
    if (slots[i].tid == 0)
      continue;
    const char *waiting = slots[i].waiting;
    say("  ");
    say_number(slots[i].tid);
    say(" ");
    say(i == 0 ? "test" : slots[i].name);
    say(": waits for ");
    say(waiting ? waiting : "(did not say)");
    say("; system call ");
    say_proc(slots[i].tid, "syscall");
    say("; kernel ");
    say_proc(slots[i].tid, "wchan");
    say("\n");
  }
  _exit(TEST_EXIT_TIMEOUT);
}

void test_timeout(int seconds)
{
  const char *limit = getenv("PAWL_TEST_TIMEOUT"); /* fault runs cut it: a lost wake-up should not take a minute */
  if (limit && atoi(limit) > 0 && atoi(limit) < seconds)
    seconds = atoi(limit);
  alarm((unsigned)(seconds * test_scale()));
}

/* ThreadSanitizer holds handlers back until their thread makes a call that it knows, which a thread that hangs does not:
 * there the signal's default action ends the test without a word. */
#if defined(__SANITIZE_THREAD__)
#define HANDLERS_RUN_AT_ONCE false
#elif defined(__has_feature)
#define HANDLERS_RUN_AT_ONCE !__has_feature(thread_sanitizer)
#else
#define HANDLERS_RUN_AT_ONCE true
#endif

void test_begin(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = watchdog_fired;
  if (HANDLERS_RUN_AT_ONCE)
    sigaction(SIGALRM, &action, NULL);
  slots[0].tid = gettid_now();
  own_slot = 0;
  test_timeout(60);
}

void test_end(void)
{
  alarm(0);
}

int test_scale(void)
{
  const char *scale = getenv("PAWL_TEST_SCALE");
  return scale && atoi(scale) > 0 ? atoi(scale) : 1;
}

bool test_emulated(void)
{
  return getenv("PAWL_TEST_EMULATED") != NULL;
}

/* -- Checks ----------------------------------------------------------------------------------------------------------- */

void test_fail(const char *file, int line, const char *format, ...)
{
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  fprintf(stderr, "%s:%d: check failed%s%s: %s\n", file, line, context ? " in variant " : "", context ? context : "", text);
  fflush(stderr);
  runner_fail(gettid_now() == slots[0].tid);
}

void test_check_code(const char *file, int line, const char *what, int actual, int expected)
{
  if (actual != expected)
    test_fail(file, line, "%s is %d (%s), not %d (%s)", what, actual, actual > 0 ? "?" : pawl_strerror(actual), expected,
              expected > 0 ? "?" : pawl_strerror(expected));
}

void test_check_str(const char *file, int line, const char *what, const char *actual, const char *expected)
{
  if (!actual || strcmp(actual, expected) != 0)
    test_fail(file, line, "%s is \"%s\", not \"%s\"", what, actual ? actual : "(null)", expected);
}

void test_context(const char *what)
{
  context = what;
}

void test_skip(const char *reason)
{
  fprintf(stderr, "skipped: %s\n", reason);
  fflush(stderr);
  runner_skip();
}

/* -- Threads ---------------------------------------------------------------------------------------------------------- */

static void *thread_main(void *arg)
{
  struct test_thread *thread = arg;
  own_slot = thread->slot;
  __atomic_store_n(&thread->tid, gettid_now(), __ATOMIC_RELEASE);
  slots[own_slot].tid = gettid_now();
  thread->body(thread->arg);
  slots[own_slot].waiting = NULL;
  return NULL;
}

static int take_slot(const char *name)
{
  pthread_mutex_lock(&slots_mutex);
  for (int i = 1; i < THREADS_MAX; i++) {
    if (slots[i].name[0] != '\0')
      continue;
    snprintf(slots[i].name, sizeof(slots[i].name), "%s", name);
    pthread_mutex_unlock(&slots_mutex);
    return i;
  }
  pthread_mutex_unlock(&slots_mutex);
  test_fail(__FILE__, __LINE__, "more than %d threads in a test", THREADS_MAX - 1);
}

void test_start(struct test_thread *thread, const char *name, void (*body)(void *arg), void *arg)
{
  thread->tid = 0;
  thread->body = body;
  thread->arg = arg;
  thread->slot = take_slot(*name ? name : "thread");
  int error = pthread_create(&thread->pthread, NULL, thread_main, thread);
  if (error != 0)
    test_fail(__FILE__, __LINE__, "pthread_create: %s", strerror(error));
}

void test_join(struct test_thread *thread)
{
  const char *before = slots[own_slot].waiting;
  test_waiting(slots[thread->slot].name);
  pthread_join(thread->pthread, NULL);
  test_waiting(before);
  pthread_mutex_lock(&slots_mutex);
  slots[thread->slot].tid = 0;
  slots[thread->slot].name[0] = '\0';
  pthread_mutex_unlock(&slots_mutex);
}

void test_waiting(const char *what)
{
  slots[own_slot].waiting = what;
}

/* The number of voluntary switches of a sleeping thread, or -1 if it is not sleeping. */
static long sleeping_since(int tid)
{
  char path[64], line[128], state = '?';
  long switches = -1;
  snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
  FILE *file = fopen(path, "re");
  if (!file)
    return -1;
  while (fgets(line, sizeof(line), file)) {
    sscanf(line, "State: %c", &state);
    sscanf(line, "voluntary_ctxt_switches: %ld", &switches);
  }
  fclose(file);
  return state == 'S' ? switches : -1;
}

void test_until_asleep(const struct test_thread *thread)
{
  enum { LOOKS = 5 };
  test_waiting("another thread to fall asleep");
  int tid;
  while ((tid = __atomic_load_n(&thread->tid, __ATOMIC_ACQUIRE)) == 0)
    sched_yield();
  long seen = -1;
  for (int looks = 0; looks < LOOKS;) {
    long now = sleeping_since(tid);
    looks = now >= 0 && now == seen ? looks + 1 : 0;
    seen = now;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  test_waiting(NULL);
}

/* -- Latches ---------------------------------------------------------------------------------------------------------- */

void test_latch_init(struct test_latch *latch, int n)
{
  pthread_mutex_init(&latch->mutex, NULL);
  pthread_cond_init(&latch->changed, NULL);
  latch->missing = n;
}

void test_latch_arrive(struct test_latch *latch)
{
  pthread_mutex_lock(&latch->mutex);
  if (--latch->missing <= 0)
    pthread_cond_broadcast(&latch->changed);
  pthread_mutex_unlock(&latch->mutex);
}

void test_latch_wait(struct test_latch *latch)
{
  test_waiting("a latch");
  pthread_mutex_lock(&latch->mutex);
  while (latch->missing > 0)
    pthread_cond_wait(&latch->changed, &latch->mutex);
  pthread_mutex_unlock(&latch->mutex);
  test_waiting(NULL);
}

void test_latch_meet(struct test_latch *latch)
{
  test_latch_arrive(latch);
  test_latch_wait(latch);
}
