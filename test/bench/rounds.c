/* rounds - for each number on standard input, two bytes, goes round a loop of two instructions so
 * many times, and round one string instruction as often; says so with one byte. It does little
 * else, for each step takes its time. */
#include <stdint.h>
#include <unistd.h>

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
    uint16_t count;

    while (read(STDIN_FILENO, &count, sizeof count) == sizeof count && count > 0) {
        go_round(count);
        if (write(STDOUT_FILENO, ".", 1) != 1)
            break;
    }
    return 0;
}
