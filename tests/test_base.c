/* SPDX-License-Identifier: BSD-2-Clause */
/* test_base.c - results, deadlines, version, the allocator hook. */
#include "test.h"
#include "base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* -- Results ---------------------------------------------------------------------------------------------------------- */

TEST(base, every_code_has_its_own_text)
{
  static const int codes[] = {
#define CODE_OF(name, code, text) PAWL_##name,
      PAWL_ERRORS(CODE_OF)
#undef CODE_OF
  };
  int n = (int)(sizeof(codes) / sizeof(codes[0]));
  for (int i = 0; i < n; i++) {
    CHECK_LE(codes[i], -5001);
    CHECK(strcmp(pawl_strerror(codes[i]), "unknown error") != 0);
    for (int j = 0; j < i; j++)
      CHECK(codes[i] != codes[j] && strcmp(pawl_strerror(codes[i]), pawl_strerror(codes[j])) != 0);
  }
  CHECK_STR(pawl_strerror(PAWL_EMPTY), "queue is empty");
}

TEST(base, errno_codes_have_the_c_librarys_text)
{
  CHECK_STR(pawl_strerror(0), "success");
  CHECK_STR(pawl_strerror(-EINVAL), strerror(EINVAL));
  CHECK_STR(pawl_strerror(-ENOMEM), strerror(ENOMEM));
}

TEST(base, no_number_is_without_a_text)
{
  static const int strange[] = {1, INT32_MAX, INT32_MIN, -4095, -4096, -5000, PAWL_ERROR_LAST_ - 1};
  for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
    CHECK_STR(pawl_strerror(strange[i]), "unknown error");
  for (int code = -6000; code <= 0; code++)
    CHECK(pawl_strerror(code) && *pawl_strerror(code));
}

TEST(base, version_is_that_of_the_header)
{
  char expected[32];
  snprintf(expected, sizeof(expected), "%d.%d.%d", PAWL_VERSION_MAJOR, PAWL_VERSION_MINOR, PAWL_VERSION_PATCH);
  CHECK_STR(pawl_version(), expected);
}

/* -- Deadlines -------------------------------------------------------------------------------------------------------- */

TEST(base, THR9_deadlines_saturate)
{
  CHECK_EQ(pawl_after(INT64_MAX), PAWL_FOREVER);
  CHECK_EQ(pawl_after(PAWL_FOREVER - 1), PAWL_FOREVER);
  CHECK_LE(pawl_after(INT64_MIN), 0);
  CHECK_LE(pawl_after(-PAWL_S(1)), pawl_now());
  pawl_time before = pawl_now(), after = pawl_after(PAWL_MS(250)), now = pawl_now();
  CHECK_GE(after, before + PAWL_MS(250));
  CHECK_LE(after, now + PAWL_MS(250));
}

TEST(base, the_clock_never_runs_backwards)
{
  pawl_time last = pawl_now();
  CHECK_GE(last, 1);
  for (int i = 0; i < 10000; i++) {
    pawl_time now = pawl_now();
    CHECK_GE(now, last);
    last = now;
  }
}

TEST(base, there_is_a_processor)
{
  CHECK_GE(pawl_cpu_count(), 1);
  CHECK_LE(pawl_cpu_count(), sysconf(_SC_NPROCESSORS_CONF));
}

/* -- Allocator hook --------------------------------------------------------------------------------------------------- */

struct counting {
  int allocs, frees;
  size_t size, align;
};

static void *counting_alloc(void *ctx, size_t size, size_t align)
{
  struct counting *counting = ctx;
  counting->allocs++;
  counting->size = size;
  counting->align = align;
  void *memory = aligned_alloc(align, (size + align - 1) & ~(align - 1));
  if (memory)
    memset(memory, 0xA5, size);
  return memory;
}

static void counting_free(void *ctx, void *memory, size_t size, size_t align)
{
  struct counting *counting = ctx;
  counting->frees++;
  CHECK_EQ(size, counting->size);
  CHECK_EQ(align, counting->align);
  free(memory);
}

TEST(base, memory_is_zero_aligned_and_from_the_hook)
{
  struct counting counting = {0, 0, 0, 0};
  const struct pawl_allocator allocator = {counting_alloc, counting_free, &counting};
  CHECK_CODE(pawl_set_allocator(&allocator), 0);
  unsigned char *memory = pawl__alloc(300, 128);
  CHECK(memory != NULL);
  CHECK_EQ((uintptr_t)memory % 128, 0);
  for (int i = 0; i < 300; i++)
    CHECK_EQ(memory[i], 0);
  pawl__free(memory, 300, 128);
  pawl__free(NULL, 300, 128);
  CHECK_EQ(counting.allocs, 1);
  CHECK_EQ(counting.frees, 1);
}

TEST(base, the_standard_allocator_aligns_and_refuses_the_impossible)
{
  for (size_t align = 8; align <= 128; align *= 2) {
    void *memory = pawl__alloc(align + 1, align);
    CHECK(memory != NULL);
    CHECK_EQ((uintptr_t)memory % align, 0);
    pawl__free(memory, align + 1, align);
  }
  volatile size_t whole = SIZE_MAX;
  CHECK(pawl__alloc(whole, 64) == NULL);
}

TEST(base, the_hook_is_sealed_by_the_first_allocation)
{
  struct counting counting = {0, 0, 0, 0};
  const struct pawl_allocator allocator = {counting_alloc, counting_free, &counting};
  const struct pawl_allocator no_free = {counting_alloc, NULL, NULL}, no_alloc = {NULL, counting_free, NULL};
  CHECK_CODE(pawl_set_allocator(&no_free), -EINVAL);
  CHECK_CODE(pawl_set_allocator(&no_alloc), -EINVAL);
  CHECK_CODE(pawl_set_allocator(&allocator), 0);
  CHECK_CODE(pawl_set_allocator(NULL), 0);
  pawl__free(pawl__alloc(64, 64), 64, 64);
  CHECK_EQ(counting.allocs, 0);
  CHECK_CODE(pawl_set_allocator(&allocator), PAWL_STATE);
  CHECK_CODE(pawl_set_allocator(NULL), PAWL_STATE);
}

static void *no_memory(void *ctx, size_t size, size_t align)
{
  (void)ctx;
  (void)size;
  (void)align;
  return NULL;
}

TEST(base, a_hook_without_memory_is_answered_by_null)
{
  const struct pawl_allocator allocator = {no_memory, counting_free, NULL};
  CHECK_CODE(pawl_set_allocator(&allocator), 0);
  CHECK(pawl__alloc(64, 64) == NULL);
}
