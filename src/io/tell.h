/* tell.h - the two events of every exchange, written in place: only the fields that io.h names for
 * the kind. Used by both engines. */
#ifndef IO_TELL_H
#define IO_TELL_H

#include "io/buffers.h"

/* `len` bytes came into the buffer of `lease`, which is lent from now on. */
static inline void tell_received(struct io_event *event, struct buffers *b, int lease,
                                 struct io_sock *s, uint32_t len)
{
    buffers_lend(b, lease, s);
    event->kind = IO_RECEIVED;
    event->sock = s;
    event->bytes = buffers_at(b, lease);
    event->len = len;
    event->lease = lease;
}

static inline void tell_sent(struct io_event *event, struct io_sock *s, int result)
{
    event->kind = IO_SENT;
    event->result = result;
    event->sock = s;
}

#endif
