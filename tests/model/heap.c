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

enum { GRANULES = HEAP_ARENA / HEAP_GRANULE, POISON = 0xdb };

/* What lies outside of blocks belongs to block 0, whose limit is 0. */
struct heap_block heap_blocks[HEAP_BLOCKS];
uint16_t heap_map[GRANULES];
char *heap_arena;
static uint32_t used;
static unsigned nblocks;

static struct {
  char *bytes;
  uint32_t used;
  unsigned nblocks;
  uint16_t map[GRANULES];
  struct heap_block blocks[256];
} image;

void heap_open(void)
{
  heap_arena = mmap(NULL, HEAP_ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  image.bytes = malloc(HEAP_ARENA);
  if (heap_arena == MAP_FAILED || image.bytes == NULL)
    abort();
}

void heap_clear(void)
{
  memset(heap_map, 0, sizeof(heap_map));
  used = 0;
  nblocks = 1; /* 0 is no block */
}

void heap_image(void)
{
  if (nblocks > sizeof(image.blocks) / sizeof(image.blocks[0]))
    abort();
  image.used = used;
  image.nblocks = nblocks;
  memcpy(image.bytes, heap_arena, used);
  memcpy(image.map, heap_map, sizeof(heap_map));
  memcpy(image.blocks, heap_blocks, nblocks * sizeof(heap_blocks[0]));
}

void heap_reset(void)
{
  memcpy(heap_arena, image.bytes, image.used);
  memcpy(heap_map, image.map, used / HEAP_GRANULE * sizeof(heap_map[0]));
  memcpy(heap_blocks, image.blocks, image.nblocks * sizeof(heap_blocks[0]));
  used = image.used;
  nblocks = image.nblocks;
}

size_t heap_live(void)
{
  size_t live = 0;
  for (unsigned i = 1; i < nblocks; i++)
    live += heap_blocks[i].live;
  return live;
}

/* The most recently freed block that fits, as allocators give it. */
static struct heap_block *find_freed(size_t size, size_t align)
{
  for (unsigned i = nblocks; i-- > 1;) {
    struct heap_block *b = &heap_blocks[i];
    if (!b->live && b->size == size && (b->offset & (align - 1)) == 0)
      return b;
  }
  return NULL;
}

static struct heap_block *carve(size_t size, size_t align)
{
  uint32_t offset = (uint32_t)((used + HEAP_GRANULE + align - 1) & ~(align - 1)); /* a granule of nothing between blocks */
  if (nblocks == HEAP_BLOCKS || offset + size + HEAP_GRANULE > HEAP_ARENA)
    return NULL;
  struct heap_block *b = &heap_blocks[nblocks];
  b->offset = offset;
  b->size = (uint32_t)size;
  used = (uint32_t)(offset + size + HEAP_GRANULE - 1) & ~(uint32_t)(HEAP_GRANULE - 1);
  for (uint32_t g = offset / HEAP_GRANULE; g < used / HEAP_GRANULE; g++)
    heap_map[g] = (uint16_t)nblocks;
  nblocks++;
  return b;
}

void *heap_alloc(size_t size, size_t align, const char *name)
{
  if (align < HEAP_GRANULE)
    align = HEAP_GRANULE;
  if (size == 0)
    size = 1;
  if (M.running && M.config->faults && decide_index(D_ALLOC, 2, 12)) {
    trace_note("allocation of %zu bytes fails", size);
    return NULL;
  }
  struct heap_block *b = M.running && M.config->reuse ? find_freed(size, align) : NULL;
  if (b != NULL && decide_index(D_REUSE, 2, 8))
    b = NULL;
  if (b == NULL)
    b = carve(size, align);
  else
    memory_forget(heap_arena + b->offset, b->size);
  if (b == NULL) {
    model_fail(VERDICT_USE, "the subject uses more memory than the machine has");
    return NULL;
  }
  b->name = name;
  b->live = 1;
  b->limit = b->offset + b->size;
  b->last = (clock8){0};
  b->owner = M.running ? M.cur->index : CLOCK_S;
  b->allocated = M.running ? M.cur->vc[M.cur->index] : 0;
  trace_note("allocates block %u, %zu bytes", (unsigned)(b - heap_blocks), size);
  return heap_arena + b->offset;
}

static struct heap_block *find(const volatile void *p)
{
  size_t offset = (size_t)((const volatile char *)p - heap_arena);
  return offset < HEAP_ARENA ? &heap_blocks[heap_map[offset / HEAP_GRANULE]] : NULL;
}

void heap_free(void *memory)
{
  struct heap_block *b = find(memory);
  if (b == NULL || b == heap_blocks || heap_arena + b->offset != (char *)memory) {
    model_fail(VERDICT_MEMORY, "free of what was not allocated");
    return;
  }
  if (!b->live) {
    model_fail(VERDICT_MEMORY, "freed twice");
    return;
  }
  trace_note("frees block %u", (unsigned)(b - heap_blocks));
  if (M.weak && M.running && !clock_all_le(b->last, M.cur->vc))
    model_fail(VERDICT_MEMORY, "freed while another thread's last access does not happen before");
  b->live = 0;
  b->limit = 0;
  memset(memory, POISON, b->size);
}

void heap_fault(const struct heap_block *b, bool is_early)
{
  if (is_early)
    model_fail(VERDICT_MEMORY, "access to memory whose allocation does not happen before");
  else if (b == heap_blocks || b->live)
    model_fail(VERDICT_MEMORY, "access outside of every block");
  else
    model_fail(VERDICT_MEMORY, "use after free");
}

void pawl_check_recycle(void *memory)
{
  struct heap_block *b = find(memory);
  if (!M.running || !M.weak || b == NULL || b == heap_blocks)
    return;
  if (!clock_all_le(b->last, M.cur->vc))
    model_fail(VERDICT_MEMORY, "used again while another thread's last access does not happen before");
  b->owner = M.cur->index;
  b->allocated = ++M.cur->vc[M.cur->index];
  M.cur->cv[M.cur->index] = M.cur->vc[M.cur->index];
  b->last = (clock8){0};
}

bool heap_name(const volatile void *p, char *text, size_t size)
{
  struct heap_block *b = find(p);
  if (b == NULL || b == heap_blocks)
    return false;
  size_t offset = (size_t)((const volatile char *)p - heap_arena) - b->offset;
  if (b->name != NULL)
    snprintf(text, size, "%s+%zu", b->name, offset);
  else
    snprintf(text, size, "#%u+%zu", (unsigned)(b - heap_blocks), offset);
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
