/* report.h - sentences for the operator about certificates and keys.
 *
 * They name the pair, say what is wrong and, where it is not plain, what to do. */
#ifndef TLS_REPORT_H
#define TLS_REPORT_H

enum { TLS_SENTENCE_MAX = 400 }; /* with its NUL; a longer one is cut */

/* What became of reading pairs. Each is a C string, empty when there is nothing to say. */
struct tls_report {
    char error[TLS_SENTENCE_MAX];   /* why there is no context */
    char warning[TLS_SENTENCE_MAX]; /* the first thing that will not please clients */
};

#endif
