/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/check.h - check a concurrent structure of your own with the machine that checks Pawl: every schedule deterministic,
 * C11 weak memory, every history compared with a sequential model. Link with libpawl-check (and libpawl for its errors).
 *
 * Ten minutes, for a queue written with <stdatomic.h>:
 *
 *   1. Compile its source with -DPAWL_CHECK_STDATOMIC -include pawl/check.h. The C11 macros (atomic_load_explicit and so on)
 *      then lead into the machine. Where other threads read memory that is not atomic, write PAWL_CHECK_PLAIN_LOAD(&x) and
 *      PAWL_CHECK_PLAIN_STORE(&x, v): races on it are reported. In spin loops call pawl_check_pause(). Take memory with
 *      pawl_check_alloc and pawl_check_free: use after free is reported.
 *   2. Describe the operations, and start the machine:
 *
 *        static int put(void *ring, struct pawl_check_call *call) { return ring_put(ring, call->item) ? 0 : PAWL_FULL; }
 *        static int get(void *ring, struct pawl_check_call *call) { return ring_get(ring, &call->out) ? 0 : PAWL_EMPTY; }
 *        static const struct pawl_check_op ops[] = {
 *          {'p', "put", PAWL_CHECK_PUT, put, 1, 0}, {'g', "get", PAWL_CHECK_GET, get, 1, 0}, {0}};
 *        static const struct pawl_check_subject subjects[] = {
 *          {.name = "ring", .size = sizeof(struct ring), .init = init, .ops = ops, .model = PAWL_CHECK_FIFO}, {0}};
 *        int main(int argc, char **argv) { return pawl_check_main(argc, argv, subjects); }
 *
 *   3. ./ring-check ring --capacity 1 --schedules 1e6; then --weak; then --mode dfs --preemptions 2; then mutate ring.
 *
 * A fault is printed as an interleaving, one column per thread, with the seed that replays it. The exit status is 0 if no
 * fault was found, 1 if one was, 2 for wrong use. examples/ring_check.c is a whole program with a fault to find.
 *
 * Of ordinary mistakes it tells: no access goes through the macros; in --weak, an _Atomic field written by plain = or ++; a
 * result that no such operation has; an operation that waits outside of the machine (pthread_mutex_lock).
 *
 * What the machine does not see: load buffering and stores that become visible in another order than they were executed
 * (2+2W), reads that do not go through these macros, a failure order of compare_exchange that is weaker than the other (it
 * takes the load's part of that), structures in C++. Its order S of seq_cst operations is the order of
 * execution: a seq_cst load does not move before an earlier weaker one. It keeps the last 8 stores of each location.
 * Not for production code: it runs all threads of the subject on one thread of its own and is not itself thread-safe.
 */
#ifndef PAWL_CHECK_H
#define PAWL_CHECK_H

#include <pawl/base.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an operation means to the sequential model. */
enum pawl_check_kind {
  PAWL_CHECK_PUT,       /* call->item went in: 0, or it did not: PAWL_FULL, PAWL_SHUTDOWN, -ENOMEM; see also BAG */
  PAWL_CHECK_GET,       /* call->out came out: 0, PAWL_EMPTY, PAWL_SHUTDOWN */
  PAWL_CHECK_TASK_DONE, /* 0, -ERANGE */
  PAWL_CHECK_JOIN,      /* 0, PAWL_TIMEOUT */
  PAWL_CHECK_CLOSE,     /* no put is admitted any more */
  PAWL_CHECK_CLOSE_NOW, /* the same, and what is inside is dropped */
  PAWL_CHECK_RESIZE,    /* call->item is the new bound */
  PAWL_CHECK_ACQUIRE,   /* one permit: 0, PAWL_TIMEOUT */
  PAWL_CHECK_RELEASE,   /* call->item permits back */
  /* Questions: 1 for yes, 0 for no, or a size. Those about the size are hints, which need only fit the puts and gets that came
   * before, or were under way, and the bound. */
  PAWL_CHECK_IS_CLOSED = 12, /* exact: is no put admitted any more? */
  PAWL_CHECK_SIZE,
  PAWL_CHECK_IS_EMPTY,
  PAWL_CHECK_IS_FULL,
  PAWL_CHECK_PEEK,      /* call->out is what a get would have taken, and is still inside; answers as a get */
  PAWL_CHECK_NONE = 255 /* not in the history: a litmus test, judged by pawl_check_assert and `judge` */
};

enum pawl_check_model {
  PAWL_CHECK_FIFO,
  PAWL_CHECK_LIFO,
  PAWL_CHECK_PRIORITY, /* lowest call->key first, first in first out among equal keys */
  PAWL_CHECK_BAG,      /* any item that is inside; a put that answers PAWL_COMPARE went in. All else as in a queue */
  PAWL_CHECK_SEMAPHORE,
  PAWL_CHECK_NO_MODEL = 255
};

enum { PAWL_CHECK_BULK = 4 };

/* One call of an operation. `item` is unlike that of any other put of the schedule. */
struct pawl_check_call {
  uint64_t item; /* in */
  uint64_t out;  /* out */
  /* PRIORITY and BAG. In: of a put, -1, 0 or 1, each schedule others. Out: a get or peek that tells the key sets `keyed`. */
  int64_t key;
  /* For a put or get of several (op.arg > 1): the items in, or those that came out, and how many came through. A put says why
   * it did not go on; a get that got one says 0, and that there was nothing more for now if they are fewer than op.arg. */
  uint64_t bulk[PAWL_CHECK_BULK];
  int64_t keys[PAWL_CHECK_BULK]; /* the same of the keys */
  int done;
  int thread;   /* in: 0 .. threads - 1 */
  int index;    /* in: which operation of that thread */
  bool absent;  /* out: there was nothing to do; the operation does not belong in the history */
  bool keyed;   /* out: see `key` */
  void *memory; /* in: 64 bytes of this thread's own, zero at the start of a schedule */
};

struct pawl_check_op {
  char key;         /* its letter in programs; 0 ends the list */
  const char *name; /* as printed */
  enum pawl_check_kind kind;
  int (*call)(void *object, struct pawl_check_call *call); /* returns the result that the model judges */
  unsigned weight;                                         /* how often random programs contain it; 0: never */
  int64_t arg; /* RESIZE: the new bound; RELEASE: permits; PUT, GET: of how many, if several (the put must not wait for ever) */
};

/* What the command line chose; `init` adapts the object to it. */
struct pawl_check_setup {
  int threads;
  int64_t capacity; /* --capacity: 0 unbounded */
  int64_t segment;  /* --segment: a size that the subject knows, 0 its default */
  uint64_t start;   /* --start: where counters begin */
};

enum pawl_check_flags {
  PAWL_CHECK_TWO_POINT = 1,  /* a put reserves, then publishes: FULL counts reservations, EMPTY what is published */
  PAWL_CHECK_LOCK_FREE = 2,  /* --freeze applies: a frozen thread must not keep another from ending */
  PAWL_CHECK_DRAIN = 4,      /* when all threads have ended, call the op of key 'g' until it does not answer 0 */
  PAWL_CHECK_BOUNDED = 8,    /* capacity 0 means 1 */
  PAWL_CHECK_UNBOUNDED = 16, /* there is no capacity */
};

struct pawl_check_subject {
  const char *name; /* NULL ends the list */
  const char *about;
  size_t size;                                                     /* of the object: zero bytes before init */
  int (*init)(void *object, const struct pawl_check_setup *setup); /* 0, else the machine stops; may be NULL */
  void (*attach)(void *object, int thread);                        /* once per thread, before the schedule; may be NULL */
  const struct pawl_check_op *ops;
  int model;         /* enum pawl_check_model */
  unsigned flags;    /* enum pawl_check_flags */
  char handler;      /* --handlers: key of the operation that signal handlers run; 0: none */
  const char *roles; /* keys that thread 0 may use, then '|', thread 1, ...; the last holds for the rest; NULL: all */
  const char *(*judge)(void *object); /* after a schedule without standstill: NULL, or what is wrong; may be NULL */
  int threads;                        /* at most; 0: any number */
  const char *program;                /* the program of litmus tests; NULL: random programs of the ops */
  void (*finish)(void *object); /* when all threads have ended and the object was drained: gives all memory back; may be NULL */
  int64_t permits;              /* SEMAPHORE: at the start */
  int64_t bound;                /* SEMAPHORE: at most; < 0: any number */
};

/* The whole tool: `pawl_check_main` with the subjects of a list that ends with a zero name. Returns the exit status. */
PAWL_API int pawl_check_main(int argc, char **argv, const struct pawl_check_subject *subjects);

/*
 * One schedule, all choices from the bytes: for fuzzers. `options` is a command line such as "ring --capacity 2 --weak".
 * 0, or 1 if a fault was found, which is printed; -EINVAL for wrong options.
 */
PAWL_API int pawl_check_bytes(const struct pawl_check_subject *subjects, const char *options, const void *data, size_t size);

/* Inside operations: memory whose use after free is a fault, a fault of the caller's own, one turn of a spin loop. */
PAWL_API void *pawl_check_alloc(size_t size);
PAWL_API void pawl_check_free(void *memory);
/* Memory of pawl_check_alloc begins a new life without having been freed: all other threads' accesses must happen before. */
PAWL_API void pawl_check_recycle(void *memory);
PAWL_API void pawl_check_fail(const char *what);
#define pawl_check_assert(condition) ((condition) ? (void)0 : pawl_check_fail("assertion failed: " #condition))
PAWL_API void pawl_check_pause(void);

/* Sleep while *word == value, wake n sleepers: a futex, with spurious returns. 0, PAWL_TIMEOUT or -EINTR. */
PAWL_API int pawl_check_futex_wait(uint32_t *word, uint32_t value, pawl_time until);
PAWL_API int pawl_check_futex_wake(uint32_t *word, int n);

/*
 * The operations. Each use is a site: the machine lists the sites, counts them and weakens their orders one by one
 * (`mutate`). Fields of 1, 2, 4 or 8 bytes, integers or pointers; orders as __ATOMIC_RELAXED and so on.
 */
enum pawl_check_access {
  PAWL_CHECK_A_LOAD,
  PAWL_CHECK_A_STORE,
  PAWL_CHECK_A_CAS,
  PAWL_CHECK_A_SWAP,
  PAWL_CHECK_A_ADD,
  PAWL_CHECK_A_OR,
  PAWL_CHECK_A_AND,
  PAWL_CHECK_A_FENCE,
  PAWL_CHECK_A_PLAIN_LOAD,
  PAWL_CHECK_A_PLAIN_STORE,
  PAWL_CHECK_A_STEP,
  PAWL_CHECK_A_OTHER,
};

struct pawl_check_site {
  const char *file, *function, *text;
  uint32_t line;
  uint8_t access;
  uint8_t order, written; /* the order in force, and as in the source */
  uint8_t skip;           /* fence dropped, step skipped */
  uint64_t hits;
  uint32_t group; /* sites of one source line and text in several objects form a group */
  uint32_t reserve[3];
} __attribute__((aligned(64)));

PAWL_API uint64_t pawl_check_load(struct pawl_check_site *site, const volatile void *p, size_t size);
PAWL_API void pawl_check_store(struct pawl_check_site *site, volatile void *p, size_t size, uint64_t value);
PAWL_API bool pawl_check_cas(struct pawl_check_site *site, volatile void *p, size_t size, void *expected, uint64_t value);
PAWL_API uint64_t pawl_check_rmw(struct pawl_check_site *site, volatile void *p, size_t size, uint64_t value);
PAWL_API void pawl_check_fence(struct pawl_check_site *site);
PAWL_API void pawl_check_plain(struct pawl_check_site *site, const volatile void *p, size_t size);
PAWL_API bool pawl_check_step(struct pawl_check_site *site);

#define PAWL_CHECK_SITE_(access, order, text)                                                                                  \
  static struct pawl_check_site site_ __attribute__((section("pawl_check_sites"), used)) = {                                   \
      __FILE__, __func__, text, __LINE__, access, order, order, 0, 0, 0, {0, 0, 0}}
/* The type of *p without qualifiers. */
#define PAWL_CHECK_TYPE_(p) __typeof__(((void)0, *(p)))
#define PAWL_CHECK_WORD_(type, v)                                                                                              \
  __extension__({                                                                                                              \
    type in_ = (v);                                                                                                            \
    uint64_t word_ = 0;                                                                                                        \
    memcpy(&word_, &in_, sizeof(in_));                                                                                         \
    word_;                                                                                                                     \
  })
#define PAWL_CHECK_BACK_(type, w)                                                                                              \
  __extension__({                                                                                                              \
    uint64_t raw_ = (w);                                                                                                       \
    type back_;                                                                                                                \
    memcpy(&back_, &raw_, sizeof(back_));                                                                                      \
    back_;                                                                                                                     \
  })

#define PAWL_CHECK_LOAD_(p, order, text)                                                                                       \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(PAWL_CHECK_A_LOAD, order, text);                                                                          \
    PAWL_CHECK_BACK_(PAWL_CHECK_TYPE_(p), pawl_check_load(&site_, (p), sizeof(*(p))));                                         \
  })
