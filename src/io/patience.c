#include "io/patience.h"

#include "base/clock.h"

void patience_tried(struct patience *p)
{
    if (p->timeout_ms <= 0)
        return;

    uint64_t now = clock_ms();
    if (p->deadline == 0)
        p->deadline = now + (uint64_t)p->timeout_ms;
    p->timeout_ms = now < p->deadline ? (int)(p->deadline - now) : 0;
}
