/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c - the memory of the subject: blocks in one arena, rewound before each schedule. A map from 16-byte granules to
 * blocks tells every access where it lands. Freed blocks are filled with a pattern that is no address, and their
 * memory does not come back within the schedule, unless the campaign asks for reuse, which shows ABA instead.
 *
 * In weak mode a block remembers who allocated it and each thread's last access: an access must come after the allocation,
 * and the release after every access, in happens-before, which finds premature frees that no interleaving hits.
 */
#include "machine.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ARENA = 1 << 20, GRANULE = 16, GRANULES = ARENA / GRANULE, BLOCKS_MAX = 4096, POISON = 0xdb };

struct block {
  const char *name;
  uint32_t offset, size;
  uint8_t live, owner, next_free, align_shift;
  int16_t allocated;
  clock8 last; /* access of each thread */
};

static char *arena;
static uint32_t used;
static uint16_t map[GRANULES];
static struct block blocks[BLOCKS_MAX];
static unsigned nblocks;

static struct {
  char *bytes;
  uint32_t used;
  unsigned nblocks;
  uint16_t map[GRANULES];
  struct block blocks[256];
} image;

void heap_open(void)
{
  arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  image.bytes = malloc(ARENA);
  if (arena == MAP_FAILED || image.bytes == NULL)
    abort();
}

void heap_clear(void)
{
  memset(map, 0, sizeof(map));
  used = 0;
  nblocks = 1; /* 0 is no block */
}

void heap_image(void)
{
  if (nblocks > sizeof(image.blocks) / sizeof(image.blocks[0]))
    abort();
  image.used = used;
  image.nblocks = nblocks;
  memcpy(image.bytes, arena, used);
  memcpy(image.map, map, sizeof(map));
  memcpy(image.blocks, blocks, nblocks * sizeof(blocks[0]));
}

void heap_reset(void)
{
  memcpy(arena, image.bytes, image.used);
  memcpy(map, image.map, used / GRANULE * sizeof(map[0]));
  memcpy(blocks, image.blocks, image.nblocks * sizeof(blocks[0]));
  used = image.used;
  nblocks = image.nblocks;
}

size_t heap_live(void)
{
  size_t live = 0;
  for (unsigned i = 1; i < nblocks; i++)
    live += blocks[i].live;
  return live;
}

/* The most recently freed block that fits, as allocators give it. */
static struct block *find_freed(size_t size, size_t align)
{
  for (unsigned i = nblocks; i-- > 1;) {
    struct block *b = &blocks[i];
    if (!b->live && b->size == size && (b->offset & (align - 1)) == 0)
      return b;
  }
  return NULL;
}

static struct block *carve(size_t size, size_t align)
{
  uint32_t offset = (uint32_t)((used + GRANULE + align - 1) & ~(align - 1)); /* a granule of nothing between blocks */
  if (nblocks == BLOCKS_MAX || offset + size + GRANULE > ARENA)
    return NULL;
  struct block *b = &blocks[nblocks];
  b->offset = offset;
  b->size = (uint32_t)size;
  used = (uint32_t)(offset + size + GRANULE - 1) & ~(uint32_t)(GRANULE - 1);
  for (uint32_t g = offset / GRANULE; g < used / GRANULE; g++)
    map[g] = (uint16_t)nblocks;
  nblocks++;
  return b;
}

void *heap_alloc(size_t size, size_t align, const char *name)
{
  if (align < GRANULE)
    align = GRANULE;
  if (size == 0)
    size = 1;
  if (M.running && M.config->faults && decide_index(D_ALLOC, 2, 12)) {
    trace_note("allocation of %zu bytes fails", size);
    return NULL;
  }
  struct block *b = M.running && M.config->reuse ? find_freed(size, align) : NULL;
  if (b != NULL && decide_index(D_REUSE, 2, 8))
    b = NULL;
  if (b == NULL)
    b = carve(size, align);
  else
    memory_forget(arena + b->offset, b->size);
  if (b == NULL) {
    model_fail(VERDICT_USE, "the subject uses more memory than the machine has");
    return NULL;
  }
  b->name = name;
  b->live = 1;
  b->last = (clock8){0};
  b->owner = M.running ? M.cur->index : CLOCK_S;
  b->allocated = M.running ? M.cur->vc[M.cur->index] : 0;
  trace_note("allocates block %u, %zu bytes", (unsigned)(b - blocks), size);
  return arena + b->offset;
}

static struct block *find(const volatile void *p)
{
  size_t offset = (size_t)((const volatile char *)p - arena);
  return offset < ARENA ? &blocks[map[offset / GRANULE]] : NULL;
}

void heap_free(void *memory)
{
  struct block *b = find(memory);
  if (b == NULL || b == blocks || arena + b->offset != (char *)memory) {
    model_fail(VERDICT_MEMORY, "free of what was not allocated");
    return;
  }
  if (!b->live) {
    model_fail(VERDICT_MEMORY, "freed twice");
    return;
  }
  trace_note("frees block %u", (unsigned)(b - blocks));
  if (M.weak && M.running && !clock_all_le(b->last, M.cur->vc))
    model_fail(VERDICT_MEMORY, "freed while another thread's last access does not happen before");
  b->live = 0;
  memset(memory, POISON, b->size);
}

void heap_touch(const volatile void *p, size_t size, int16_t now)
{
  struct block *b = find(p);
  if (b == NULL)
    return; /* a global, or a stack */
  size_t end = (size_t)((const volatile char *)p - arena) + size;
  if (UNLIKELY(b == blocks || end > b->offset + b->size)) {
    model_fail(VERDICT_MEMORY, "access outside of every block");
  } else if (UNLIKELY(!b->live)) {
    model_fail(VERDICT_MEMORY, "use after free");
  } else if (now != 0) {
    if (UNLIKELY(M.cur->vc[b->owner] < b->allocated))
      model_fail(VERDICT_MEMORY, "access to memory whose allocation does not happen before");
    b->last[M.cur->index] = now;
  }
}

bool heap_name(const volatile void *p, char *text, size_t size)
{
  struct block *b = find(p);
  if (b == NULL || b == blocks)
    return false;
  size_t offset = (size_t)((const volatile char *)p - arena) - b->offset;
  if (b->name != NULL)
    snprintf(text, size, "%s+%zu", b->name, offset);
  else
    snprintf(text, size, "#%u+%zu", (unsigned)(b - blocks), offset);
  return true;
}

void *pawl_check_alloc(size_t size)
{
  return heap_alloc(size, 64, NULL);
}

void pawl_check_free(void *memory)
{
  if (memory != NULL)
    heap_free(memory);
}
