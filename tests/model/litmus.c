/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * litmus.c - the small programs by which memory models are known. Each is searched exhaustively in weak mode for one outcome:
 * it must be found where C20 allows it and the machine shows it, and must not where C20 forbids it. Load buffering and 2+2W
 * are allowed by C20 and not shown by this machine (memory.c says why); they stand here so that a change is noticed.
 * Names as in Alglave, Maranget and Tautschnig, "Herding cats" (TOPLAS 36(2), 2014).
 */
#include "litmus.h"

#include "../../src/atomic.h"
#include "../../src/os.h"

#define RLX __ATOMIC_RELAXED
#define ACQ __ATOMIC_ACQUIRE
#define REL __ATOMIC_RELEASE
#define SEQ __ATOMIC_SEQ_CST

struct litmus {
  uint64_t x, y, data;
  uint64_t r[8];
};

#define READ(location, order) PAWL_CHECK_LOAD(&l->location, order)
#define WRITE(location, value, order) PAWL_CHECK_STORE(&l->location, value, order)
#define ADD(location, value, order) PAWL_CHECK_ADD(&l->location, value, order)

#define NOTHING(l) ((void)(l))

/* A test of up to four threads; `seen` is the outcome that is looked for. */
#define LITMUS(name, t0, t1, t2, t3, seen)                                                                                     \
  static int name##_0(void *o, struct pawl_check_call *call)                                                                   \
  {                                                                                                                            \
    struct litmus *l = o;                                                                                                      \
    (void)call;                                                                                                                \
    t0;                                                                                                                        \
    return 0;                                                                                                                  \
  }                                                                                                                            \
  static int name##_1(void *o, struct pawl_check_call *call)                                                                   \
  {                                                                                                                            \
    struct litmus *l = o;                                                                                                      \
    (void)call;                                                                                                                \
    t1;                                                                                                                        \
    return 0;                                                                                                                  \
  }                                                                                                                            \
  static int name##_2(void *o, struct pawl_check_call *call)                                                                   \
  {                                                                                                                            \
    struct litmus *l = o;                                                                                                      \
    (void)call;                                                                                                                \
    t2;                                                                                                                        \
    return 0;                                                                                                                  \
  }                                                                                                                            \
  static int name##_3(void *o, struct pawl_check_call *call)                                                                   \
  {                                                                                                                            \
    struct litmus *l = o;                                                                                                      \
    (void)call;                                                                                                                \
    t3;                                                                                                                        \
    return 0;                                                                                                                  \
  }                                                                                                                            \
  static const char *name##_judge(void *o)                                                                                     \
  {                                                                                                                            \
    const struct litmus *l = o;                                                                                                \
    (void)l;                                                                                                                   \
    return (seen) ? "seen" : NULL;                                                                                             \
  }                                                                                                                            \
  static const struct pawl_check_op name##_ops[] = {{'0', "thread 0", PAWL_CHECK_NONE, name##_0, 1, 0},                        \
                                                    {'1', "thread 1", PAWL_CHECK_NONE, name##_1, 1, 0},                        \
                                                    {'2', "thread 2", PAWL_CHECK_NONE, name##_2, 1, 0},                        \
                                                    {'3', "thread 3", PAWL_CHECK_NONE, name##_3, 1, 0},                        \
                                                    {0, NULL, PAWL_CHECK_NONE, NULL, 0, 0}};

#define SB(name, wr, rd, between)                                                                                              \
  LITMUS(name, WRITE(x, 1, wr); between; l->r[0] = READ(y, rd), WRITE(y, 1, wr); between;                                      \
         l->r[1] = READ(x, rd), NOTHING(l), NOTHING(l), l->r[0] == 0 && l->r[1] == 0)
SB(sb_relaxed, RLX, RLX, )
SB(sb_release, REL, ACQ, )
SB(sb_seq, SEQ, SEQ, )
SB(sb_seq_store, SEQ, ACQ, )
SB(sb_fences, RLX, RLX, PAWL_CHECK_FENCE(SEQ))
SB(sb_weak_fences, RLX, RLX, PAWL_CHECK_FENCE(__ATOMIC_ACQ_REL))
LITMUS(sb_one_fence, WRITE(x, 1, RLX); PAWL_CHECK_FENCE(SEQ); l->r[0] = READ(y, RLX), WRITE(y, 1, RLX);
       l->r[1] = READ(x, RLX), NOTHING(l), NOTHING(l), l->r[0] == 0 && l->r[1] == 0)
LITMUS(sb_membarrier, WRITE(x, 1, RLX); (void)os_membarrier(); l->r[0] = READ(y, RLX), WRITE(y, 1, RLX);
       l->r[1] = READ(x, RLX), NOTHING(l), NOTHING(l), l->r[0] == 0 && l->r[1] == 0)
LITMUS(sb_rmw, (void)ADD(x, 1, SEQ); l->r[0] = READ(y, SEQ), (void)ADD(y, 1, SEQ);
       l->r[1] = READ(x, SEQ), NOTHING(l), NOTHING(l), l->r[0] == 0 && l->r[1] == 0)

#define MP(name, wr, rd, before, after)                                                                                        \
  LITMUS(name, WRITE(data, 1, RLX); before; WRITE(x, 1, wr), l->r[0] = READ(x, rd); after;                                     \
         l->r[1] = READ(data, RLX), NOTHING(l), NOTHING(l), l->r[0] == 1 && l->r[1] == 0)
MP(mp_relaxed, RLX, RLX, , )
MP(mp_release, REL, RLX, , )
MP(mp_acquire, RLX, ACQ, , )
MP(mp_both, REL, ACQ, , )
MP(mp_fences, RLX, RLX, PAWL_CHECK_FENCE(REL), PAWL_CHECK_FENCE(ACQ))
MP(mp_release_fence, RLX, RLX, PAWL_CHECK_FENCE(REL), )

LITMUS(lb, l->r[0] = READ(x, RLX); WRITE(y, 1, RLX), l->r[1] = READ(y, RLX);
       WRITE(x, 1, RLX), NOTHING(l), NOTHING(l), l->r[0] == 1 && l->r[1] == 1)

#define IRIW(name, wr, rd, between)                                                                                            \
  LITMUS(name, WRITE(x, 1, wr), WRITE(y, 1, wr), l->r[0] = READ(x, rd); between; l->r[1] = READ(y, rd), l->r[2] = READ(y, rd); \
         between; l->r[3] = READ(x, rd), l->r[0] == 1 && l->r[1] == 0 && l->r[2] == 1 && l->r[3] == 0)
IRIW(iriw_acquire, REL, ACQ, )
IRIW(iriw_seq, SEQ, SEQ, )
IRIW(iriw_fences, RLX, RLX, PAWL_CHECK_FENCE(SEQ))
IRIW(iriw_weak_writers, REL, SEQ, )

#define WW(name, order)                                                                                                        \
  LITMUS(name, WRITE(x, 1, order); WRITE(y, 2, order), WRITE(y, 1, order);                                                     \
         WRITE(x, 2, order), NOTHING(l), NOTHING(l), l->x == 1 && l->y == 1)
WW(ww_relaxed, RLX)
WW(ww_seq, SEQ)

LITMUS(corr, WRITE(x, 1, RLX); WRITE(x, 2, RLX), l->r[0] = READ(x, RLX);
       l->r[1] = READ(x, RLX), NOTHING(l), NOTHING(l), l->r[0] > l->r[1])
LITMUS(corr_two, WRITE(x, 1, RLX), WRITE(x, 2, RLX), l->r[0] = READ(x, RLX); l->r[1] = READ(x, RLX), l->r[2] = READ(x, RLX);
       l->r[3] = READ(x, RLX), l->r[0] == 1 && l->r[1] == 2 && l->r[2] == 2 && l->r[3] == 1)
LITMUS(cowr, WRITE(x, 1, RLX); l->r[0] = READ(x, RLX), WRITE(x, 2, RLX), NOTHING(l), NOTHING(l), l->r[0] == 0)
LITMUS(corr_passed_on, WRITE(x, 1, RLX), l->r[0] = READ(x, RLX); WRITE(y, 1, REL), l->r[1] = READ(y, ACQ);
       l->r[2] = READ(x, RLX), NOTHING(l), l->r[0] == 1 && l->r[1] == 1 && l->r[2] == 0)
LITMUS(rmw_atomic, (void)ADD(x, 1, RLX), (void)ADD(x, 1, RLX), (void)ADD(x, 1, RLX), NOTHING(l), l->x != 3)

#define SEQUENCE(name, middle)                                                                                                 \
  LITMUS(name, WRITE(data, 1, RLX); WRITE(x, 1, REL), middle, l->r[0] = READ(x, ACQ);                                          \
         l->r[1] = READ(data, RLX), NOTHING(l), l->r[0] == 2 && l->r[1] == 0 && l->r[2] == 1)
SEQUENCE(sequence_rmw, l->r[2] = ADD(x, 1, RLX))
SEQUENCE(
    sequence_store, if (READ(x, RLX) == 1) {
      WRITE(x, 2, RLX);
      l->r[2] = 1;
    })

#define WRC(name, wr, rd)                                                                                                      \
  LITMUS(name, WRITE(x, 1, RLX), l->r[0] = READ(x, rd); WRITE(y, 1, wr), l->r[1] = READ(y, rd);                                \
         l->r[2] = READ(x, RLX), NOTHING(l), l->r[0] == 1 && l->r[1] == 1 && l->r[2] == 0)
WRC(wrc_relaxed, RLX, RLX)
WRC(wrc_release, REL, ACQ)

/* A fence in one thread, a seq_cst access in the other: C20, [atomics.order] 4.2 and 4.3. */
LITMUS(fence_and_store, WRITE(x, 1, SEQ); l->r[0] = READ(y, SEQ), WRITE(y, 1, RLX); PAWL_CHECK_FENCE(SEQ);
       l->r[1] = READ(x, RLX), NOTHING(l), NOTHING(l), l->r[0] == 0 && l->r[1] == 0)
/* A failing compare-and-swap is a load: it may see an old value. */
static bool cas_fails(struct litmus *l)
{
  uint64_t expected = 1;
  return !PAWL_CHECK_CAS(&l->x, &expected, 2, ACQ);
}
LITMUS(cas_stale, WRITE(x, 1, RLX); WRITE(y, 1, RLX), l->r[0] = READ(y, RLX);
       l->r[1] = cas_fails(l), NOTHING(l), NOTHING(l), l->r[0] == 1 && l->r[1] == 1)
/* The compare-and-swap that succeeds has seen the newest value: two of them cannot take the same one. */
LITMUS(cas_once, l->r[0] = !cas_fails(l), l->r[1] = !cas_fails(l), WRITE(x, 1, RLX), NOTHING(l), l->r[0] == 1 && l->r[1] == 1)

/* Races: the verdict is the outcome. */
LITMUS(race_none, PAWL_CHECK_PLAIN_STORE(&l->data, 1);
       WRITE(x, 1, REL), if (READ(x, ACQ) == 1) l->r[0] = PAWL_CHECK_PLAIN_LOAD(&l->data), NOTHING(l), NOTHING(l), false)
LITMUS(race_relaxed, PAWL_CHECK_PLAIN_STORE(&l->data, 1);
       WRITE(x, 1, RLX), if (READ(x, ACQ) == 1) l->r[0] = PAWL_CHECK_PLAIN_LOAD(&l->data), NOTHING(l), NOTHING(l), false)
LITMUS(race_late_read, l->r[0] = PAWL_CHECK_PLAIN_LOAD(&l->data);
       WRITE(x, 1, RLX), if (READ(x, ACQ) == 1) PAWL_CHECK_PLAIN_STORE(&l->data, 1), NOTHING(l), NOTHING(l), false)
LITMUS(race_mixed, WRITE(data, 1, RLX), l->r[0] = PAWL_CHECK_PLAIN_LOAD(&l->data), NOTHING(l), NOTHING(l), false)

#define TEST(id, threads, expected, words)                                                                                     \
  {                                                                                                                            \
    {.name = #id,                                                                                                              \
     .about = words,                                                                                                           \
     .size = sizeof(struct litmus),                                                                                            \
     .ops = id##_ops,                                                                                                          \
     .model = PAWL_CHECK_NO_MODEL,                                                                                             \
     .judge = id##_judge,                                                                                                      \
     .program = threads == 2   ? "0|1"                                                                                         \
                : threads == 3 ? "0|1|2"                                                                                       \
                               : "0|1|2|3"},                                                                                   \
        expected                                                                                                               \
  }

const struct litmus_test litmus_tests[] = {
    TEST(sb_relaxed, 2, LITMUS_SHOWN, "store buffering, relaxed"),
    TEST(sb_release, 2, LITMUS_SHOWN, "store buffering, release and acquire"),
    TEST(sb_seq, 2, LITMUS_FORBIDDEN, "store buffering, seq_cst"),
    TEST(sb_seq_store, 2, LITMUS_SHOWN, "store buffering, seq_cst stores and acquire loads"),
    TEST(sb_fences, 2, LITMUS_FORBIDDEN, "store buffering, two seq_cst fences"),
    TEST(sb_weak_fences, 2, LITMUS_SHOWN, "store buffering, two acq_rel fences"),
    TEST(sb_one_fence, 2, LITMUS_SHOWN, "store buffering, one fence"),
    TEST(sb_membarrier, 2, LITMUS_FORBIDDEN, "store buffering, membarrier on one side"),
    TEST(sb_rmw, 2, LITMUS_FORBIDDEN, "store buffering, seq_cst read-modify-writes"),
    TEST(mp_relaxed, 2, LITMUS_SHOWN, "message passing, relaxed"),
    TEST(mp_release, 2, LITMUS_SHOWN, "message passing, no acquire"),
    TEST(mp_acquire, 2, LITMUS_SHOWN, "message passing, no release"),
    TEST(mp_both, 2, LITMUS_FORBIDDEN, "message passing, release and acquire"),
    TEST(mp_fences, 2, LITMUS_FORBIDDEN, "message passing, release and acquire fences"),
    TEST(mp_release_fence, 2, LITMUS_SHOWN, "message passing, release fence only"),
    TEST(lb, 2, LITMUS_NOT_SHOWN, "load buffering, relaxed"),
    TEST(iriw_acquire, 4, LITMUS_SHOWN, "independent reads of independent writes, release and acquire"),
    TEST(iriw_seq, 4, LITMUS_FORBIDDEN, "independent reads of independent writes, seq_cst"),
    TEST(iriw_fences, 4, LITMUS_FORBIDDEN, "independent reads of independent writes, seq_cst fences"),
    TEST(iriw_weak_writers, 4, LITMUS_FORBIDDEN, "independent reads of independent writes, only the reads seq_cst"),
    TEST(ww_relaxed, 2, LITMUS_NOT_SHOWN, "2+2W, relaxed"),
    TEST(ww_seq, 2, LITMUS_FORBIDDEN, "2+2W, seq_cst"),
    TEST(corr, 2, LITMUS_FORBIDDEN, "coherence of two reads"),
    TEST(corr_two, 4, LITMUS_FORBIDDEN, "coherence: two readers agree on the order of two writes"),
    TEST(cowr, 2, LITMUS_FORBIDDEN, "coherence: a thread sees its own write"),
    TEST(corr_passed_on, 3, LITMUS_FORBIDDEN, "coherence: what was read happens before"),
    TEST(rmw_atomic, 3, LITMUS_FORBIDDEN, "no increment is lost"),
    TEST(sequence_rmw, 3, LITMUS_FORBIDDEN, "release sequence through a relaxed read-modify-write"),
    TEST(sequence_store, 3, LITMUS_SHOWN, "no release sequence through another thread's store"),
    TEST(wrc_relaxed, 3, LITMUS_SHOWN, "write to read causality, relaxed"),
    TEST(wrc_release, 3, LITMUS_FORBIDDEN, "write to read causality, release and acquire"),
    TEST(fence_and_store, 2, LITMUS_FORBIDDEN, "store buffering, seq_cst accesses against a fence"),
    TEST(cas_stale, 2, LITMUS_SHOWN, "a failing compare-and-swap sees an old value"),
    TEST(cas_once, 3, LITMUS_FORBIDDEN, "two compare-and-swaps take one value"),
    TEST(race_none, 2, LITMUS_FORBIDDEN, "published plain data"),
    TEST(race_relaxed, 2, LITMUS_SHOWN, "plain data behind a relaxed store: a race"),
    TEST(race_late_read, 2, LITMUS_SHOWN, "overwriting after a relaxed hand-over: a race"),
    TEST(race_mixed, 2, LITMUS_SHOWN, "plain load beside an atomic store: a race"),
    {{.name = NULL}, LITMUS_SHOWN},
};
