/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * programs.h - up to four threads. What they do comes from the command line (models.ini): THREAD1 to THREAD4 are statements in
 * the words that the includer defines, and what PROGRAM makes of them is a thread_body. With ATTACH the threads use reclaim.h.
 */
#ifndef PAWL_TESTS_GENMC_PROGRAMS_H
#define PAWL_TESTS_GENMC_PROGRAMS_H

#ifndef PROGRAM
#define PROGRAM(name, statements)                                                                                              \
  static uint64_t name(void)                                                                                                   \
  {                                                                                                                            \
    statements return 0;                                                                                                       \
  }
#endif
PROGRAM(body1, THREAD1)
#if NUMBER_OF_THREADS > 1
PROGRAM(body2, THREAD2)
#endif
#if NUMBER_OF_THREADS > 2
PROGRAM(body3, THREAD3)
#endif
#if NUMBER_OF_THREADS > 3
PROGRAM(body4, THREAD4)
#endif

/* A record of reclaim.h, made by main, so that threads do not race for their places in the list. */
static inline void *attach(void)
{
#if defined(ATTACH)
  pawl__self = NULL;
  return reclaim_attach();
#else
  return NULL;
#endif
}

/* Runs them all; `prepare` is main's part before they start. Each of the histories is what the thread's body returned. */
static inline void run_programs(void (*prepare)(void), uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d)
{
  void *self[THREADS];
  for (unsigned i = NUMBER_OF_THREADS + 1; i-- > 0;)
    self[i] = attach(); /* main's last: it stays main's */
  prepare();
  pthread_t thread1 = start(1, body1, self[1]);
#if NUMBER_OF_THREADS > 1
  pthread_t thread2 = start(2, body2, self[2]);
#endif
#if NUMBER_OF_THREADS > 2
  pthread_t thread3 = start(3, body3, self[3]);
#endif
#if NUMBER_OF_THREADS > 3
  pthread_t thread4 = start(4, body4, self[4]);
#endif
  *a = finish(thread1);
  *b = *c = *d = 0;
#if NUMBER_OF_THREADS > 1
  *b = finish(thread2);
#endif
#if NUMBER_OF_THREADS > 2
  *c = finish(thread3);
#endif
#if NUMBER_OF_THREADS > 3
  *d = finish(thread4);
#endif
}

#endif
