/* select.h - which form of a file a client gets: the file itself, or one of its variants. */
#ifndef SERVER_SELECT_H
#define SERVER_SELECT_H

#include "server/exchange.h"

/* The form of a file with variants that serves the request best: the file itself if the request
 * does not say which codings it takes. NULL: x->fill is to be waited for. A variant that is gone,
 * can't be read or is no smaller than the file is passed over; the last counts only where the
 * client takes the file as it is. */
struct site_entry *select_variant(struct exchange *x, struct site_entry *entry);

#endif
