/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kit.c - the parts of kit.h. The allocator hook keeps a header in front of each block and checks that size and alignment
 * come back as they went out; a freed block is poisoned, so that reading it shows.
 */
#include "kit.h"

#include <errno.h>
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

static const struct kind kinds[] = {
    {"unbounded", KIND_UNBOUNDED | KIND_TRACKED | KIND_MANY | KIND_DROPS | KIND_LOCK_FREE, PAWL_LOCK_FREE, 0},
    {"unbounded, zero bytes", KIND_UNBOUNDED | KIND_TRACKED | KIND_MANY | KIND_STATIC | KIND_LOCK_FREE, PAWL_LOCK_FREE, 0},
    {"unbounded, untracked", KIND_UNBOUNDED | KIND_MANY | KIND_DROPS | KIND_LOCK_FREE, PAWL_LOCK_FREE, PAWL_UNTRACKED},
    {"unbounded, spsc", KIND_UNBOUNDED | KIND_TRACKED | KIND_DROPS | KIND_LOCK_FREE, PAWL_LOCK_FREE, PAWL_SPSC},
    {"bounded", KIND_BOUNDED | KIND_TRACKED | KIND_MANY | KIND_DROPS | KIND_LOCK_FREE, PAWL_LOCK_FREE, 0},
    {"bounded, static", KIND_BOUNDED | KIND_TRACKED | KIND_MANY | KIND_STATIC | KIND_LOCK_FREE, PAWL_LOCK_FREE, 0},
    {"bounded, untracked", KIND_BOUNDED | KIND_MANY | KIND_DROPS | KIND_LOCK_FREE, PAWL_LOCK_FREE, PAWL_UNTRACKED},
    {"bounded, preallocated", KIND_BOUNDED | KIND_TRACKED | KIND_MANY | KIND_DROPS | KIND_LOCK_FREE | KIND_PREALLOC,
     PAWL_LOCK_FREE, PAWL_PREALLOC},
    {"bounded, spsc", KIND_BOUNDED | KIND_TRACKED | KIND_DROPS | KIND_LOCK_FREE, PAWL_LOCK_FREE, PAWL_SPSC},
    {"ring", KIND_BOUNDED | KIND_TRACKED | KIND_MANY | KIND_DROPS | KIND_RING, PAWL_RING, 0},
    {"ring, untracked", KIND_BOUNDED | KIND_MANY | KIND_DROPS | KIND_RING, PAWL_RING, PAWL_UNTRACKED},
    {"ring, spsc", KIND_BOUNDED | KIND_TRACKED | KIND_DROPS | KIND_RING, PAWL_RING, PAWL_SPSC},
    {"custom, unbounded", KIND_UNBOUNDED | KIND_TRACKED | KIND_MANY | KIND_DROPS | KIND_CUSTOM, 0, 0},
    {"custom, bounded", KIND_BOUNDED | KIND_TRACKED | KIND_MANY | KIND_DROPS | KIND_CUSTOM, 0, 0},
};

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

static int stock_put(void *ctx, uint64_t item)
{
  struct stock *stock = ctx;
  stock->puts++;
  if (stock->put_result)
    return stock->put_result;
  if (stock->head + stock->size == stock->room) {
    size_t room = stock->size * 2 + 8;
    uint64_t *items = malloc(room * sizeof(*items));
    if (!items)
      return -ENOMEM;
    if (stock->size)
      memcpy(items, stock->items + stock->head, stock->size * sizeof(*items));
    free(stock->items);
    stock->items = items;
    stock->head = 0;
    stock->room = room;
  }
  stock->items[stock->head + stock->size++] = item;
  return 0;
}

static int stock_get(void *ctx, uint64_t *item)
{
  struct stock *stock = ctx;
  stock->gets++;
  if (stock->size == 0) {
    stock->gets_when_empty++;
    return -EFAULT;
  }
  if (stock->get_result)
    return stock->get_result;
  stock->size--;
  *item = stock->items[stock->newest_first ? stock->head + stock->size : stock->head++];
  return 0;
}

static size_t stock_size(void *ctx)
{
  struct stock *stock = ctx;
  return stock->size;
}

const struct pawl_queue_ops stock_ops = {stock_put, stock_get, stock_size};

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
      .order = PAWL_FIFO,
      .progress = kind->progress,
      .flags = kind->flags,
      .drop = fixture_drop,
      .drop_ctx = fixture,
      .custom = custom ? &stock_ops : NULL,
      .custom_ctx = custom ? &fixture->stock : NULL,
  };
}

struct fixture *fixture_open(const struct kind *kind, int64_t maxsize)
{
  hook_install();
  struct fixture *fixture = aligned_alloc(128, (sizeof(*fixture) + 127) & ~(size_t)127);
  memset(fixture, 0, sizeof(*fixture));
  fixture->kind = kind;
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

void fixture_close(struct fixture *fixture)
{
  static const struct pawl_queue zero;
  CHECK_CODE(pawl_queue_fini(&fixture->queue), 0);
  CHECK(memcmp(&fixture->queue, &zero, sizeof(zero)) == 0);
  pthread_mutex_destroy(&fixture->dropping);
  free(fixture->stock.items);
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

void put_ok(struct fixture *fixture, uint64_t item)
{
  CHECK_CODE(pawl_queue_put(&fixture->queue, item, PAWL_NOWAIT), 0);
}

void get_ok(struct fixture *fixture, uint64_t expected)
{
  uint64_t item = ~expected;
  CHECK_CODE(pawl_queue_get(&fixture->queue, &item, PAWL_NOWAIT), 0);
  CHECK_EQ(item, expected);
}

void fill(struct fixture *fixture, uint64_t first, size_t n)
{
  for (size_t i = 0; i < n; i++)
    put_ok(fixture, first + i);
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
