/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_queue_api.c - the queues' public API in one thread, with hostile arguments, against an array.
 *
 * The input chooses a kind of queue and its options, right or wrong, then operations: each result and each output is
 * compared with what the array says. Allocations fail when the input says so, and what was allocated must be free at the
 * end. Deadlines are past, near or far; far ones only where the call can end. Concurrency is fuzz_schedule's.
 */
#include "input.h"

#include <errno.h>
#include <pawl.h>
#include <poll.h>
#include <string.h>

enum { ITEMS_MAX = 4096, BULK_MAX = 40, LIVE_MAX = 1 << 23 };

/* --- memory: counted, and failing on demand --- */

static size_t live;       /* bytes */
static unsigned fail_in;  /* the allocation after that many fails; 0: none does */
static unsigned failures; /* since the operation began */

static void *fuzz_alloc(void *ctx, size_t size, size_t align)
{
  (void)ctx;
  FUZZ_CHECK(align <= 128 && (align & (align - 1)) == 0);
  bool due = fail_in > 0 && --fail_in == 0;
  void *memory = due || size > LIVE_MAX - live ? NULL : aligned_alloc(align, (size + align - 1) / align * align);
  if (memory == NULL) {
    failures++;
    return NULL;
  }
  memset(memory, 0xA5, size);
  live += size;
  return memory;
}

