/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl/queue.h - queues between threads: pawl_queue (Python's queue.Queue) and pawl_simple_queue (queue.SimpleQueue).
 *
 * Producer:   pawl_queue_put(&q, item, until)     0, or PAWL_FULL at the deadline, PAWL_SHUTDOWN, -ENOMEM: item still yours
 * Consumer:   pawl_queue_get(&q, &item, until)    0, or PAWL_EMPTY at the deadline, PAWL_SHUTDOWN: item untouched
 *             pawl_queue_task_done(&q)            once per item when it has been dealt with
 * Owner:      pawl_queue_init, pawl_queue_join (all items dealt with), pawl_queue_shutdown, pawl_queue_fini
 *
 * Items are 64-bit values and Pawl never looks into them; PAWL_QUEUE_OF below makes typed wrappers for pointers and any
 * type of at most 8 bytes. Zero bytes are a valid queue: an unbounded FIFO that allocates at its first put.
 *
 * | operation              | order        | progress                            | blocks     | allocates            | in signal handlers |
 * |------------------------|--------------|-------------------------------------|------------|----------------------|--------------------|
 * | put, unbounded FIFO    | linearizable | lock-free but for the allocation    | no         | a segment per 1024   | no                 |
 * | put, bounded FIFO      | linearizable | lock-free; waits only when full     | till until | until warm, or never | no                 |
 * | get, FIFO              | linearizable | lock-free; waits only when empty    | till until | no, may free         | no                 |
 * | put, get, LIFO         | linearizable | lock-free but for the allocation    | till until | until warm (3)       | no                 |
 * | put, get, PRIORITY     | linearizable | lock-free but for the allocation    | till until | until warm (3)       | no                 |
 * | the same, PAWL_LOCKED  | linearizable | who holds the lock stalls the rest  | till until | put, as it grows     | no                 |
 * | put, get, RELAXED      | nearly (4)   | who holds a heap stalls its items   | till until | put, as it grows     | no                 |
 * | put, get, PAWL_RING    | linearizable | a peer preempted midway stalls them | till until | no                   | no                 |
 * | put, get, custom order | the callers' | under a lock                        | till until | as the callers do    | no                 |
 * | simple_queue_put       | linearizable | lock-free but for the allocation    | no         | a segment per 1024   | its own twin       |
 * | peek                   | a hint       | as get                              | no         | as get               | no                 |
 * | task_done              |              | lock-free                           | no         | no                   | no                 |
 * | join                   |              | blocking                            | till until | no                   | no                 |
 * | shutdown               | linearizable | lock-free (1)                       | no         | no, may free         | no                 |
 * | was_size, stats ..     | a hint       | lock-free (2)                       | no         | no                   | no                 |
 * | set_maxsize, arm       | linearizable | lock-free (2), a system call        | no         | no                   | no                 |
 *
 * (1) Those with a lock take it; an immediate one takes the items out, which a peer midway in a PAWL_RING can stall.
 * (2) Those with a lock take it, but for set_maxsize; set_maxsize of a PAWL_RELAXED queue takes all its locks when that becomes
 *     bounded for the first time.
 * (3) Each thread's first call on such a queue makes what it keeps free nodes in. So get may answer -ENOMEM, too: see there.
 * (4) Linearizable but for the order: an item comes out once, and EMPTY, FULL and SHUTDOWN are exact. Because EMPTY is, a get
 *     that finds nothing while a preempted thread holds a heap answers only when that goes on, if later than `until`.
 *
 * Which order. PAWL_FIFO unless you need another. PAWL_LIFO keeps what was put last warm in the caches; under load the oldest
 * items wait without limit. PAWL_PRIORITY takes 64-bit signed keys, lowest first, and keeps equal keys in the order of their
 * puts. Its lock-free form is for those whose threads must not wait for a preempted one; PAWL_LOCKED puts and gets a quarter
 * more items of many, two thirds more of few, and fills three times as fast, until the thread that holds the lock is preempted:
 * then all others wait for its next time slice. Only PAWL_LOCKED can compare the items themselves (`less`). PAWL_RELAXED is
 * for many processors and gives up the strict order: a get passes by some items with lower keys, on average five to nine times
 * as many as it has heaps, more where low keys keep coming (figures in bench/RESULTS.md).
 *
 * "Lock-free": any thread may be frozen at any point for ever, and every operation of every other thread still ends within
 * a bounded number of its own steps unless yet others succeed meanwhile. A waiting call (a deadline other than PAWL_NOWAIT)
 * sleeps by definition; the promise is about the attempts. The get that empties a segment of an unbounded queue may give it
 * back to the allocator, whose progress is its own. Everything before a put happens before the return of the get
 * that receives its item; likewise task_done and the return of join.
 *
 * Bound. A put has two points: it reserves room, then publishes. PAWL_FULL is answered if and only if reservations reached
 * maxsize at some instant of the call; PAWL_EMPTY if and only if nothing was published at some instant of the call. For
 * the caller this differs from a queue under a lock only while a put is under way in another thread.
 *
 * Fork. The child may use every queue; items of puts that were under way in other threads may be missing, no call hangs. A fork
 * waits up to 100 ms for a queue's locks; a heap whose lock it does not get (a `less` that takes longer) is empty in the child,
 * and what was in it counts as done there. A descriptor of pawl_queue_fd stays the parent's: the child must not arm it. join
 * goes on counting what threads of the parent had in hand.
 *
 * Cancellation. No call is a cancellation point: pthread_cancel strikes before a call or after it. Neither cancellation nor
 * pthread_exit, a long jump or a C++ exception may end a custom order's function or `less`, whose lock would stay held, or a `drop`.
 *
 * Not for: several processes sharing one queue (see pawl/process.h when it comes); a single producer and a single consumer
 * that never sleep and count nanoseconds (use PAWL_SPSC, or a plain ring of your own).
 */
#ifndef PAWL_QUEUE_H
#define PAWL_QUEUE_H

#include <pawl/base.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum pawl_order {
  PAWL_FIFO = 0,     /* first in, first out */
  PAWL_LIFO = 1,     /* last in, first out (Python: LifoQueue) */
  PAWL_PRIORITY = 2, /* lowest key first, first in first out among equal keys (Python: PriorityQueue) */
  PAWL_RELAXED = 3,  /* nearly the lowest key, from one of several heaps: see `heaps` */
};

