/* config.h - what the operator asked for, checked. Made once by options, read by every core. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "site/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;

enum { CORES_MAX = 1024 }; /* as many CPUs as a cpu_set_t has */

enum { CONFIG_LIST_MAX = 64 }; /* items of an option that may be given again and again */

/* Every item of such an option, in order. */
struct config_list {
    unsigned count;
    struct str items[CONFIG_LIST_MAX];
};

enum {
    CONFIG_PAIRS_MAX = 16, /* certificates with their keys */
    CONFIG_HSTS_MAX = 64,  /* bytes of the field's value, with its NUL */
};

enum { CONFIG_INDEX_MAX = 16 }; /* names of an index; each one is an operation on the disk */

enum engine_choice { ENGINE_AUTO, ENGINE_IO_URING, ENGINE_EPOLL };

/* Texts are borrowed from argv, the environment or static memory, all of which outlive it. */
struct config {
    unsigned cores;      /* worker threads, 1 to CORES_MAX */
    int cpus[CORES_MAX]; /* cpus[i] is the CPU of core i; each one allowed and named once */

    const char *root;       /* directory served; default "." */
    const char *index;      /* names of what answers for a directory, with commas between */
    bool compress;          /* variants of texts are made where there are none */
    bool listing;           /* a directory without one is answered by a listing */
    bool dotfiles;          /* serve names that start with a dot, too */
    const char *mime_types; /* file laid over the built-in media types, or NULL */
    enum entry_etag etag;   /* what entity tags are made of */

    struct config_list headers;     /* response fields by path */
    struct config_list redirects;   /* where paths lead to */
    struct config_list error_pages; /* files that answer with an error's status */
    const char *spa;                /* file that answers for pages that are not there, or NULL */
    bool has_max_age;
    uint32_t max_age; /* seconds that clients may keep files */
    bool cors;        /* scripts of any site may read what is served */

    const char *host; /* numeric address; default "127.0.0.1"; "::" is both families */
    uint16_t port;    /* default 8080; 0 lets the kernel choose */

    bool tls;          /* HTTPS is served; the members from here to hsts say nothing otherwise */
    uint16_t tls_port; /* on the same host; 0 lets the kernel choose */
    /* Files, a key for each certificate, CONFIG_PAIRS_MAX at most; the first pair is the default.
     * None where it is self-signed. */
    struct config_list tls_certs, tls_keys;
    bool tls_self_signed;       /* a certificate is made at start */
    bool https_redirect;        /* the plain port leads to the other one */
    char hsts[CONFIG_HSTS_MAX]; /* value of Strict-Transport-Security; "" is none */

    enum engine_choice engine;
    uint32_t spin_us; /* that a core polls before it sleeps; default 0: not at all */
    const char *user; /* "name[:group]" to become once the listeners are bound, or NULL */

    const char *log; /* access log: a path, "-" for standard output, or NULL for none */
    bool debug;      /* connections and their fates on standard error */
    bool quiet;      /* no start line */

    bool demo;           /* the demo endpoints */
    const char *dataset; /* JSON file that they answer from, or NULL */

    uint32_t idle_ms;   /* a connection without a request; default 60 s */
    uint32_t header_ms; /* from a head's first byte to its last; default 10 s */
    uint32_t body_ms;   /* between two pieces of a body; default 30 s */
    uint32_t write_ms;  /* without the client taking a byte of the answer; default 30 s */
    uint32_t drain_ms;  /* from the first signal to the end; default 20 s */

    uint64_t cache_bytes; /* of files in memory, all cores together; default 128 MiB, 0: none */

    uint32_t max_head;  /* bytes of request line and fields; default 16 KiB, 1 to 64 KiB */
    uint64_t max_body;  /* content bytes read and dropped a request; default 1 MiB, 0: none */
    uint32_t max_conns; /* per core; 0 until limits has chosen one for those who named none */

    /* Set by the program that runs the server, not by options. */
    const struct app *app; /* who answers before files do; or NULL */
    bool no_files;         /* nothing of the root is served */
    bool embedded;         /* in somebody else's process: stopped through `stop` */
    bool own_signals;      /* embedded, and signals are the server's all the same */
    int stop;              /* eventfd: written to for each call of ringlet_stop */
};

#endif
