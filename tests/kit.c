/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kit.c - the parts of kit.h. The allocator hook keeps a header in front of each block and checks that size and alignment
 * come back as they went out; a freed block is poisoned, so that reading it shows.
 */
#include "kit.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

void kit_pause(void)
{
  nanosleep(&(struct timespec){0, 100000}, NULL);
}

/* --- calls --- */

static void call_main(void *arg)
{
  struct call *call = arg;
  call->phase = 1;
  call->result = call->run(call);
  call->phase = 2;
}

void call_begin(struct call *call, int (*run)(struct call *), void *object, uint64_t item, pawl_time until)
{
  call->run = run;
  call->object = object;
  call->item = item;
  call->until = until;
  call->result = 1;
  call->phase = 0;
  test_start(&call->thread, "call", call_main, call);
}

void call_wait_asleep(struct call *call)
{
  EVENTUALLY(call->phase != 0);
  test_until_asleep(&call->thread);
  CHECK_EQ(call->phase, 1);
}

void calls_asleep(struct call *calls, int n, int (*run)(struct call *), void *object, uint64_t item)
{
  for (int i = 0; i < n; i++)
    call_begin(&calls[i], run, object, item, PAWL_FOREVER);
  for (int i = 0; i < n; i++)
    call_wait_asleep(&calls[i]);
}

bool call_has_returned(struct call *call)
{
  return call->phase == 2;
}

int call_end(struct call *call)
{
  test_join(&call->thread);
  return call->result;
}

static void give_way(int signal)
{
  (void)signal;
  sched_yield();
}

void disturb(const struct test_thread *threads, int n, _Atomic int *working)
{
  struct sigaction action = {.sa_handler = give_way, .sa_flags = SA_RESTART};
  CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
  while (*working > 0) {
    for (int i = 0; i < n; i++)
      CHECK_EQ(pthread_kill(threads[i].pthread, SIGUSR1), 0);
    kit_pause();
  }
}

int run_put(struct call *call)
{
  return pawl_queue_put(call->object, call->item, call->until);
}

int run_get(struct call *call)
{
  return pawl_queue_get(call->object, &call->item, call->until);
}

int run_join(struct call *call)
{
  return pawl_queue_join(call->object, call->until);
}

int run_task_done(struct call *call)
{
  return pawl_queue_task_done(call->object);
}

/* --- kinds --- */

/* Traits that go together. */
enum {
  USUAL = KIND_TRACKED | KIND_MANY | KIND_DROPS,
  FIFO = KIND_FIFO | KIND_STRICT | KIND_IN_TURN,
  SEGMENTS = FIFO | KIND_LOCK_FREE | KIND_SEGMENTS | KIND_PEEK,
  LIFO = KIND_LIFO | KIND_STRICT | KIND_LOCK_FREE | KIND_NODES | KIND_PEEK,
  PRIORITY = KIND_KEYS | KIND_STRICT | KIND_IN_TURN | KIND_PEEK,
  HEAP = PRIORITY | KIND_LOCK_FREE | KIND_NODES,
  BY_LESS = KIND_BY_LESS | KIND_STRICT | KIND_PEEK,
  RELAXED = KIND_KEYS | KIND_PEEK,
};

