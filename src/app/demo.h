/* demo.h - small endpoints that show what a handler is, and that benchmarks ask for; switched on by
 * --demo.
 *
 * Written with nothing but ringlet.h, as any program would. */
#ifndef APP_DEMO_H
#define APP_DEMO_H

#include "ringlet.h"

struct demo;

enum { DEMO_WHY_MAX = 512 };

/* Add the routes. `dataset` is the file that /json/{count} answers from; NULL: there is no such
 * route. NULL when that fails, with a sentence in `why`; otherwise to be given back with demo_free
 * once the server is freed. */
struct demo *demo_add(struct ringlet *server, const char *dataset, char why[DEMO_WHY_MAX]);

/* NULL is allowed. */
void demo_free(struct demo *demo);

#endif
