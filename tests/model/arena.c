/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - the memory of the subject: blocks in one arena, rewound before each schedule. A map from 16-byte granules to
 * blocks tells every access where it lands. Freed blocks are filled with a pattern that is no address, and their
 * memory does not come back within the schedule, unless the campaign asks for reuse, which shows ABA instead.
 *
 * In weak mode a block remembers who allocated it and each thread's last access: an access must come after the allocation,
 * and the release after every access, in happens-before, which finds premature frees that no interleaving hits.
 */
#include "machine.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { GRANULES = ARENA_SIZE / ARENA_GRANULE, POISON = 0xdb };

/* What lies outside of blocks belongs to block 0, whose limit is 0. */
struct arena_block arena_blocks[ARENA_BLOCKS];
uint16_t arena_map[GRANULES];
char *arena_base;
static uint32_t used;
static unsigned nblocks;

static struct {
  char *bytes;
  uint32_t used;
  unsigned nblocks;
  uint16_t map[GRANULES];
  struct arena_block blocks[256];
} image;

void arena_open(void)
{
  arena_base = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  image.bytes = malloc(ARENA_SIZE);
  if (arena_base == MAP_FAILED || image.bytes == NULL)
    abort();
}

void arena_clear(void)
{
  memset(arena_map, 0, sizeof(arena_map));
  used = 0;
  nblocks = 1; /* 0 is no block */
}

void arena_image(void)
{
  if (nblocks > sizeof(image.blocks) / sizeof(image.blocks[0]))
    abort();
  image.used = used;
  image.nblocks = nblocks;
  memcpy(image.bytes, arena_base, used);
  memcpy(image.map, arena_map, sizeof(arena_map));
  memcpy(image.blocks, arena_blocks, nblocks * sizeof(arena_blocks[0]));
}

void arena_reset(void)
{
  memcpy(arena_base, image.bytes, image.used);
  memcpy(arena_map, image.map, used / ARENA_GRANULE * sizeof(arena_map[0]));
  memcpy(arena_blocks, image.blocks, image.nblocks * sizeof(arena_blocks[0]));
  used = image.used;
  nblocks = image.nblocks;
}

size_t arena_live(void)
{
  size_t live = 0;
  for (unsigned i = 1; i < nblocks; i++)
    live += arena_blocks[i].live;
  return live;
}

/* The most recently freed block that fits, as allocators give it. */
static struct arena_block *find_freed(size_t size, size_t align)
{
  for (unsigned i = nblocks; i-- > 1;) {
    struct arena_block *b = &arena_blocks[i];
    if (!b->live && b->size == size && (b->offset & (align - 1)) == 0)
      return b;
  }
  return NULL;
}

static struct arena_block *carve(size_t size, size_t align)
{
  uint32_t offset = (uint32_t)((used + ARENA_GRANULE + align - 1) & ~(align - 1)); /* a granule of nothing between blocks */
  if (nblocks == ARENA_BLOCKS || offset + size + ARENA_GRANULE > ARENA_SIZE)
    return NULL;
  struct arena_block *b = &arena_blocks[nblocks];
  b->offset = offset;
  b->size = (uint32_t)size;
  used = (uint32_t)(offset + size + ARENA_GRANULE - 1) & ~(uint32_t)(ARENA_GRANULE - 1);
  for (uint32_t g = offset / ARENA_GRANULE; g < used / ARENA_GRANULE; g++)
    arena_map[g] = (uint16_t)nblocks;
  nblocks++;
  return b;
}

void *arena_alloc(size_t size, size_t align, const char *name)
{
  if (align < ARENA_GRANULE)
    align = ARENA_GRANULE;
  if (size == 0)
    size = 1;
  if (M.running && M.config->faults && decide_index(D_ALLOC, 2, 12)) {
    trace_note("allocation of %zu bytes fails", size);
    return NULL;
  }
  struct arena_block *b = M.running && M.config->reuse ? find_freed(size, align) : NULL;
  if (b != NULL && decide_index(D_REUSE, 2, 8))
    b = NULL;
  if (b == NULL)
    b = carve(size, align);
  else
    memory_forget(arena_base + b->offset, b->size);
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
  trace_note("allocates block %u, %zu bytes", (unsigned)(b - arena_blocks), size);
  return arena_base + b->offset;
}

static struct arena_block *find(const volatile void *p)
{
  size_t offset = (size_t)((const volatile char *)p - arena_base);
  return offset < ARENA_SIZE ? &arena_blocks[arena_map[offset / ARENA_GRANULE]] : NULL;
}

void arena_free(void *memory)
{
  struct arena_block *b = find(memory);
  if (b == NULL || b == arena_blocks || arena_base + b->offset != (char *)memory) {
    model_fail(VERDICT_MEMORY, "free of what was not allocated");
    return;
  }
  if (!b->live) {
    model_fail(VERDICT_MEMORY, "freed twice");
    return;
  }
  trace_note("frees block %u", (unsigned)(b - arena_blocks));
  if (M.weak && M.running && !clock_all_le(b->last, M.cur->vc))
    model_fail(VERDICT_MEMORY, "freed while another thread's last access does not happen before");
  b->live = 0;
  b->limit = 0;
  memset(memory, POISON, b->size);
}

void arena_fault(const struct arena_block *b, bool is_early)
{
  if (is_early)
    model_fail(VERDICT_MEMORY, "access to memory whose allocation does not happen before");
  else if (b == arena_blocks || b->live)
    model_fail(VERDICT_MEMORY, "access outside of every block");
  else
    model_fail(VERDICT_MEMORY, "use after free");
}

void pawl_check_recycle(void *memory)
{
  struct arena_block *b = find(memory);
  if (!M.running || !M.weak || b == NULL || b == arena_blocks)
    return;
  if (!clock_all_le(b->last, M.cur->vc))
    model_fail(VERDICT_MEMORY, "used again while another thread's last access does not happen before");
  b->owner = M.cur->index;
  b->allocated = ++M.cur->vc[M.cur->index];
  M.cur->cv[M.cur->index] = M.cur->vc[M.cur->index];
  b->last = (clock8){0};
}

bool arena_name(const volatile void *p, char *text, size_t size)
{
  struct arena_block *b = find(p);
  if (b == NULL || b == arena_blocks)
    return false;
  size_t offset = (size_t)((const volatile char *)p - arena_base) - b->offset;
  if (b->name != NULL)
    snprintf(text, size, "%s+%zu", b->name, offset);
  else
    snprintf(text, size, "#%u+%zu", (unsigned)(b - arena_blocks), offset);
  return true;
}

void *pawl_check_alloc(size_t size)
{
  return arena_alloc(size, 64, NULL);
}

void pawl_check_free(void *memory)
{
  if (memory != NULL)
    arena_free(memory);
}