enum pawl_progress {
  PAWL_LOCK_FREE = 0, /* nobody stalls anybody; PAWL_RELAXED, whose heaps have locks, is not lock-free all the same */
  PAWL_RING = 1,      /* bounded FIFO only: faster, but a peer preempted inside put or get stalls the others meanwhile */
  PAWL_LOCKED = 2,    /* PAWL_PRIORITY only: a heap under a lock: faster, but whoever holds it stalls the others */
};

enum pawl_queue_flags {
  PAWL_UNTRACKED = 1, /* no task_done and join (they answer PAWL_STATE); saves put one atomic operation */
  PAWL_SPSC = 2,      /* a promise: never two puts at once, never two gets at once */
  PAWL_PREALLOC = 4,  /* bounded: all memory at init; a put may answer -ENOMEM while stalled threads hold segments */
};

/*
 * An order of your own (Python: overriding _init, _qsize, _put, _get). All functions are called with the queue's lock
 * held and must not use the queue. `put` and `get` return 0 or another code, which the caller of pawl_queue_put or
 * pawl_queue_get receives; a failed call must have changed nothing. PAWL_FULL of `put` and PAWL_EMPTY of `get` are as the
 * queue's own: the call sleeps till its deadline, and asks again when an item went or came. `get` is only called while
 * size(ctx) > 0.
 */
struct pawl_queue_ops {
  int (*put)(void *ctx, uint64_t item);
  int (*get)(void *ctx, uint64_t *item);
  size_t (*size)(void *ctx);
};

