/* SPDX-License-Identifier: BSD-2-Clause */
/* input.h - what every fuzz target shares: reading choices from the input, and the check that ends the program. */
#ifndef PAWL_FUZZ_INPUT_H
#define PAWL_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's and AFL++'s entry point; replay.c calls it for files. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
  const uint8_t *data;
  size_t left;
};

static inline uint8_t input_byte(struct input *in)
{
  if (in->left == 0)
    return 0;
  in->left--;
  return *in->data++;
}

/* `n` bytes, little-endian. */
static inline uint64_t input_number(struct input *in, int n)
{
  uint64_t number = 0;
  for (int i = 0; i < n; i++)
    number |= (uint64_t)input_byte(in) << 8 * i;
  return number;
}

#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

_Noreturn static inline void fuzz_fail(const char *file, int line, const char *what)
{
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  abort();
}

#endif
