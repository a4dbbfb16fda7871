#include "runtime/switch.h"

#if FL_OWN_SWITCH

#include <stdint.h>

/* What a function must keep (System V ABI, x86-64): rbx, rbp, r12 to r15, and the stack. Two
 * registers carry the transfer, as they would a struct that is returned. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl fl_switch_to\n"
        ".hidden fl_switch_to\n"
        ".type fl_switch_to, @function\n"
        "fl_switch_to:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, %rax\n"
        "    movq %rdi, %rsp\n"
        "    movq %rsi, %rdx\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size fl_switch_to, .-fl_switch_to\n"
        /* the first arrival: the function waits in rbx, and a zero where it would return to */
        ".type switch_enter, @function\n"
        "switch_enter:\n"
        "    movq %rax, %rdi\n"
        "    movq %rdx, %rsi\n"
        "    jmpq *%rbx\n"
        ".size switch_enter, .-switch_enter\n");
void switch_enter(void);

void *fl_switch_make(void *top, size_t bytes, void (*fn)(struct fl_transfer))
{
    enum { R15, R14, R13, R12, RBX, RBP, RETURN_TO, SLOTS };
    uintptr_t *frame = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15) - SLOTS - 1;
    (void)bytes;
    for (int i = 0; i <= SLOTS; i++)
        frame[i] = 0;
    frame[RBX] = (uintptr_t)fn;
    frame[RETURN_TO] = (uintptr_t)switch_enter;
    return frame;
}

#endif