/* All fields may be zero. */
struct pawl_queue_options {
  int64_t maxsize;                        /* capacity, exactly; <= 0: unbounded */
  unsigned order;                         /* enum pawl_order */
  unsigned progress;                      /* enum pawl_progress */
  unsigned flags;                         /* enum pawl_queue_flags, or-ed */
  void (*drop)(void *ctx, uint64_t item); /* receives each item that shutdown or fini discards; outside any lock */
  void *drop_ctx;
  const struct pawl_queue_ops *custom; /* not NULL: an order of your own, under a lock; order, progress must be 0 */
  void *custom_ctx;
  /*
   * PAWL_PRIORITY with PAWL_LOCKED: not NULL: the order of the items themselves, a strict weak one; the queue then has no keys.
   * 1: a goes before b; 0: it does not; negative (so not a strcmp): the comparison failed. Called with the queue's lock held;
   * must not use the queue.
   */
  int (*less)(void *ctx, uint64_t a, uint64_t b);
  void *less_ctx;
  unsigned heaps; /* PAWL_RELAXED: how many, at most 1024; 0: four per processor. One is the strict order; more scale better */
};

/* Private to Pawl; here only so that the objects below have a size. Cells of different threads stand a line apart. */
struct pawl__fifo {
  void *tail;         /* segment that puts reserve in */
  uint64_t head_seen; /* puts' cached lower bound of the head ticket */
  uint64_t admitted;  /* tracked queues: items admitted so far */
  uint64_t base;      /* first ticket */
  uint64_t closing;   /* PAWL_SPSC: no put is admitted any more */
  char pad1_[128 - 5 * 8];
  void *head;         /* segment that gets claim in */
  uint64_t voided;    /* reservations taken back from stalled puts */
  uint64_t contested; /* PAWL_SPSC: gets decide by CAS */
  char pad2_[128 - 3 * 8];
  void *spare;     /* segments ready for use again, hottest first */
  void *retired;   /* segments that somebody may still be looking at */
  uint64_t spares; /* how many are in `spare`, about */
  uint64_t bytes;  /* memory of all segments */
};

/*
 * A queue. Caller-owned; all zero, or PAWL_QUEUE_INIT(maxsize), or pawl_queue_init. Must not move while in use. Fields
 * are private. 64-byte alignment is good for speed and not required.
 */
struct pawl_queue {
  int64_t maxsize_;
  uint32_t kind_;
  uint32_t flags_;
  uint32_t state_;
  uint32_t segment_;
  void (*drop_)(void *, uint64_t);
  void *drop_ctx_;
  const struct pawl_queue_ops *custom_;
  void *custom_ctx_;
  void *core_;
  struct pawl__park getters_;
  struct pawl__park putters_;
  struct pawl__park joiners_;
  uint32_t lock_;
  int32_t fd_;
  uint64_t custom_puts_;
  uint64_t custom_gets_;
  struct pawl_queue *next_;
  int64_t capacity_;
  struct pawl__fifo fifo_;
  char pad_[128 - 4 * 8];
  uint64_t done_;
  uint64_t fork_locked_;
  uint64_t reserve2_[6];
};

/* Static initialiser of a lock-free FIFO: struct pawl_queue q = PAWL_QUEUE_INIT(1024); allocates at the first put. */
/* clang-format off */
#if defined(__cplusplus)
/* Every field in full, because C++ compilers warn of missing ones. */
#define PAWL_QUEUE_INIT(maxsize)                                                                                               \
  {(maxsize), 0, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, 0, 0, 0, 0, 0, 0,                           \
   {0, 0, 0, 0, 0, {0}, 0, 0, 0, {0}, 0, 0, 0, 0}, {0}, 0, 0, {0}}
#else
#define PAWL_QUEUE_INIT(maxsize) {.maxsize_ = (maxsize)}
#endif
/* clang-format on */

/*
 * Makes a queue. `options` may be NULL: an unbounded, tracked, lock-free FIFO. Allocates for PAWL_RING, PAWL_PREALLOC and every
 * order but PAWL_FIFO. 0; -EINVAL for a NULL queue, an unknown order, progress or flag, PAWL_RING or PAWL_PREALLOC without a
 * bound; PAWL_RING, PAWL_SPSC or PAWL_PREALLOC with another order than PAWL_FIFO or one of your own; PAWL_LOCKED with another than
 * PAWL_PRIORITY; `less` without PAWL_LOCKED; more than 1024 heaps; -ENOMEM.
 */
