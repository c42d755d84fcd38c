/* SPDX-License-Identifier: BSD-2-Clause */
/* subjects.c - the table of subjects: Pawl, the baselines, and each peer whose package was found when this was built. */
#include "bench.h"

#define DECLARE(name) extern const struct bench_subject bench_##name;
#define ENTRY(name) &bench_##name,

#define BASELINES(X) X(mutex) X(mutex_cond) X(mutex_stack) X(mutex_heap)
#if defined(BENCH_WITH_PAWL)
#define PAWL(X) X(pawl_bounded) X(pawl_ring) X(pawl_unbounded) X(pawl_simple) X(pawl_tracked) X(pawl_spsc)
#define PAWL_LIFO(X) X(pawl_lifo) X(pawl_lifo_bounded)
#define PAWL_PRIO(X) X(pawl_priority) X(pawl_priority_bounded) X(pawl_priority_locked) X(pawl_relaxed)
#define PAWL_HEAPS(X) X(pawl_relaxed_2) X(pawl_relaxed_4) X(pawl_relaxed_8) X(pawl_relaxed_16) X(pawl_relaxed_32)
#else
#define PAWL(X)
#define PAWL_LIFO(X)
#define PAWL_PRIO(X)
#define PAWL_HEAPS(X)
#endif
#if defined(BENCH_WITH_PAWL_STATIC)
#define STATIC_FIFO(X) X(static_pawl_bounded) X(static_pawl_ring) X(static_pawl_unbounded) X(static_pawl_spsc)
#define PAWL_STATIC(X) STATIC_FIFO(X) X(static_pawl_simple) X(static_pawl_lifo) X(static_pawl_lifo_bounded)
#else
#define PAWL_STATIC(X)
#endif
#if defined(BENCH_WITH_CK)
#define CK(X) X(ck_ring) X(ck_ring_spsc)
#if defined(__x86_64__)
#define CK_FIFO(X) X(ck_fifo) X(ck_stack)
#else
#define CK_FIFO(X)
#endif
#else
#define CK(X)
#define CK_FIFO(X)
#endif
#if defined(BENCH_WITH_LINDEN)
#define LINDEN(X) X(linden)
#else
#define LINDEN(X)
#endif
#if defined(BENCH_WITH_MOODYCAMEL)
#define MOODYCAMEL(X) X(moodycamel) X(moodycamel_tokens) X(moodycamel_blocking)
#else
#define MOODYCAMEL(X)
#endif
#if defined(BENCH_WITH_XENIUM)
#define XENIUM(X) X(xenium_vyukov) X(xenium_ramalhete)
#else
#define XENIUM(X)
#endif
#if defined(BENCH_XENIUM_NIKOLAEV)
#define NIKOLAEV(X) X(xenium_nikolaev)
#else
#define NIKOLAEV(X)
#endif
#if defined(BENCH_WITH_TBB)
#define TBB(X) X(tbb) X(tbb_priority)
#else
#define TBB(X)
#endif
#if defined(BENCH_WITH_BOOST)
#define BOOST(X) X(boost_queue) X(boost_spsc) X(boost_stack)
#else
#define BOOST(X)
#endif
#if defined(BENCH_WITH_GLIB)
#define GLIB(X) X(glib)
#else
#define GLIB(X)
#endif
#if defined(BENCH_WITH_URCU)
#define URCU(X) X(urcu)
#else
#define URCU(X)
#endif

#if defined(BENCH_WITH_FAULTS)
#define FIFO_FAULTS(X) X(faulty_lose) X(faulty_repeat) X(faulty_change) X(faulty_swap) X(faulty_crash) X(faulty_hang)
#define STACK_FAULTS(X) X(faulty_stack_lose) X(faulty_stack_swap)
#define PRIO_FAULTS(X) X(faulty_prio_lose) X(faulty_prio_swap) X(faulty_prio_mix) X(faulty_prio_invent) X(faulty_prio_unstable)
#define FAULTS(X) FIFO_FAULTS(X) STACK_FAULTS(X) PRIO_FAULTS(X)
#else
#define FAULTS(X)
#endif

#define PAWLS(X) PAWL(X) PAWL_LIFO(X) PAWL_PRIO(X) PAWL_HEAPS(X) PAWL_STATIC(X)
#define PEERS(X) CK(X) CK_FIFO(X) LINDEN(X) MOODYCAMEL(X) XENIUM(X) NIKOLAEV(X) TBB(X) BOOST(X) GLIB(X) URCU(X)
#define SUBJECTS(X) PAWLS(X) BASELINES(X) PEERS(X) FAULTS(X)

SUBJECTS(DECLARE)

const struct bench_subject *const bench_subjects[] = {SUBJECTS(ENTRY) NULL};

const char *const bench_absent[] = {
#if !defined(BENCH_WITH_CK)
    "ck-*: libck-dev",
#endif
#if !defined(BENCH_WITH_LINDEN)
    "linden-jonsson: libck-dev, its library",
#endif
#if !defined(BENCH_WITH_MOODYCAMEL)
    "moodycamel*: libconcurrentqueue-dev",
#endif
#if !defined(BENCH_WITH_XENIUM)
    "xenium-*: libxenium-dev",
#elif !defined(BENCH_XENIUM_NIKOLAEV)
    "xenium-nikolaev: the installed libxenium-dev is too old for it",
#endif
#if !defined(BENCH_WITH_TBB)
    "tbb*: libtbb-dev",
#endif
#if !defined(BENCH_WITH_BOOST)
    "boost*: libboost-dev",
#endif
#if !defined(BENCH_WITH_GLIB)
    "glib: libglib2.0-dev",
#endif
#if !defined(BENCH_WITH_URCU)
    "urcu: liburcu-dev",
#endif
#if !defined(BENCH_WITH_PAWL_STATIC)
    "*-static: the compiler is not gcc",
#endif
    NULL};
