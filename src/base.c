/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base.c - version, error texts, deadlines, the allocation hook, and named steps of the fault build. Layer 0.
 * Serves every other file. Not for: system calls (os_linux.c), when memory may be freed (reclaim.c).
 */
#include "base.h"
#include "atomic.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *pawl_version(void)
{
  return VERSION_TEXT(PAWL_VERSION_MAJOR, PAWL_VERSION_MINOR, PAWL_VERSION_PATCH);
}

const char *pawl_strerror(int result)
{
  switch (result) {
#define CASE_OF(name, code, text)                                                                                              \
  case code:                                                                                                                   \
    return text;
    PAWL_ERRORS(CASE_OF)
#undef CASE_OF
  case 0:
    return "success";
  default:
    break;
  }
  /* A table of the C library, without translation and without a buffer, unlike strerror. */
  const char *text = result < 0 && result >= -4095 ? strerrordesc_np(-result) : NULL;
  return text ? text : "unknown error";
}

pawl_time pawl_now(void)
{
  return os_now();
}

pawl_time pawl_after(int64_t ns)
{
  pawl_time now = os_now(); /* never negative, so that only a positive ns can overflow */
  bool saturates = ns > PAWL_FOREVER - now && at_step("base.saturate");
  return saturates ? PAWL_FOREVER : (pawl_time)((uint64_t)now + (uint64_t)ns);
}

unsigned pawl_cpu_count(void)
{
  return os_cpu_count();
}

/* -- Allocation ------------------------------------------------------------------------------------------------------- */

static void *default_alloc(void *ctx, size_t size, size_t align)
{
  (void)ctx;
  if (size > SIZE_MAX - align)
    return NULL;
  return aligned_alloc(align, (size + align - 1) & ~(align - 1));
}

static void default_free(void *ctx, void *memory, size_t size, size_t align)
{
  (void)ctx;
  (void)size;
  (void)align;
  free(memory);
}

/*
 * The hook may change until the first allocation seals it. A reader of SEALED sees the hook that was there when it was
 * sealed, because only the holder of CHANGING writes it, and only from OPEN.
 */
enum { HOOK_OPEN, HOOK_CHANGING, HOOK_SEALED };
static uint32_t hook_state AT_GLOBAL;
static struct pawl_allocator hook AT_GLOBAL = {default_alloc, default_free, NULL};

int pawl_set_allocator(const struct pawl_allocator *allocator)
{
  const struct pawl_allocator standard = {default_alloc, default_free, NULL};
  if (!allocator)
    allocator = &standard;
  if (!allocator->alloc || !allocator->free)
    return -EINVAL;
  uint32_t expected = HOOK_OPEN;
  if (!at_cas_acquire(&hook_state, &expected, HOOK_CHANGING))
    return PAWL_STATE;
  hook = *allocator;
  at_store_release(&hook_state, HOOK_OPEN);
  return 0;
}

/* Waits for a pawl_set_allocator that is under way in another thread; afterwards there is never one again. */
static void seal_hook(void)
{
  while (at_load_acquire(&hook_state) != HOOK_SEALED) {
    uint32_t expected = HOOK_OPEN;
    if (!at_cas_seq(&hook_state, &expected, HOOK_SEALED))
      at_pause();
  }
}

void *pawl__alloc(size_t size, size_t align)
{
  seal_hook();
  void *memory = hook.alloc(hook.ctx, size, align);
  if (memory)
    memset(memory, 0, size);
  return memory;
}

void pawl__free(void *memory, size_t size, size_t align)
{
  if (memory)
    hook.free(hook.ctx, memory, size, align);
}

/* -- The worlds of atomic.h that need a word here --------------------------------------------------------------------- */

#if defined(PAWL_WORLD_TSAN)
uint32_t pawl__tsan_fence;
#endif

#if defined(PAWL_FAULTS)
#include <stdio.h>

static const char *fault;
static uint32_t fault_reached;

__attribute__((constructor)) static void read_fault(void)
{
  fault = getenv("PAWL_FAULT");
}

/* Leaves a mark that a skipped step was reached at all: a fault whose name is stale would prove nothing. */
static void mark_reached(void)
{
  const char *path = getenv("PAWL_FAULT_REACHED");
  FILE *file = path && at_swap_seq(&fault_reached, 1) == 0 ? fopen(path, "a") : NULL;
  if (!file)
    return;
  fprintf(file, "%s\n", fault);
  fclose(file);
}

bool pawl__step(const char *name)
{
  if (!fault || strcmp(name, fault) != 0)
    return true;
  mark_reached();
  return false;
}
#endif