static void fuzz_free(void *ctx, void *memory, size_t size, size_t align)
{
  (void)ctx;
  (void)align;
  FUZZ_CHECK(memory != NULL && live >= size);
  memset(memory, 0x5A, size);
  live -= size;
  free(memory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  static const struct pawl_allocator allocator = {fuzz_alloc, fuzz_free, NULL};
  (void)argc;
  (void)argv;
  FUZZ_CHECK(pawl_set_allocator(&allocator) == 0);
  FUZZ_CHECK(pawl_thread_attach() == 0);
  FUZZ_CHECK(pawl_set_allocator(&allocator) == PAWL_STATE);
  return 0;
}

/* --- the array --- */

enum { KIND_QUEUE, KIND_SIMPLE, KIND_CUSTOM };

struct world {
  int kind;
  struct pawl_queue *queue;
  struct pawl_simple_queue *simple;
  bool on_heap, tracked, closed;
  bool fixed;     /* its capacity is that of its init */
  bool drops;     /* discarded items are handed to drop() */
  unsigned order; /* of gets; a custom order is a stack */
  bool keyed, by_less, peeks;
  bool disorder; /* a comparison has failed: any item may be next */
  int64_t maxsize, capacity;
  struct entry {
    int64_t key;
    uint64_t item;
  } items[ITEMS_MAX]; /* [first .. last), PAWL_PRIORITY and PAWL_RELAXED: the lowest key first */
  size_t first, last;
  uint64_t puts, gets, finished;
  size_t dropping; /* items that the drop function may now receive; they lie at items[first] */
  int fd;
  bool armed, readable;
};

static struct world world;

static size_t size_now(void)
{
  return world.last - world.first;
}

static bool is_full(void)
{
  return world.kind != KIND_SIMPLE && world.maxsize > 0 && size_now() >= (uint64_t)world.maxsize;
}

static bool any_may_be_next(void)
{
  return world.order == PAWL_RELAXED || world.disorder;
}

static size_t next_index(void)
{
  return world.order == PAWL_LIFO ? world.last - 1 : world.first;
}

static void remove_at(size_t i)
{
  if (i == world.first)
    world.first++;
  else
    memmove(&world.items[i], &world.items[i + 1], (--world.last - i) * sizeof(world.items[0]));
}

/* Takes out what the queue has given: the next item, or any where any may be. `key` may be NULL. */
static void was_taken(uint64_t item, const int64_t *key)
{
  FUZZ_CHECK(size_now() > 0);
  size_t i = next_index();
  while (any_may_be_next() && i + 1 < world.last &&
         (world.items[i].item != item || (key != NULL && world.items[i].key != *key)))
    i++;
  FUZZ_CHECK(world.items[i].item == item && (key == NULL || world.items[i].key == *key));
  remove_at(i);
}

static void drop(void *ctx, uint64_t item)
{
  bool disorder = world.disorder;
  FUZZ_CHECK(ctx == &world && world.dropping > 0);
  world.dropping--;
  world.disorder |= world.kind == KIND_QUEUE && world.order != PAWL_FIFO; /* in no order */
  was_taken(item, NULL);
  world.disorder = disorder;
}

/* What drop() would have received. */
static void drop_unseen(void)
{
  world.first += world.dropping;
  world.dropping = 0;
}

/* A custom order: a stack, whose functions fail when the input says so. */
static uint64_t stack[ITEMS_MAX];
static size_t stack_size;
static int stack_fails; /* the code of the next call, once */

static int stack_failure(void)
{
  int code = stack_fails;
  stack_fails = 0;
  return code;
}

static int stack_put(void *ctx, uint64_t item)
{
  int code = stack_failure();
  FUZZ_CHECK(ctx == stack);
  if (code == 0)
    stack[stack_size++] = item;
  return code;
}

static int stack_get(void *ctx, uint64_t *item)
{
  int code = stack_failure();
  FUZZ_CHECK(ctx == stack && stack_size > 0);
  *item = code == 0 ? stack[--stack_size] : 0xBAD;
  return code;
}

static size_t stack_was_size(void *ctx)
{
  FUZZ_CHECK(ctx == stack);
  return stack_size;
}

/* The caller's comparison looks at the lowest byte, and fails once when the input says so. */
static int less_fails, less_failed;

static int by_lowest_byte(void *ctx, uint64_t a, uint64_t b)
{
  int code = less_fails;
  FUZZ_CHECK(ctx == &less_fails);
  less_fails = 0;
  less_failed |= code;
  return code != 0 ? code : (a & 255) < (b & 255);
}

/* --- what a put and a get must answer --- */

static int expected_put(void)
{
  return world.closed ? PAWL_SHUTDOWN : is_full() ? PAWL_FULL : 0;
}

static void was_put_with(int64_t key, uint64_t item)
{
  size_t at = world.last++;
  if (world.by_less)
    key = item & 255;
  for (; world.order >= PAWL_PRIORITY && at > world.first && world.items[at - 1].key > key; at--)
    world.items[at] = world.items[at - 1];
  world.items[at] = (struct entry){key, item};
  world.puts++;
}

static void was_put(uint64_t item)
{
  was_put_with((int64_t)item, item);
}

/* A comparison that failed makes a put say so, and the heap lose its order. */
static int unless_less_failed(int expected)
{
  bool failed = less_failed != 0;
  less_failed = 0;
  world.disorder |= failed;
  return failed && expected == 0 ? PAWL_COMPARE : expected;
}

/* After whatever may have made the queue readable. */
static void was_signalled(void)
{
  if (world.armed && (size_now() > 0 || world.closed)) {
    world.armed = false;
    world.readable = true;
  }
}

static int expected_get(void)
{
  return size_now() > 0 ? 0 : world.closed ? PAWL_SHUTDOWN : PAWL_EMPTY;
}

static void was_got(uint64_t item, const int64_t *key)
{
  was_taken(item, key);
  world.gets++;
}

/* A deadline: past, very near, or never where the call ends without. */
static pawl_time some_deadline(struct input *in, bool ends)
{
  switch (input_byte(in) % 8) {
  case 0:
    return ends ? PAWL_FOREVER : PAWL_NOWAIT;
  case 1:
    return INT64_MIN;
  case 2:
    return -1;
  case 3:
    return 1;
  case 4:
    FUZZ_CHECK(pawl_after(INT64_MAX) == PAWL_FOREVER && pawl_after(INT64_MIN) < pawl_now());
    return ends ? pawl_after(INT64_MAX) : pawl_after(-PAWL_S(5));
  case 5:
    return pawl_after(input_byte(in) * (int64_t)100);
  default:
    return PAWL_NOWAIT;
  }
}

/* --- operations --- */

static int call_put(uint64_t item, pawl_time until)
{
  if (world.kind == KIND_SIMPLE)
    return pawl_simple_queue_put(world.simple, item);
  return pawl_queue_put(world.queue, item, until);
}

static void op_put(struct input *in)
{
  uint64_t item = input_number(in, 8);
  int expected = expected_put();
  if (world.last == ITEMS_MAX)
    return;
  int code = world.kind == KIND_CUSTOM && expected == 0 ? stack_fails : 0;
  int result = call_put(item, some_deadline(in, expected != PAWL_FULL));
  expected = unless_less_failed(expected);
  FUZZ_CHECK(result == (code != 0 ? code : expected) || (result == -ENOMEM && failures > 0));
  if (result == 0 || result == PAWL_COMPARE)
    was_put(item);
  was_signalled();
}

static void op_put_key(struct input *in)
{
  uint64_t item = input_number(in, 8);
  int64_t key = (int64_t)input_number(in, 1) - 128;
  int expected = world.keyed ? expected_put() : -EINVAL;
  if (world.kind == KIND_SIMPLE || world.last == ITEMS_MAX)
    return;
  int result = pawl_queue_put_key(world.queue, key, item, some_deadline(in, expected != PAWL_FULL));
  FUZZ_CHECK(result == expected || (result == -ENOMEM && failures > 0));
  if (result == 0)
    was_put_with(key, item);
  was_signalled();
}

enum { UNTOUCHED = 0x12345678 };

static void op_get(struct input *in)
{
  uint64_t item = UNTOUCHED;
  int expected = expected_get();
  pawl_time until = some_deadline(in, expected != PAWL_EMPTY);
  int code = world.kind == KIND_CUSTOM && expected == 0 ? stack_fails : 0;
  int result =
      world.kind == KIND_SIMPLE ? pawl_simple_queue_get(world.simple, &item, until) : pawl_queue_get(world.queue, &item, until);
  FUZZ_CHECK(result == (code != 0 ? code : expected) || (result == -ENOMEM && failures > 0));
  if (result == 0)
    was_got(item, NULL);
  else
    FUZZ_CHECK(item == UNTOUCHED); /* also when a custom order's get fails */
  (void)unless_less_failed(0);
}

static void op_get_key(struct input *in)
{
  uint64_t item = UNTOUCHED;
  int64_t key = UNTOUCHED;
  bool wants_key = input_byte(in) % 4 != 0;
  int expected = world.keyed ? expected_get() : -EINVAL;
  if (world.kind == KIND_SIMPLE)
    return;
  int result = pawl_queue_get_key(world.queue, wants_key ? &key : NULL, &item, some_deadline(in, expected != PAWL_EMPTY));
  FUZZ_CHECK(result == expected || (result == -ENOMEM && failures > 0));
  if (result == 0)
    was_got(item, wants_key ? &key : NULL);
  else
    FUZZ_CHECK(item == UNTOUCHED && key == UNTOUCHED);
}

static void op_peek(bool wants_key)
{
  uint64_t item = UNTOUCHED;
  int64_t key = UNTOUCHED;
  if (world.kind == KIND_SIMPLE)
    return;
  int result = pawl_queue_peek(world.queue, wants_key ? &key : NULL, &item);
  int expected = wants_key && !world.keyed ? -EINVAL : !world.peeks ? -ENOTSUP : expected_get();
  FUZZ_CHECK(result == expected || (result == -ENOMEM && failures > 0));
  if (result != 0) {
    FUZZ_CHECK(item == UNTOUCHED && key == UNTOUCHED);
  } else if (!any_may_be_next()) {
    const struct entry *next = &world.items[next_index()];
    FUZZ_CHECK(item == next->item && (!wants_key || key == next->key));
  }
}

static void op_put_many(struct input *in)
{
  uint64_t items[BULK_MAX];
  size_t n = input_byte(in) % (BULK_MAX + 1), done = 99, room = n;
  if (world.kind != KIND_QUEUE || world.last + n > ITEMS_MAX)
    return;
  for (size_t i = 0; i < n; i++)
    items[i] = input_number(in, 2) << 40 | i;
  if (world.maxsize > 0)
    room = is_full() ? 0 : (size_t)world.maxsize - size_now();
  if (world.closed)
    room = 0;
  size_t fits = n < room ? n : room;
  bool wants_done = input_byte(in) % 4 != 0;
  int result = pawl_queue_put_many(world.queue, n == 0 ? NULL : items, n, wants_done ? &done : NULL,
                                   some_deadline(in, fits == n || world.closed));
  bool compared = unless_less_failed(0) == PAWL_COMPARE;
  FUZZ_CHECK(compared == (result == PAWL_COMPARE));
  if ((result == -ENOMEM && failures > 0) || compared) {
    if (!wants_done) /* ask the queue how many went in */
      done = pawl_queue_was_size(world.queue) - size_now();
    FUZZ_CHECK(done <= fits); /* the item of a comparison that failed has gone in */
    fits = done;
  } else {
    FUZZ_CHECK(result == (fits == n ? 0 : world.closed ? PAWL_SHUTDOWN : PAWL_FULL));
    FUZZ_CHECK(!wants_done || done == fits);
  }
  for (size_t i = 0; i < fits; i++)
    was_put(items[i]);
  was_signalled();
}

static void op_get_many(struct input *in)
{
  uint64_t items[BULK_MAX];
  size_t n = input_byte(in) % (BULK_MAX + 1), done = 99, there = n < size_now() ? n : size_now();
  if (world.kind != KIND_QUEUE)
    return;
  memset(items, 0x77, sizeof(items));
  int expected = n == 0 ? 0 : expected_get();
  int result = pawl_queue_get_many(world.queue, n == 0 ? NULL : items, n, &done, some_deadline(in, expected != PAWL_EMPTY));
  if (result == -ENOMEM && failures > 0)
    return;
  FUZZ_CHECK(result == expected && done == there);
  for (size_t i = 0; i < BULK_MAX; i++) {
    if (i < there)
      was_got(items[i], NULL);
    else
      FUZZ_CHECK(items[i] == 0x7777777777777777);
    (void)unless_less_failed(0); /* of this get or a later one; the first was in order all the same */
  }
}

static void op_task_done(void)
{
  if (world.kind == KIND_SIMPLE)
    return;
  int result = pawl_queue_task_done(world.queue);
  FUZZ_CHECK(result == (!world.tracked ? PAWL_STATE : world.finished < world.puts ? 0 : -ERANGE));
  world.finished += result == 0;
}

static void op_join(struct input *in)
{
  if (world.kind == KIND_SIMPLE)
    return;
  bool ends = !world.tracked || world.finished == world.puts;
  int result = pawl_queue_join(world.queue, some_deadline(in, ends));
  FUZZ_CHECK(result == (!world.tracked ? PAWL_STATE : ends ? 0 : PAWL_TIMEOUT));
}

static void op_set_maxsize(struct input *in)
{
  uint8_t how = input_byte(in);
  int64_t maxsize = how % 4 == 0 ? (int64_t)input_number(in, 8) : (int64_t)(how % 16) - 2;
  if (world.kind == KIND_SIMPLE)
    return;
  int result = pawl_queue_set_maxsize(world.queue, maxsize);
  bool refused = world.fixed && (maxsize <= 0 || maxsize > world.capacity);
  FUZZ_CHECK(result == (refused ? -EINVAL : 0));
  if (!refused)
    world.maxsize = maxsize;
}

static void op_shutdown(bool immediate)
{
  size_t there = size_now();
  int result;
  if (world.kind == KIND_SIMPLE) {
    result = pawl_simple_queue_close(world.simple);
  } else {
    if (immediate)
      stack_fails = less_fails = 0;
    world.dropping = immediate ? there : 0;
    result = pawl_queue_shutdown(world.queue, immediate);
    if (result == -ENOMEM && failures > 0 && !pawl_queue_is_shutdown(world.queue)) { /* nothing has changed */
      world.dropping = 0;
      return;
    }
    if (!world.drops)
      drop_unseen();
    FUZZ_CHECK(world.dropping == 0 || result == -ENOMEM);
  }
  FUZZ_CHECK(result == 0 || (result == -ENOMEM && failures > 0));
  if (immediate && world.kind != KIND_SIMPLE && world.dropping == 0) {
    FUZZ_CHECK(size_now() == 0);
    world.gets += there;
    world.finished = world.finished + there < world.puts ? world.finished + there : world.puts;
  }
  world.closed = true;
  was_signalled();
}

static void op_look(void)
{
  if (world.kind == KIND_SIMPLE) {
    FUZZ_CHECK(pawl_simple_queue_was_size(world.simple) == size_now());
    FUZZ_CHECK(pawl_simple_queue_was_empty(world.simple) == (size_now() == 0));
    return;
  }
  struct pawl_queue_stats stats;
  FUZZ_CHECK(pawl_queue_was_size(world.queue) == size_now());
  FUZZ_CHECK(pawl_queue_was_empty(world.queue) == (size_now() == 0));
  FUZZ_CHECK(pawl_queue_was_full(world.queue) == is_full());
  FUZZ_CHECK(pawl_queue_is_shutdown(world.queue) == world.closed);
  FUZZ_CHECK(pawl_queue_maxsize(world.queue) == world.maxsize);
  FUZZ_CHECK(pawl_queue_unfinished(world.queue) == (world.tracked ? world.puts - world.finished : 0));
  pawl_queue_stats(world.queue, &stats);
  if (world.kind == KIND_QUEUE && failures == 0) {
    FUZZ_CHECK(stats.puts == world.puts && stats.gets == world.gets && stats.voided == 0);
    FUZZ_CHECK(stats.bytes <= live);
  }
}

static void op_trim(void)
{
  if (world.kind == KIND_SIMPLE)
    return;
  size_t before = live, given = pawl_queue_trim(world.queue);
  FUZZ_CHECK(given == (before > live ? before - live : 0)); /* the first call of a thread may take something for itself */
}

static bool is_readable(void)
{
  struct pollfd poller = {.fd = world.fd, .events = POLLIN};
  return poll(&poller, 1, 0) == 1;
}

static void op_fd(bool arm)
{
  if (world.kind == KIND_SIMPLE)
    return;
  if (world.fd < 0 && arm) {
    FUZZ_CHECK(pawl_queue_arm(world.queue) == PAWL_STATE);
    return;
  }
  int fd = pawl_queue_fd(world.queue);
  FUZZ_CHECK(fd >= 0 && (world.fd < 0 || fd == world.fd));
  world.fd = fd;
  FUZZ_CHECK(is_readable() == world.readable);
  if (arm && pawl_queue_arm(world.queue) == 0) {
    world.armed = true;
    world.readable = false;
    was_signalled();
    FUZZ_CHECK(is_readable() == world.readable);
  }
}

static void op_null(struct input *in)
{
  uint64_t item = 7;
  size_t done = 7;
  FUZZ_CHECK(pawl_queue_put(NULL, 1, PAWL_FOREVER) == -EINVAL);
  FUZZ_CHECK(pawl_queue_get(NULL, &item, PAWL_FOREVER) == -EINVAL);
  FUZZ_CHECK(pawl_queue_put_many(NULL, &item, 1, &done, PAWL_FOREVER) == -EINVAL && done == 0);
  done = 7;
  FUZZ_CHECK(pawl_queue_get_many(NULL, &item, 1, &done, PAWL_FOREVER) == -EINVAL);
  FUZZ_CHECK(pawl_queue_task_done(NULL) == -EINVAL && pawl_queue_join(NULL, PAWL_FOREVER) == -EINVAL);
  FUZZ_CHECK(pawl_queue_shutdown(NULL, true) == -EINVAL && pawl_queue_set_maxsize(NULL, 1) == -EINVAL);
  FUZZ_CHECK(pawl_queue_fd(NULL) == -EINVAL && pawl_queue_arm(NULL) == -EINVAL);
  FUZZ_CHECK(pawl_queue_init(NULL, NULL) == -EINVAL && pawl_queue_fini(NULL) == -EINVAL);
  FUZZ_CHECK(pawl_queue_new(NULL, NULL) == -EINVAL && pawl_queue_free(NULL) == 0);
  FUZZ_CHECK(pawl_simple_queue_put(NULL, 1) == -EINVAL && pawl_simple_queue_get(NULL, &item, PAWL_FOREVER) == -EINVAL);
  FUZZ_CHECK(pawl_simple_queue_close(NULL) == -EINVAL && pawl_simple_queue_put_in_handler(NULL, 1) == -EINVAL);
  if (world.kind == KIND_SIMPLE) {
    FUZZ_CHECK(pawl_simple_queue_get(world.simple, NULL, PAWL_FOREVER) == -EINVAL);
  } else {
    FUZZ_CHECK(pawl_queue_get(world.queue, NULL, PAWL_FOREVER) == -EINVAL);
    FUZZ_CHECK(pawl_queue_get_many(world.queue, &item, 1, NULL, PAWL_FOREVER) == -EINVAL);
    FUZZ_CHECK(pawl_queue_put_many(world.queue, NULL, 1 + input_byte(in), &done, PAWL_FOREVER) == -EINVAL && done == 0);
  }
  FUZZ_CHECK(item == 7);
  FUZZ_CHECK(pawl_strerror((int)input_number(in, 4)) != NULL);
}

static void op_put_in_handler(struct input *in)
{
  uint64_t item = input_number(in, 8);
  if (world.kind != KIND_SIMPLE || world.last == ITEMS_MAX)
    return;
  errno = 77;
  int result = pawl_simple_queue_put_in_handler(world.simple, item);
  FUZZ_CHECK(errno == 77 && (result == expected_put() || result == -EAGAIN));
  if (result == 0)
    was_put(item);
}

/* --- beginning and end --- */

static bool is_valid(const struct pawl_queue_options *o)
{
  if (o->order > PAWL_RELAXED || o->progress > PAWL_LOCKED || (o->flags & ~7u) != 0 || o->heaps > 1024)
    return false;
  if (o->order != PAWL_FIFO && (o->progress == PAWL_RING || (o->flags & (PAWL_SPSC | PAWL_PREALLOC)) != 0))
    return false;
  if ((o->progress == PAWL_LOCKED && o->order != PAWL_PRIORITY) || (o->less != NULL && o->progress != PAWL_LOCKED))
    return false;
  if (o->maxsize <= 0 && (o->progress == PAWL_RING || (o->flags & PAWL_PREALLOC) != 0))
    return false;
  return o->custom == NULL ||
         (o->progress == 0 && o->order == 0 && (o->flags & (PAWL_SPSC | PAWL_PREALLOC)) == 0 && o->custom->size != NULL);
}

static int64_t some_maxsize(struct input *in)
{
  static const int64_t hostile[] = {INT64_MIN, -1, 0, INT64_MAX, INT64_MAX / 16, (int64_t)1 << 40, 1 << 16, 65537};
  uint8_t byte = input_byte(in);
  return byte >= 248 ? hostile[byte - 248] : byte % 24;
}

/* Another order than FIFO, mostly with options that go with it. */
static void choose_order(struct input *in, unsigned order, struct pawl_queue_options *options)
{
  uint8_t how = input_byte(in);
  options->order = order;
  if (how >= 240)
    return;
  options->flags &= PAWL_UNTRACKED;
  options->progress = order == PAWL_PRIORITY && how % 2 != 0 ? PAWL_LOCKED : PAWL_LOCK_FREE;
  if (options->progress == PAWL_LOCKED && how % 4 == 3) {
    options->less = by_lowest_byte;
    options->less_ctx = &less_fails;
  }
  if (order == PAWL_RELAXED)
    options->heaps = how % 16 == 0 ? 1025 : how % 16;
}

static bool begin(struct input *in)
{
  static struct pawl_queue queue;
  static struct pawl_simple_queue simple;
  static const struct pawl_queue_ops ops = {stack_put, stack_get, stack_was_size}, broken = {stack_put, stack_get, NULL};
  struct pawl_queue_options options = {.drop = drop, .drop_ctx = &world};
  uint8_t how = input_byte(in);
  world.kind = how % 8 == 0 ? KIND_SIMPLE : how % 8 == 1 ? KIND_CUSTOM : KIND_QUEUE;
  world.on_heap = (how & 16) != 0;
  if (world.kind == KIND_SIMPLE) {
    world.simple = &simple;
    int result =
        world.on_heap ? pawl_simple_queue_new(&world.simple, drop, &world) : pawl_simple_queue_init(&simple, drop, &world);
    FUZZ_CHECK(result == 0 || (result == -ENOMEM && failures > 0));
    return result == 0;
  }
  options.maxsize = some_maxsize(in);
  uint8_t flags = input_byte(in);
  options.progress = (flags & 192) == 192 ? flags & 7 : (flags & 64) != 0;
  options.flags = (flags & 56) == 56 ? flags & 15 : flags & 7;
  if (how >= 250)
    options.order = how - 249u;
  else if (world.kind == KIND_QUEUE && how >= 128)
    choose_order(in, how >= 224 ? PAWL_PRIORITY : how / 32 - 3u, &options);
  options.custom = world.kind != KIND_CUSTOM ? NULL : how == 249 ? &broken : &ops;
  options.custom_ctx = stack;
  world.queue = &queue;
  if (how % 8 == 7 && !world.on_heap) { /* what zero bytes and the static initialiser make */
    queue = (struct pawl_queue)PAWL_QUEUE_INIT(options.maxsize);
    world.maxsize = options.maxsize;
    world.tracked = world.peeks = true;
    world.drops = false;
    return true;
  }
  int result = world.on_heap ? pawl_queue_new(&world.queue, &options) : pawl_queue_init(&queue, &options);
  bool too_much = failures > 0 || options.maxsize > LIVE_MAX; /* some sizes are refused without asking for memory */
  FUZZ_CHECK(result == (is_valid(&options) ? 0 : -EINVAL) || (result == -ENOMEM && too_much));
  world.fixed = options.progress == PAWL_RING || (options.flags & PAWL_PREALLOC) != 0;
  world.maxsize = world.capacity = options.maxsize;
  world.tracked = (options.flags & PAWL_UNTRACKED) == 0;
  world.by_less = options.less != NULL;
  world.order = world.kind == KIND_CUSTOM ? PAWL_LIFO : options.order;
  world.keyed = options.order >= PAWL_PRIORITY && !world.by_less;
  world.peeks = world.kind != KIND_CUSTOM && options.progress != PAWL_RING && (options.flags & PAWL_SPSC) == 0;
  return result == 0;
}

static void end(void)
{
  fail_in = 0;
  stack_fails = less_fails = 0;
  world.dropping = size_now();
  int result;
  if (world.kind == KIND_SIMPLE)
    result = world.on_heap ? pawl_simple_queue_free(world.simple) : pawl_simple_queue_fini(world.simple);
  else
    result = world.on_heap ? pawl_queue_free(world.queue) : pawl_queue_fini(world.queue);
  if (!world.drops)
    drop_unseen();
  FUZZ_CHECK(result == 0 && world.dropping == 0 && size_now() == 0);
  if (world.kind == KIND_QUEUE && !world.on_heap) { /* zero bytes again: an unbounded queue */
    uint64_t item = 0;
    FUZZ_CHECK(pawl_queue_put(world.queue, 5, PAWL_NOWAIT) == 0 && pawl_queue_maxsize(world.queue) == 0);
    FUZZ_CHECK(pawl_queue_get(world.queue, &item, PAWL_FOREVER) == 0 && item == 5);
    FUZZ_CHECK(pawl_queue_fini(world.queue) == 0);
  }
}

static void operate(struct input *in)
{
  uint8_t op = input_byte(in);
  failures = 0;
  switch (op % 16) {
  case 0:
  case 1:
  case 2:
    if (op < 192)
      op_put(in);
    else
      op_put_key(in);
    break;
  case 3:
  case 4:
    if (op < 192)
      op_get(in);
    else
      op_get_key(in);
    break;
  case 5:
    op_put_many(in);
    break;
  case 6:
    op_get_many(in);
    break;
  case 7:
    op_task_done();
    break;
  case 8:
    op_join(in);
    break;
  case 9:
    op_set_maxsize(in);
    break;
  case 10:
    if (op >= 192)
      op_shutdown(op % 32 == 10);
    break;
  case 11:
    op_peek(op >= 128);
    break;
  case 12:
    op_trim();
    break;
  case 13:
    op_fd(op >= 128);
    break;
  case 14:
    if (op >= 128)
      op_put_in_handler(in);
    else
      op_null(in);
    break;
  default:
    if (world.kind == KIND_CUSTOM)
      stack_fails = -1 - op / 16;
    else if (world.by_less && op >= 128)
      less_fails = -1 - op / 16;
    else
      fail_in = 1 + op / 16;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input in = {data, size};
  memset(&world, 0, sizeof(world));
  world.fd = -1;
  world.drops = true;
  stack_size = 0;
  stack_fails = less_fails = less_failed = 0;
  failures = 0;
  size_t before = live;
  uint8_t failing = input_byte(&in);
  fail_in = failing >= 224 ? failing - 223u : 0;
  if (begin(&in)) {
    fail_in = 0;
    while (in.left > 0) {
      operate(&in);
      op_look();
    }
    end();
  }
  fail_in = 0;
  FUZZ_CHECK(live == before);
  return 0;
}