static const struct kind kinds[] = {
    {.name = "unbounded", .traits = KIND_UNBOUNDED | USUAL | SEGMENTS},
    {.name = "unbounded, zero bytes", .traits = KIND_UNBOUNDED | KIND_TRACKED | KIND_MANY | KIND_STATIC | SEGMENTS},
    {.name = "unbounded, untracked", .traits = KIND_UNBOUNDED | KIND_MANY | KIND_DROPS | SEGMENTS, .flags = PAWL_UNTRACKED},
    {.name = "unbounded, spsc",
     .traits = KIND_UNBOUNDED | KIND_TRACKED | KIND_DROPS | (SEGMENTS & ~KIND_PEEK),
     .flags = PAWL_SPSC},
    {.name = "bounded", .traits = KIND_BOUNDED | USUAL | SEGMENTS},
    {.name = "bounded, static", .traits = KIND_BOUNDED | KIND_TRACKED | KIND_MANY | KIND_STATIC | SEGMENTS},
    {.name = "bounded, untracked", .traits = KIND_BOUNDED | KIND_MANY | KIND_DROPS | SEGMENTS, .flags = PAWL_UNTRACKED},
    {.name = "bounded, preallocated", .traits = KIND_BOUNDED | USUAL | SEGMENTS | KIND_PREALLOC, .flags = PAWL_PREALLOC},
    {.name = "bounded, spsc", .traits = KIND_BOUNDED | KIND_TRACKED | KIND_DROPS | (SEGMENTS & ~KIND_PEEK), .flags = PAWL_SPSC},
    {.name = "ring", .traits = KIND_BOUNDED | USUAL | FIFO | KIND_RING, .progress = PAWL_RING},
    {.name = "ring, untracked",
     .traits = KIND_BOUNDED | KIND_MANY | KIND_DROPS | FIFO | KIND_RING,
     .progress = PAWL_RING,
     .flags = PAWL_UNTRACKED},
    {.name = "ring, spsc",
     .traits = KIND_BOUNDED | KIND_TRACKED | KIND_DROPS | FIFO | KIND_RING,
     .progress = PAWL_RING,
     .flags = PAWL_SPSC},
    {.name = "ring, preallocated",
     .traits = KIND_BOUNDED | USUAL | FIFO | KIND_RING | KIND_PREALLOC,
     .progress = PAWL_RING,
     .flags = PAWL_PREALLOC},
    {.name = "custom, unbounded", .traits = KIND_UNBOUNDED | USUAL | FIFO | KIND_CUSTOM},
    {.name = "custom, bounded", .traits = KIND_BOUNDED | USUAL | FIFO | KIND_CUSTOM},
    {.name = "lifo", .traits = KIND_UNBOUNDED | USUAL | LIFO, .order = PAWL_LIFO},
    {.name = "lifo, bounded", .traits = KIND_BOUNDED | USUAL | LIFO, .order = PAWL_LIFO},
    {.name = "lifo, untracked",
     .traits = KIND_UNBOUNDED | KIND_MANY | KIND_DROPS | LIFO,
     .order = PAWL_LIFO,
     .flags = PAWL_UNTRACKED},
    {.name = "priority", .traits = KIND_UNBOUNDED | USUAL | HEAP, .order = PAWL_PRIORITY},
    {.name = "priority, bounded", .traits = KIND_BOUNDED | USUAL | HEAP, .order = PAWL_PRIORITY},
    {.name = "priority, untracked",
     .traits = KIND_BOUNDED | KIND_MANY | KIND_DROPS | HEAP,
     .order = PAWL_PRIORITY,
     .flags = PAWL_UNTRACKED},
    {.name = "priority, locked", .traits = KIND_UNBOUNDED | USUAL | PRIORITY, .order = PAWL_PRIORITY, .progress = PAWL_LOCKED},
    {.name = "priority, locked, bounded",
     .traits = KIND_BOUNDED | USUAL | PRIORITY,
     .order = PAWL_PRIORITY,
     .progress = PAWL_LOCKED},
    {.name = "priority, locked, by less",
     .traits = KIND_BOUNDED | USUAL | BY_LESS,
     .order = PAWL_PRIORITY,
     .progress = PAWL_LOCKED},
    {.name = "priority, locked, untracked",
     .traits = KIND_UNBOUNDED | KIND_MANY | KIND_DROPS | PRIORITY,
     .order = PAWL_PRIORITY,
     .progress = PAWL_LOCKED,
     .flags = PAWL_UNTRACKED},
    {.name = "relaxed, untracked",
     .traits = KIND_BOUNDED | KIND_MANY | KIND_DROPS | RELAXED,
     .order = PAWL_RELAXED,
     .flags = PAWL_UNTRACKED,
     .heaps = 4},
    {.name = "relaxed", .traits = KIND_UNBOUNDED | USUAL | RELAXED, .order = PAWL_RELAXED, .heaps = 4},
    {.name = "relaxed, bounded", .traits = KIND_BOUNDED | USUAL | RELAXED, .order = PAWL_RELAXED, .heaps = 4},
};

static int largest_first(void *ctx, uint64_t a, uint64_t b)
{
  (void)ctx;
  return a > b;
}

const struct kind *kind_next(const struct kind *last, unsigned need)
{
  const struct kind *end = kinds + sizeof(kinds) / sizeof(kinds[0]);
  for (const struct kind *kind = last ? last + 1 : kinds; kind < end; kind++) {
    if ((kind->traits & need) != need)
      continue;
    test_context(kind->name);
    return kind;
  }
  test_context(NULL);
  return NULL;
}

