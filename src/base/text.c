#include "base/text.h"

static void add_in_base(struct text *t, unsigned long long number, unsigned base)
{
    char digits[20]; /* 2^64 has 20 decimal digits */
    size_t at = sizeof digits;

    do {
        digits[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    text_add(t, str_of(digits + at, sizeof digits - at));
}

void text_add_number(struct text *t, unsigned long long number)
{
    add_in_base(t, number, 10);
}

void text_add_hex(struct text *t, unsigned long long number)
{
    add_in_base(t, number, 16);
}
