/* cold.h - mark what is kept apart from the path of an everyday request. */
#ifndef BASE_COLD_H
#define BASE_COLD_H

/* Before a function that seldom runs: it is kept out of its callers, so that the path they share
 * with everyday requests saves no registers for it. Where measurement shows a difference. */
#define COLD __attribute__((cold, noinline))

/* The same of one that runs often, but not for every request, or not every time that its caller
 * does. */
#define APART __attribute__((noinline))

#endif
