/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os.h - everything Pawl asks of the kernel and the C library's threads. Layer 0. os_linux.c is the only file that makes
 * system calls; the model scheduler of tests/model implements the same functions for its fibers.
 */
#ifndef PAWL_SRC_OS_H
#define PAWL_SRC_OS_H

#include <pawl/base.h>

/*
 * Sleeps while *word == value, until woken, or `until` (absolute CLOCK_MONOTONIC). May return early for no reason.
 * 0: woken, or the value differed, or no reason; PAWL_TIMEOUT: the deadline has passed; -EINTR: a signal handler ran.
 * `shared`: the word lies in memory shared between processes.
 */
int os_futex_wait(uint32_t *word, uint32_t value, pawl_time until, bool shared);

/* Wakes up to n sleepers on the word's address, which need not be mapped any more. Returns how many were woken. */
int os_futex_wake(uint32_t *word, int n, bool shared);

pawl_time os_now(void);

/* Bytes of memory, swap included, that this machine has. */
uint64_t os_memory(void);

/* Lets other threads run on this processor. */
void os_yield(void);

/* Threads that can run at once: affinity, cut by a cgroup v1/v2 cpu quota (rounded up), at least 1. */
unsigned os_cpu_count(void);

/*
 * Can two threads of this process run at once? By its affinity and quota when the library was loaded, not by the affinity of
 * the calling thread, which may be pinned to one processor and its peers to others.
 */
bool os_parallel(void);

/* The cgroup part of it: the quota of this process, 0 if there is none. `root` stands before /proc and /sys: "", or a test's. */
unsigned os_quota(const char *root);

/*
 * Makes every running thread of the process execute a full fence (membarrier). Returns false where the kernel cannot: then
 * both sides of an asymmetric pair must use full fences. The answer never changes during a process's life.
 */
bool os_membarrier(void);

/* eventfd: made non-blocking and close-on-exec. fd or -errno. */
int os_eventfd(void);
void os_eventfd_write(int fd);
void os_eventfd_clear(int fd);
void os_close(int fd);

/*
 * The calling thread's own pointer, NULL at first. Async-signal-safe, one TLS load; in the model world each fiber has its
 * own. `os_set_self` sets it and arranges for `at_exit(self)` to run when the thread ends (also after dlclose, which is why
 * the library is linked -z nodelete). 0 or -ENOMEM / -EAGAIN.
 */
#if defined(PAWL_WORLD_MODEL)
void *os_self(void);
#else
extern _Thread_local void *pawl__self __attribute__((tls_model("initial-exec"), visibility("hidden")));
static inline void *os_self(void)
{
  return pawl__self;
}
#endif
int os_set_self(void *self, void (*at_exit)(void *self));

/* Runs the functions around every fork from now on, as pthread_atfork. 0 or -ENOMEM. */
int os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* A number that differs in a process and its forked child (a generation, counted by an atfork handler). */
uint32_t os_fork_count(void);

#endif
