/* The first instructions: hand the stack to stage_main(), aligned and with nothing to return to. */
    .section .note.GNU-stack, "", %progbits
    .text
    .globl _start
    .type _start, %function
_start:
#if defined(__x86_64__)
    xorl %ebp, %ebp
    movq %rsp, %rdi
    andq $-16, %rsp
    call stage_main
    hlt
#elif defined(__aarch64__)
    mov x29, xzr
    mov x30, xzr
    mov x0, sp
    bl stage_main
    brk 0
#elif defined(__riscv) && __riscv_xlen == 64
    .option push
    .option norelax
    lla gp, __global_pointer$
    .option pop
    mv a0, sp
    andi sp, sp, -16
    call stage_main
    ebreak
#else
#error "the stage has no entry for this architecture yet"
#endif
    .size _start, . - _start
