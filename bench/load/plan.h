/* plan.h - what all threads of a run share and none changes: whom to ask, and for what. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "load/options.h"
#include "load/request.h"
#include "load/tls.h"

#include <sys/socket.h>

enum {
    PLAN_HOST_MAX = 256,
    PLAN_ADDRESS_TEXT = 80,
    PLAN_SOURCES = 250,          /* 127.0.0.1 to 127.0.0.250 */
    PLAN_PORTS_OF_SOURCE = 20000 /* connections from one address before others are used */
};

struct plan {
    const struct options *options;
    struct requests requests;
    struct sockaddr_storage address;
    socklen_t address_len;
    char host[PLAN_HOST_MAX];             /* NUL-terminated, for TLS */
    char address_text[PLAN_ADDRESS_TEXT]; /* for people */
    bool rotate_sources;                  /* connections come from 127.0.0.1, 127.0.0.2, ... */
    struct tls_context *tls;              /* NULL: plain */
    char *targets_text;                   /* what --targets held */
};

/* Make it: read the URLs and files and look the host up. 0, or the exit status with the reason in
 * *why. plan_free releases it in either case. */
int plan_make(struct plan *plan, const struct options *options, struct sentence *why);
void plan_free(struct plan *plan);

/* Connect once, to see whether anybody is there. False with the reason in *why. */
bool plan_probe(const struct plan *plan, struct sentence *why);

#endif