static void fixture_drop(void *ctx, uint64_t item)
{
  struct fixture *fixture = ctx;
  pthread_mutex_lock(&fixture->dropping);
  if (fixture->drops == fixture->drop_room) {
    fixture->drop_room = fixture->drop_room * 2 + 8;
    fixture->dropped = realloc(fixture->dropped, fixture->drop_room * sizeof(uint64_t));
  }
  fixture->dropped[fixture->drops] = item;
  fixture->drops++;
  pthread_mutex_unlock(&fixture->dropping);
  if (fixture->on_drop)
    fixture->on_drop(fixture);
}

struct pawl_queue_options fixture_options(struct fixture *fixture, const struct kind *kind, int64_t maxsize)
{
  bool custom = kind->traits & KIND_CUSTOM;
  return (struct pawl_queue_options){
      .maxsize = kind->traits & KIND_BOUNDED ? maxsize : 0,
      .order = kind->order,
      .progress = kind->progress,
      .flags = kind->flags,
      .drop = fixture_drop,
      .drop_ctx = fixture,
      .custom = custom ? &stock_ops : NULL,
      .custom_ctx = custom ? &fixture->stock : NULL,
      .less = kind->traits & KIND_BY_LESS ? largest_first : NULL,
      .heaps = kind->heaps,
  };
}

struct fixture *fixture_open(const struct kind *kind, int64_t maxsize)
{
  hook_install();
  struct fixture *fixture = aligned_alloc(128, (sizeof(*fixture) + 127) & ~(size_t)127);
  memset(fixture, 0, sizeof(*fixture));
  fixture->kind = kind;
  fixture->stock.order = fixture->inside.order = kind->order;
  fixture->stock.less = fixture->inside.less = kind->traits & KIND_BY_LESS ? largest_first : NULL;
  pthread_mutex_init(&fixture->dropping, NULL);
  if (kind->traits & KIND_STATIC) {
    struct pawl_queue made = PAWL_QUEUE_INIT(0);
    made.maxsize_ = kind->traits & KIND_BOUNDED ? maxsize : 0;
    fixture->queue = made;
    return fixture;
  }
  struct pawl_queue_options options = fixture_options(fixture, kind, maxsize);
  memset(&fixture->queue, 0x5a, sizeof(fixture->queue)); /* init must not rely on what was there */
  CHECK_CODE(pawl_queue_init(&fixture->queue, &options), 0);
  return fixture;
}

void fixture_fini(struct fixture *fixture)
{
  static const struct pawl_queue zero;
  CHECK_CODE(pawl_queue_fini(&fixture->queue), 0);
  CHECK(memcmp(&fixture->queue, &zero, sizeof(zero)) == 0);
  note_empty(fixture);
  fixture->inside.order = PAWL_FIFO;
  fixture->inside.less = NULL;
}

void fixture_close(struct fixture *fixture)
{
  fixture_fini(fixture);
  pthread_mutex_destroy(&fixture->dropping);
  stock_clear(&fixture->stock);
  free(fixture->dropped);
  free(fixture);
}

size_t fixture_dropped(struct fixture *fixture, uint64_t item)
{
  size_t n = 0;
  for (size_t i = 0; i < fixture->drops; i++)
    n += fixture->dropped[i] == item;
  return n;
}

uint64_t fixture_bytes(struct fixture *fixture)
{
  struct pawl_queue_stats stats;
  pawl_queue_stats(&fixture->queue, &stats);
  return stats.bytes;
}

void note_put(struct fixture *fixture, uint64_t item)
{
  stock_add(&fixture->inside, (int64_t)item, item);
}

static void must_be_next(struct fixture *fixture, struct stock_entry entry)
{
  struct stock *inside = &fixture->inside;
  CHECK(inside->size > 0);
  struct stock_entry next = stock_next(inside);
  if (!stock_take(inside, entry))
    test_fail(__FILE__, __LINE__, "%s: got %lld (key %lld) of %zu items, should be %lld (key %lld)", fixture->kind->name,
              (long long)entry.item, (long long)entry.key, inside->size, (long long)next.item, (long long)next.key);
}

void note_get(struct fixture *fixture, uint64_t item)
{
  must_be_next(fixture, (struct stock_entry){(int64_t)item, item});
}

void note_drop(struct fixture *fixture, uint64_t item)
{
  unsigned order = fixture->inside.order;
  if (!(fixture->kind->traits & KIND_FIFO))
    fixture->inside.order = PAWL_RELAXED;
  note_get(fixture, item);
  fixture->inside.order = order;
}