PAWL_API PAWL_CHECK int pawl_queue_init(struct pawl_queue *queue, const struct pawl_queue_options *options);

/*
 * Ends a queue when every call on it has returned: drops the items left (see pawl_queue_options.drop), frees its memory
 * and leaves zero bytes, an empty queue again. -EBUSY, and nothing is changed, if threads are seen waiting in it; nothing is
 * changed either with -ENOMEM (this thread's record, see pawl_thread_attach) and -EINVAL for NULL.
 */
PAWL_API int pawl_queue_fini(struct pawl_queue *queue);

/* Heap twins of init and fini; `*out` is set on success only. pawl_queue_free(NULL) is 0. */
PAWL_API PAWL_CHECK int pawl_queue_new(struct pawl_queue **out, const struct pawl_queue_options *options);
PAWL_API int pawl_queue_free(struct pawl_queue *queue);

/*
 * Puts an item, waiting for room until the deadline.
 * 0: the queue has the item, one waiting get is woken. PAWL_FULL: no room until `until`; with room it never answers FULL,
 * however late the deadline. PAWL_SHUTDOWN: shut down, also when full. -ENOMEM: no memory for the item's place, or for this
 * thread's record (see pawl_thread_attach). -EINVAL: NULL. Or what a custom order's put said. On failure the item stays the
 * caller's. The one exception: PAWL_COMPARE, when `less` failed: the queue has the item, at a place that may be wrong, it
 * counts as a put, and one waiting get is woken. (A comparison that fails in a get only costs order among what stays.)
 */
PAWL_API PAWL_CHECK int pawl_queue_put(struct pawl_queue *queue, uint64_t item, pawl_time until);

/*
 * Takes the first item by the queue's order, waiting for one until the deadline.
 * 0: `*item` is set and one waiting put is woken. PAWL_EMPTY: nothing until `until`; an item that is there is delivered,
 * however late the deadline. PAWL_SHUTDOWN: shut down and nothing left. -ENOMEM, and the item stays: this thread's record could
 * not be allocated (see pawl_thread_attach), or for PAWL_LIFO and PAWL_PRIORITY what it keeps free nodes in at its first call on the
 * queue, or for PAWL_PRIORITY the copies that a get in a thread that puts little may need. -EINVAL: NULL. Or what a custom order's get said.
 */
PAWL_API PAWL_CHECK int pawl_queue_get(struct pawl_queue *queue, uint64_t *item, pawl_time until);

/*
 * The same with keys, for PAWL_PRIORITY and PAWL_RELAXED. There pawl_queue_put takes the item as its own key, a signed number,
 * and pawl_queue_get leaves the key away. `key` may be NULL in get. -EINVAL: a queue that has no keys (any other order, or
 * one with `less`).
 */
PAWL_API PAWL_CHECK int pawl_queue_put_key(struct pawl_queue *queue, int64_t key, uint64_t item, pawl_time until);
PAWL_API PAWL_CHECK int pawl_queue_get_key(struct pawl_queue *queue, int64_t *key, uint64_t *item, pawl_time until);

/*
 * The item that a get would take now, left where it is: a hint, for another thread may take it at once; a PAWL_RELAXED get may
 * also take another. `key` may be NULL. 0, PAWL_EMPTY, PAWL_SHUTDOWN (shut down and nothing left), -ENOMEM (as of
 * pawl_queue_get); -ENOTSUP: PAWL_RING, PAWL_SPSC, or a custom order; -EINVAL: NULL, or a `key` of a queue that has none.
 */
PAWL_API PAWL_CHECK int pawl_queue_peek(const struct pawl_queue *queue, int64_t *key, uint64_t *item);

/*
 * Puts items[0 .. n) in order, waiting for room as needed. `*done` (may be NULL) is set in every case to how many went in:
 * n with 0, fewer with a code as of pawl_queue_put (with PAWL_COMPARE the last of them); the rest stays the caller's. Other
 * threads' items may come in between.
 */
