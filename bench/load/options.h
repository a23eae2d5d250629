/* options.h - what the operator asked for. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "base/str.h"
#include "server/sentence.h"

#include <stdint.h>

enum {
    OPTIONS_FIELDS_MAX = 64, /* --header */
    OPTIONS_THREADS_MAX = 1024,
    OPTIONS_CONNECTIONS_MAX = 1000000,
    OPTIONS_PIPELINE_MAX = 1024,
    OPTIONS_SPIN_US = 60, /* about what a sleeping thread is late by */
};

/* Texts borrow from the argument vector. */
struct options {
    uint64_t connections, threads, idle, pipeline;
    uint64_t rate; /* requests a second in all; 0: closed loop */
    uint64_t duration_ns, warmup_ns, timeout_ns, spin_ns;
    uint64_t body_size, expect_status, expect_length;
    bool new_connection, browser, chunked, tls_insecure, tls_resume, quiet;
    bool spin_given, body_given, expect_length_given;
    const char *cpus, *method, *body_file, *targets, *json, *hgrm, *tls_cipher;
    struct str fields[OPTIONS_FIELDS_MAX];
    unsigned field_count;
    char *const *urls;
    unsigned url_count;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_WRONG, /* the reason is in *why */
};

/* Read the argument vector, which getopt(3) reorders. */
enum options_result options_read(int argc, char **argv, struct options *options,
                                 struct sentence *why);

/* The text of --help. */
const char *options_help(void);

#endif
