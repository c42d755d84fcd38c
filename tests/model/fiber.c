/* SPDX-License-Identifier: BSD-2-Clause */
/* fiber.c - the switch itself, for x86-64 (System V: rbx, rbp, r12 to r15 belong to the caller). */
#include "fiber.h"

#if defined(__x86_64__)
__asm__(".text\n"
        ".p2align 4\n"
        ".globl model_fiber_jump\n"
        ".hidden model_fiber_jump\n"
        ".type model_fiber_jump, @function\n"
        "model_fiber_jump:\n"
        "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
        "  mov %rsp, (%rdi)\n"
        "  mov %rsi, %rsp\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
        "  ret\n"
        ".size model_fiber_jump, .-model_fiber_jump\n");
#endif