PAWL_API PAWL_CHECK int pawl_queue_put_many(struct pawl_queue *queue, const uint64_t *items, size_t n, size_t *done,
                                            pawl_time until);

/*
 * Waits like pawl_queue_get for a first item and takes with it what is there, up to n, in order; other threads may take items
 * in between. 0 with *done >= 1 (or n == 0), else a code as of pawl_queue_get with *done == 0. A code behind the first item
 * (-ENOMEM, or a custom order's) ends the call with 0, too, and what is there stays. `done` must not be NULL.
 */
PAWL_API PAWL_CHECK int pawl_queue_get_many(struct pawl_queue *queue, uint64_t *items, size_t n, size_t *done, pawl_time until);

/* The same with keys[0 .. n), as pawl_queue_put_key and pawl_queue_get_key. `keys` may be NULL in get_many_keys. */
PAWL_API PAWL_CHECK int pawl_queue_put_many_keys(struct pawl_queue *queue, const int64_t *keys, const uint64_t *items, size_t n,
                                                 size_t *done, pawl_time until);
PAWL_API PAWL_CHECK int pawl_queue_get_many_keys(struct pawl_queue *queue, int64_t *keys, uint64_t *items, size_t n,
                                                 size_t *done, pawl_time until);

/*
 * Says that one item has been dealt with; may come before the get, from any thread. The call that makes all items done
 * wakes every pawl_queue_join. 0; -ERANGE: more calls than items put, count unchanged; PAWL_STATE: queue is PAWL_UNTRACKED;
 * -EINVAL: NULL.
 * A put under way may be counted already, and one that fails until it returns: a call too many that coincides with it may
 * take that count and answer 0. The count is right again when the put has returned.
 */
PAWL_API int pawl_queue_task_done(struct pawl_queue *queue);

/*
 * Waits until every item put so far and meanwhile has been said to be done. 0 (at once on a queue never used),
 * PAWL_TIMEOUT, PAWL_STATE on a PAWL_UNTRACKED queue, -EINVAL. Any number of threads, any number of times. A put under way
 * in another thread may be counted until it returns, also if it fails: join may wait for it, and time out on its account.
 */
PAWL_API PAWL_CHECK int pawl_queue_join(struct pawl_queue *queue, pawl_time until);

/* Items put and not yet said to be done; 0 on a PAWL_UNTRACKED queue. An item counts from the admission of its put, just
 * before it is published; a put that fails may be counted until it returns. */
PAWL_API uint64_t pawl_queue_unfinished(const struct pawl_queue *queue);

/*
 * Admits no put any more and wakes everybody who waits in put or get. Items inside are still delivered; if `immediate`,
 * they are dropped instead and count as done, while join goes on waiting for those already taken. Idempotent; from drain
 * to immediate is allowed, back is a no-op. Items that a custom order's `get` refuses to give out meanwhile stay and are
 * still delivered. 0, or -ENOMEM (this thread's record, see pawl_thread_attach), or -EINVAL.
 */
PAWL_API int pawl_queue_shutdown(struct pawl_queue *queue, bool immediate);

/* Has it been shut down? Then no put that begins later succeeds, and gets answer PAWL_SHUTDOWN when it is dry. A shutdown that is
 * under way is helped to its end; a thread for whose record there is no memory cannot help, and says false meanwhile. */
PAWL_API bool pawl_queue_is_shutdown(const struct pawl_queue *queue);

/* Snapshots, stale as soon as they return. The size is never negative and never above the larger of maxsize and what a
 * shrink kept. was_full is false for an unbounded queue. Without memory for this thread's record: 0, true, false. */
PAWL_API size_t pawl_queue_was_size(const struct pawl_queue *queue);
PAWL_API bool pawl_queue_was_empty(const struct pawl_queue *queue);
PAWL_API bool pawl_queue_was_full(const struct pawl_queue *queue);

/*
 * The bound, and a new one while in use: shrinking below the size keeps the items, and puts see PAWL_FULL until there is
 * room by the new bound; raising wakes waiting puts. A LIFO put that is under way in another thread meanwhile may still go by
 * the bound before. <= 0 is unbounded. 0; -EINVAL: a PAWL_RING or PAWL_PREALLOC queue beyond the capacity of its init, or
 * unbounded; or NULL.
 */
