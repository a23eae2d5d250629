/* embed.h - the server as ringlet.h shows it: made, given routes, run and stopped by a program.
 *
 * Its options become a command line, so that they are checked, refused and defaulted as those of
 * the ringlet program are; that program makes one, too, for its own routes. */
#ifndef SERVER_EMBED_H
#define SERVER_EMBED_H

#include "app/app.h"
#include "ringlet.h"

/* What the program has brought; the server's. */
const struct app *embed_app(const struct ringlet *server);

/* What is wrong with its routes; NULL when nothing is. */
const char *embed_refusal(const struct ringlet *server);

#endif