#define PAWL_CHECK_STORE_(p, v, order, text)                                                                                   \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(PAWL_CHECK_A_STORE, order, text);                                                                         \
    pawl_check_store(&site_, (p), sizeof(*(p)), PAWL_CHECK_WORD_(PAWL_CHECK_TYPE_(p), v));                                     \
  })
#define PAWL_CHECK_CAS_(p, e, v, order, text)                                                                                  \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(PAWL_CHECK_A_CAS, order, text);                                                                           \
    pawl_check_cas(&site_, (p), sizeof(*(p)), (e), PAWL_CHECK_WORD_(PAWL_CHECK_TYPE_(p), v));                                  \
  })
#define PAWL_CHECK_RMW_(access, p, v, order, text)                                                                             \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(access, order, text);                                                                                     \
    PAWL_CHECK_BACK_(PAWL_CHECK_TYPE_(p),                                                                                      \
                     pawl_check_rmw(&site_, (p), sizeof(*(p)), PAWL_CHECK_WORD_(PAWL_CHECK_TYPE_(p), v)));                     \
  })
#define PAWL_CHECK_FENCE_(order, text)                                                                                         \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(PAWL_CHECK_A_FENCE, order, text);                                                                         \
    pawl_check_fence(&site_);                                                                                                  \
  })