PAWL_API int64_t pawl_queue_maxsize(const struct pawl_queue *queue);
PAWL_API PAWL_CHECK int pawl_queue_set_maxsize(struct pawl_queue *queue, int64_t maxsize);

/* Gives memory that is kept for reuse back to the allocator. Lock-free but for the allocator and those with a lock. PAWL_LIFO and
 * lock-free PAWL_PRIORITY queues give nothing back while other threads' calls are under way, and keep up to some hundred nodes for
 * each thread that has used them and lives. Returns bytes given back: 0 for PAWL_RING, PAWL_PREALLOC and custom orders,
 * which keep what they have. */
PAWL_API size_t pawl_queue_trim(struct pawl_queue *queue);

/* Counters since init, each a snapshot. */
struct pawl_queue_stats {
  uint64_t puts;       /* reservations that were not taken back */
  uint64_t gets;       /* items taken */
  uint64_t voided;     /* reservations taken back from stalled puts */
  uint64_t bytes;      /* memory held now, the struct itself apart */
  uint64_t put_sleeps; /* waits for room that came to sleep, modulo 2^32 */
  uint64_t get_sleeps; /* waits for an item that came to sleep, modulo 2^32 */
  uint64_t reserve[2];
};
PAWL_API void pawl_queue_stats(const struct pawl_queue *queue, struct pawl_queue_stats *out);

/*
 * A file descriptor (an eventfd) to poll for "get would not answer PAWL_EMPTY". Made at the first call and owned by the
 * queue. It is written only while armed, so that a queue that nobody polls pays nothing:
 *     while (pawl_queue_get(q, &item, PAWL_NOWAIT) == 0) handle(item);
 *     pawl_queue_arm(q);                 // readable at once if an item came in between
 *     epoll_wait(...);
 * >= 0: the descriptor; -EMFILE, -ENFILE, -ENOMEM: none could be made; -EINVAL.
 */
PAWL_API PAWL_CHECK int pawl_queue_fd(struct pawl_queue *queue);

/*
 * Clears the descriptor and arms it for one event: it becomes readable when an item or a shutdown is there, at once if
 * that is so already. One event may be for an item that another thread takes first. 0; PAWL_STATE before pawl_queue_fd;
 * -ENOMEM (this thread's record, see pawl_thread_attach); -EINVAL.
 */
PAWL_API PAWL_CHECK int pawl_queue_arm(struct pawl_queue *queue);

/*
 * A simple queue: an unbounded FIFO without tracking, whose put never waits and has a twin for signal handlers that may
 * interrupt any Pawl operation. Zero bytes are valid.
 */
struct pawl_simple_queue {
  struct pawl__fifo fifo_;
  char pad_[128 - 4 * 8];
  struct pawl__park getters_;
  uint32_t segment_;
  uint32_t reserve1_;
  void (*drop_)(void *, uint64_t);
  void *drop_ctx_;
  uint64_t reserve2_[4];
};

/* clang-format off */
#if defined(__cplusplus)
#define PAWL_SIMPLE_QUEUE_INIT {}
#else
#define PAWL_SIMPLE_QUEUE_INIT {.segment_ = 0}
#endif
/* clang-format on */

/* As for pawl_queue; `drop` (may be NULL) receives the items left at fini. init allocates nothing. */
PAWL_API PAWL_CHECK int pawl_simple_queue_init(struct pawl_simple_queue *queue, void (*drop)(void *ctx, uint64_t item),
                                               void *ctx);
PAWL_API int pawl_simple_queue_fini(struct pawl_simple_queue *queue);
PAWL_API PAWL_CHECK int pawl_simple_queue_new(struct pawl_simple_queue **out, void (*drop)(void *ctx, uint64_t item),
                                              void *ctx);
PAWL_API int pawl_simple_queue_free(struct pawl_simple_queue *queue);

/* Puts an item; never waits. 0; PAWL_SHUTDOWN after pawl_simple_queue_close; -ENOMEM; -EINVAL. On failure the item stays
 * the caller's. */
