/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fiber.h - stacks and the switch between them: the threads of the deterministic scheduler. About 5 ns a switch on x86-64 by
 * six saved registers; elsewhere by ucontext, which enters the kernel and costs a microsecond. Nothing is saved of the
 * floating-point state: both sides of a switch are ordinary calls.
 */
#ifndef PAWL_MODEL_FIBER_H
#define PAWL_MODEL_FIBER_H

#include <stddef.h>

#if defined(__x86_64__)

typedef void *fiber_context;

void model_fiber_jump(void **save, void *load);

/* Makes `context` begin `entry`, which must never return, at its next turn. */
static inline void fiber_prepare(fiber_context *context, void *stack, size_t size, void (*entry)(void))
{
  void **top = (void **)((char *)stack + size);
  *--top = NULL; /* keeps the stack aligned as after a call; nobody returns here */
  *--top = (void *)entry;
  top -= 6;
  *context = top;
}

static inline void fiber_switch(fiber_context *from, fiber_context *to)
{
  model_fiber_jump(from, *to);
}

#else

#include <ucontext.h>

typedef ucontext_t fiber_context;

static inline void fiber_prepare(fiber_context *context, void *stack, size_t size, void (*entry)(void))
{
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = size;
  context->uc_link = NULL;
  makecontext(context, entry, 0);
}

static inline void fiber_switch(fiber_context *from, fiber_context *to)
{
  swapcontext(from, to);
}

#endif

#endif
