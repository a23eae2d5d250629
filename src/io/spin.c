#include "io/spin.h"

#include "base/check.h"
#include "io/io.h"

void spin_init(struct spin *s, unsigned most_us)
{
    CHECK(most_us <= IO_SPIN_MAX_US);
    *s = (struct spin){ .most_ns = most_us * 1000ULL, .next_rest = 1 };
}

bool spin_begin(struct spin *s, uint64_t now_ns, bool anybody)
{
    s->since_ns = now_ns;
    s->polling = anybody && s->rest == 0;
    s->count += s->polling;
    return s->polling;
}

static void polled_in_vain(struct spin *s)
{
    if (++s->vain < SPIN_VAIN_MAX)
        return;
    s->vain = SPIN_VAIN_MAX - 1;
    s->rest = s->next_rest;
    if (s->next_rest < SPIN_REST_MAX)
        s->next_rest *= 2;
}

void spin_end(struct spin *s, uint64_t now_ns)
{
    bool soon = spin_goes_on(s, now_ns);

    if (!s->polling) {
        s->rest -= soon && s->rest > 0;
    } else if (soon) {
        s->vain = 0;
        s->next_rest = 1;
    } else {
        polled_in_vain(s);
    }
}