PAWL_API PAWL_CHECK int pawl_simple_queue_put(struct pawl_simple_queue *queue, uint64_t item);

/*
 * The same from a signal handler, at any point of whatever the thread was doing, Pawl's own operations included. The thread
 * must have called pawl_thread_attach. Uses only memory that is there already: -EAGAIN when none is left (on a queue never put
 * into there is none), when the thread is not attached, or when handlers nest deeper than two; PAWL_SHUTDOWN and -EINVAL as
 * above. On failure the item stays the caller's. Does not change errno.
 */
PAWL_API PAWL_CHECK int pawl_simple_queue_put_in_handler(struct pawl_simple_queue *queue, uint64_t item);

/* As pawl_queue_get. After the first call of a thread it allocates nothing. */
PAWL_API PAWL_CHECK int pawl_simple_queue_get(struct pawl_simple_queue *queue, uint64_t *item, pawl_time until);

/* Admits no put any more; what is inside is still delivered, then gets answer PAWL_SHUTDOWN, also those that
 * wait already. Idempotent. 0, or -ENOMEM (this thread's record, see pawl_thread_attach), or -EINVAL. */
PAWL_API int pawl_simple_queue_close(struct pawl_simple_queue *queue);

PAWL_API size_t pawl_simple_queue_was_size(const struct pawl_simple_queue *queue);
PAWL_API bool pawl_simple_queue_was_empty(const struct pawl_simple_queue *queue);

/*
 * Typed wrappers for a type of at most 8 bytes, by value:
 *     PAWL_QUEUE_OF(jobs, struct job *);
 * gives jobs_put(q, job, until) and jobs_get(q, &job, until) over a struct pawl_queue.
 */
#define PAWL_QUEUE_OF(name, type)                                                                                              \
  PAWL_INLINE int name##_put(struct pawl_queue *queue, type value, pawl_time until)                                            \
  {                                                                                                                            \
    uint64_t item = 0;                                                                                                         \
    memcpy(&item, &value, sizeof(char[sizeof(type) <= 8 ? (int)sizeof(type) : -1]));                                           \
    return pawl_queue_put(queue, item, until);                                                                                 \
  }                                                                                                                            \
  PAWL_INLINE int name##_get(struct pawl_queue *queue, type *value, pawl_time until)                                           \
  {                                                                                                                            \
    uint64_t item;                                                                                                             \
    int result = pawl_queue_get(queue, &item, until);                                                                          \
    if (result == 0)                                                                                                           \
      memcpy(value, &item, sizeof(type));                                                                                      \
    return result;                                                                                                             \
  }                                                                                                                            \
  struct pawl__semicolon /* takes the semicolon, also in a namespace */

/*
 * The same with keys:
 *     PAWL_PRIORITY_QUEUE_OF(alarms, struct alarm *);
 * gives alarms_put(q, key, alarm, until) and alarms_get(q, &key, &alarm, until), where &key may be NULL.
 */
#define PAWL_PRIORITY_QUEUE_OF(name, type)                                                                                     \
  PAWL_INLINE int name##_put(struct pawl_queue *queue, int64_t key, type value, pawl_time until)                               \
  {                                                                                                                            \
    uint64_t item = 0;                                                                                                         \
    memcpy(&item, &value, sizeof(char[sizeof(type) <= 8 ? (int)sizeof(type) : -1]));                                           \
    return pawl_queue_put_key(queue, key, item, until);                                                                        \
  }                                                                                                                            \
  PAWL_INLINE int name##_get(struct pawl_queue *queue, int64_t *key, type *value, pawl_time until)                             \
  {                                                                                                                            \
    uint64_t item;                                                                                                             \
    int result = pawl_queue_get_key(queue, key, &item, until);                                                                 \
    if (result == 0)                                                                                                           \
      memcpy(value, &item, sizeof(type));                                                                                      \
    return result;                                                                                                             \
  }                                                                                                                            \
  struct pawl__semicolon /* takes the semicolon, also in a namespace */

#ifdef __cplusplus
}
#endif

#endif