#define PAWL_CHECK_PLAIN_(access, p, text)                                                                                     \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(access, 0, text);                                                                                         \
    pawl_check_plain(&site_, (p), sizeof(*(p)));                                                                               \
  })

#define PAWL_CHECK_LOAD(p, order) PAWL_CHECK_LOAD_(p, order, #p)
#define PAWL_CHECK_STORE(p, v, order) PAWL_CHECK_STORE_(p, v, order, #p)
/* Strong; on failure *e receives what was there. */
#define PAWL_CHECK_CAS(p, e, v, order) PAWL_CHECK_CAS_(p, e, v, order, #p)
#define PAWL_CHECK_SWAP(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_SWAP, p, v, order, #p)
#define PAWL_CHECK_ADD(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, v, order, #p)
#define PAWL_CHECK_OR(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_OR, p, v, order, #p)
#define PAWL_CHECK_AND(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_AND, p, v, order, #p)
#define PAWL_CHECK_FENCE(order) PAWL_CHECK_FENCE_(order, "fence")
#define PAWL_CHECK_PLAIN_LOAD(p)                                                                                               \
  __extension__({                                                                                                              \
    PAWL_CHECK_PLAIN_(PAWL_CHECK_A_PLAIN_LOAD, p, #p);                                                                         \
    *(p);                                                                                                                      \
  })
#define PAWL_CHECK_PLAIN_STORE(p, v)                                                                                           \
  __extension__({                                                                                                              \
    PAWL_CHECK_PLAIN_(PAWL_CHECK_A_PLAIN_STORE, p, #p);                                                                        \
    (void)(*(p) = (v));                                                                                                        \
  })
/* True; false while the mutation that skips the step `name` is on trial. */
#define PAWL_CHECK_STEP(name)                                                                                                  \
  __extension__({                                                                                                              \
    PAWL_CHECK_SITE_(PAWL_CHECK_A_STEP, 0, name);                                                                              \
    pawl_check_step(&site_);                                                                                                   \
  })

#ifdef __cplusplus
}
#endif

#if defined(PAWL_CHECK_STDATOMIC)
#include <stdatomic.h>
#undef atomic_init
#undef atomic_load_explicit
#undef atomic_load
#undef atomic_store_explicit
#undef atomic_store
#undef atomic_exchange_explicit
#undef atomic_exchange
#undef atomic_fetch_add_explicit
#undef atomic_fetch_add
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_or_explicit
#undef atomic_fetch_or
#undef atomic_fetch_and_explicit
#undef atomic_fetch_and
#undef atomic_fetch_xor_explicit
#undef atomic_fetch_xor
#undef atomic_flag_test_and_set_explicit
#undef atomic_flag_test_and_set
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_weak
#undef atomic_thread_fence
#define atomic_init(p, v) PAWL_CHECK_PLAIN_STORE(p, v)
#define atomic_load_explicit(p, order) PAWL_CHECK_LOAD_(p, order, #p)
#define atomic_load(p) PAWL_CHECK_LOAD_(p, __ATOMIC_SEQ_CST, #p)
#define atomic_store_explicit(p, v, order) PAWL_CHECK_STORE_(p, v, order, #p)
#define atomic_store(p, v) PAWL_CHECK_STORE_(p, v, __ATOMIC_SEQ_CST, #p)
#define atomic_exchange_explicit(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_SWAP, p, v, order, #p)
#define atomic_exchange(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_SWAP, p, v, __ATOMIC_SEQ_CST, #p)
#define atomic_fetch_add_explicit(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, v, order, #p)
#define atomic_fetch_add(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, v, __ATOMIC_SEQ_CST, #p)
#define atomic_fetch_sub_explicit(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, -(v), order, #p)
#define atomic_fetch_sub(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_ADD, p, -(v), __ATOMIC_SEQ_CST, #p)
#define atomic_fetch_or_explicit(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_OR, p, v, order, #p)
#define atomic_fetch_or(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_OR, p, v, __ATOMIC_SEQ_CST, #p)
#define atomic_fetch_and_explicit(p, v, order) PAWL_CHECK_RMW_(PAWL_CHECK_A_AND, p, v, order, #p)
#define atomic_fetch_and(p, v) PAWL_CHECK_RMW_(PAWL_CHECK_A_AND, p, v, __ATOMIC_SEQ_CST, #p)
#define atomic_compare_exchange_strong_explicit(p, e, v, order, failure) PAWL_CHECK_CAS_(p, e, v, order, #p)
#define atomic_compare_exchange_strong(p, e, v) PAWL_CHECK_CAS_(p, e, v, __ATOMIC_SEQ_CST, #p)
#define atomic_compare_exchange_weak_explicit(p, e, v, order, failure) PAWL_CHECK_CAS_(p, e, v, order, #p)
#define atomic_compare_exchange_weak(p, e, v) PAWL_CHECK_CAS_(p, e, v, __ATOMIC_SEQ_CST, #p)
#define atomic_thread_fence(order) PAWL_CHECK_FENCE_(order, "fence")
/* What the machine does not have shall not be used unseen. */
#define atomic_fetch_xor_explicit(p, v, order) pawl_check_has_no_fetch_xor
#define atomic_fetch_xor(p, v) pawl_check_has_no_fetch_xor
#define atomic_flag_test_and_set_explicit(p, order) pawl_check_has_no_atomic_flag_use_atomic_bool
#define atomic_flag_test_and_set(p) pawl_check_has_no_atomic_flag_use_atomic_bool
#endif

#endif
