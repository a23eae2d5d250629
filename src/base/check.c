#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "ringlet: internal check failed: %s (%s:%d); please report this\n", condition,
            file, line);
    abort();
}
