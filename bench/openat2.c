/* openat2.c - openat2(2) for valgrind 3.19, which does not know it: opens without the promise to
 * stay beneath. Preloaded by tracers.py while callgrind counts, and never otherwise.
 *
 * It takes the place of the C library's syscall(2), which servers call for each request, too: so
 * what is not openat2 takes as few instructions here as there. x86-64 only. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

/* Called by the lines below, by number and arguments as they were given to syscall(2). */
long openat2_replaced(long number, int directory, const char *path, const struct open_how *how);
long openat2_failed(long result);

long openat2_replaced(long number, int directory, const char *path, const struct open_how *how)
{
    (void)number;
    return openat(directory, path, (int)how->flags, how->mode);
}

long openat2_failed(long result)
{
    errno = (int)-result;
    return -1;
}

/* The arguments move up by one register, and the fourth from rcx to r10 (syscall(2)). */
__asm__(".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        "    cmpq $437, %rdi\n"
        "    je openat2_replaced@PLT\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    movq %rdx, %rsi\n"
        "    movq %rcx, %rdx\n"
        "    movq %r8, %r10\n"
        "    movq %r9, %r8\n"
        "    movq 8(%rsp), %r9\n"
        "    syscall\n"
        "    cmpq $-4095, %rax\n"
        "    jae 1f\n"
        "    ret\n"
        "1:  movq %rax, %rdi\n"
        "    jmp openat2_failed@PLT\n");