void note_empty(struct fixture *fixture)
{
  stock_clear(&fixture->inside);
}

void put_ok(struct fixture *fixture, uint64_t item)
{
  CHECK_CODE(pawl_queue_put(&fixture->queue, item, PAWL_NOWAIT), 0);
  note_put(fixture, item);
}

void fill(struct fixture *fixture, uint64_t first, size_t n)
{
  for (size_t i = 0; i < n; i++)
    put_ok(fixture, first + i);
}

uint64_t get_next(struct fixture *fixture)
{
  uint64_t item = 0;
  CHECK_CODE(pawl_queue_get(&fixture->queue, &item, PAWL_NOWAIT), 0);
  note_get(fixture, item);
  return item;
}

void take_out(struct fixture *fixture, size_t n)
{
  while (n-- > 0)
    (void)get_next(fixture);
}

void get_ok(struct fixture *fixture, uint64_t expected)
{
  CHECK_EQ(get_next(fixture), expected);
}

void put_key_ok(struct fixture *fixture, int64_t key, uint64_t item)
{
  CHECK_CODE(pawl_queue_put_key(&fixture->queue, key, item, PAWL_NOWAIT), 0);
  stock_add(&fixture->inside, key, item);
}

struct stock_entry get_key_next(struct fixture *fixture)
{
  struct stock_entry entry = {0, 0};
  CHECK_CODE(pawl_queue_get_key(&fixture->queue, &entry.key, &entry.item, PAWL_NOWAIT), 0);
  must_be_next(fixture, entry);
  return entry;
}

/* --- the allocator --- */

struct block {
  size_t size, align;
  uint64_t mark;
};

enum { BLOCK_HEADER = 128, BLOCK_MARK = 0x70617721 };

#define HOOK_LIMIT ((size_t)64 << 20) /* more is refused: a test must not eat the machine */

static _Atomic long allocations, live_blocks, fail_in = -1, failures;
static _Atomic size_t live_bytes;
static _Atomic bool fail_all;

/* Whether this allocation is to fail: fail_in counts down to 0, -1 is never. */
static bool must_fail(void)
{
  long n = fail_in;
  do {
    if (n < 0)
      return false;
    if (n == 0 && fail_all)
      break;
  } while (!atomic_compare_exchange_weak(&fail_in, &n, n - 1));
  if (n > 0)
    return false;
  failures++;
  return true;
}

static void *hook_alloc(void *ctx, size_t size, size_t align)
{
  (void)ctx;
  if (must_fail())
    return NULL;
  if (size == 0 || align == 0 || (align & (align - 1)) || align > BLOCK_HEADER) {
    fprintf(stderr, "allocation of %zu bytes aligned to %zu\n", size, align);
    abort();
  }
  char *memory =
      size > HOOK_LIMIT - live_bytes ? NULL : aligned_alloc(BLOCK_HEADER, ((size + 127) & ~(size_t)127) + BLOCK_HEADER);
  if (!memory)
    return NULL;
  struct block *block = (struct block *)memory;
  *block = (struct block){size, align, BLOCK_MARK};
  memset(memory + BLOCK_HEADER, 0xa5, size);
  allocations++;
  live_blocks++;
  live_bytes += size;
  return memory + BLOCK_HEADER;
}

static void hook_free(void *ctx, void *memory, size_t size, size_t align)
{
  (void)ctx;
  struct block *block = (struct block *)((char *)memory - BLOCK_HEADER);
  if (block->mark != BLOCK_MARK || block->size != size || block->align != align) {
    fprintf(stderr, "free of %p: %zu bytes aligned to %zu, were %zu and %zu\n", memory, size, align, block->size, block->align);
    abort();
  }
  memset(memory, 0xdd, size);
  block->mark = 0;
  live_blocks--;
  live_bytes -= size;
  free(block);
}

void hook_install(void)
{
  static const struct pawl_allocator allocator = {hook_alloc, hook_free, NULL};
  static bool installed;
  if (installed)
    return;
  installed = true;
  CHECK_CODE(pawl_set_allocator(&allocator), 0);
}

long hook_allocations(void)
{
  return allocations;
}

long hook_live_blocks(void)
{
  return live_blocks;
}

size_t hook_live_bytes(void)
{
  return live_bytes;
}

void hook_fail(long n, bool all)
{
  fail_in = -1;
  failures = 0;
  fail_all = all;
  fail_in = n < 0 ? -1 : n;
}

long hook_failures(void)
{
  return failures;
}
