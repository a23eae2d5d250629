/* verdict.h - was the rate held, and if not, who fell behind? Were sessions resumed, where that was
 * asked for? */
#ifndef LOAD_VERDICT_H
#define LOAD_VERDICT_H

#include "load/result.h"
#include "server/sentence.h"

/* What a run with a rate found beside its result. */
struct verdict_facts {
    uint64_t due;     /* requests due within the window, */
    uint64_t in_time; /* those of them answered before its end */
    double busy;      /* of the busiest thread, 0 to 1 */
    double waited;    /* share of its time the worst thread waited for a CPU, 0 to 1 */
};

/* True when it was held. False with the reason in *why: who fell behind, and the figures. */
bool verdict_rate_was_held(const struct load_result *r, const struct verdict_facts *facts,
                           struct sentence *why);

/* True when sessions were resumed but for a few. False with the reason in *why. */
bool verdict_sessions_were_resumed(const struct load_result *r, struct sentence *why);

#endif
