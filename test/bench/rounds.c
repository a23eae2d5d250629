/* rounds - for each number on standard input, goes round a loop of two instructions so many times,
 * and round one string instruction as often; says that it has. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

static char from[1 << 16], to[1 << 16];

static void go_round(uint64_t count)
{
    const char *source = from;
    char *target = to;
    uint64_t bytes = count;

    __asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(count));
    __asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(bytes) : : "memory");
}

int main(void)
{
    uint64_t count;

    while (scanf("%" SCNu64, &count) == 1 && count > 0 && count <= sizeof from) {
        go_round(count);
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
