/* request.h - the bytes of the requests, built once and sent as they are.
 *
 * The targets of a rotation lie one behind the other, repeated far enough that as many consecutive
 * requests as may be in flight are one run of bytes wherever the rotation stands. */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include "base/str.h"
#include "server/sentence.h"

enum { REQUEST_TARGETS_MAX = 100000 };

/* All bytes together. More is refused. */
#define REQUEST_BYTES_MAX ((size_t)1 << 30)

/* What every request says beside its target. */
struct request_form {
    struct str method;
    struct str authority;
    const struct str *fields; /* "Name: value" each */
    size_t field_count;
    bool browser; /* add the fields a browser sends */
    bool close;   /* add "Connection: close" */
    bool has_body;
    bool chunked;
    struct str body;
};

struct requests {
    char *bytes;
    size_t *at;     /* where request n begins, n from 0 to count + run - 1 */
    unsigned count; /* targets in the rotation */
    unsigned run;   /* requests that may be sent at once */
    bool to_head;   /* the method is HEAD: no content comes back */
};

/* Build them; false with the reason in *why. requests_free releases them, and may be called on
 * zeroes. */
bool requests_build(struct requests *r, const struct request_form *form, const struct str *targets,
                    unsigned count, unsigned run, struct sentence *why);
void requests_free(struct requests *r);

/* `n` consecutive requests, at most `run`, from place `first` of the rotation. */
static inline struct str requests_run(const struct requests *r, unsigned first, unsigned n)
{
    return str_of(r->bytes + r->at[first], r->at[first + n] - r->at[first]);
}

#endif
