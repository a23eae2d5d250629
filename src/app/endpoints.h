/* endpoints.h - which function answers which path, by method and pattern (ringlet_route in
 * ringlet.h says what a pattern is).
 *
 * Made before the server runs, read by every core after. A literal path is found by its hash in a
 * few instructions; patterns with parameters are tried one after the other, the most literal
 * first. */
#ifndef APP_ENDPOINTS_H
#define APP_ENDPOINTS_H

#include "base/text.h"
#include "http/method.h"
#include "ringlet.h"

enum {
    ENDPOINTS_SLOTS = 4096,      /* for literal paths; a power of two */
    ENDPOINTS_REFUSAL_MAX = 512, /* the sentence, with its NUL */
};

/* The methods before this one can have routes. */
#define ENDPOINTS_METHODS HTTP_TRACE

/* What becomes of the content of its requests. */
struct endpoint_body {
    bool wanted;
    uint64_t max;         /* bytes, where it is wanted */
    ringlet_piece *piece; /* NULL: it is kept whole */
};

struct endpoint {
    enum http_method method;
    struct endpoint_body body;
    struct str pattern;
    ringlet_handler *handler;
    void *data;
};

/* What a path put into the parameters. Borrows from the pattern and the path. */
struct endpoint_match {
    unsigned count;
    struct str names[RINGLET_PARAMS_MAX], values[RINGLET_PARAMS_MAX];
};

enum endpoint_segment_kind { ENDPOINT_LITERAL, ENDPOINT_PARAM, ENDPOINT_REST };

struct endpoint_segment {
    enum endpoint_segment_kind kind;
    struct str text; /* the literal, or the parameter's name */
};

/* All routes of one pattern. */
struct resource {
    char *memory; /* of the pattern's text */
    struct str pattern;
    size_t first, literal; /* literal bytes before the first parameter, and in all */
    bool has_params, has_rest;
    unsigned count;
    struct endpoint_segment segments[RINGLET_SEGMENTS_MAX];
    struct endpoint routes[ENDPOINTS_METHODS];
    const struct endpoint
        *by_method[ENDPOINTS_METHODS]; /* NULL: none; that of GET stands for HEAD's */
};

struct endpoints {
    unsigned routes;
    unsigned count;    /* different patterns */
    unsigned patterns; /* how many of `all`, which come first, have parameters */
    struct resource *all[RINGLET_ROUTES_MAX];
    struct resource *slots[ENDPOINTS_SLOTS]; /* those without, by hash */
    char refusal[ENDPOINTS_REFUSAL_MAX]; /* what is wrong with the first that was refused, or "" */
};

/* None yet. */
void endpoints_init(struct endpoints *endpoints);

/* Free what endpoints_add took. */
void endpoints_release(struct endpoints *endpoints);

/* 0, -ENOMEM, or -EINVAL with a sentence in endpoints->refusal, which keeps the first one. `body`
 * may be NULL: it is not wanted. */
int endpoints_add_body(struct endpoints *endpoints, const char *method, const char *pattern,
                       const struct endpoint_body *body, ringlet_handler *handler, void *data);

/* The same for a handler that wants no body. */
int endpoints_add(struct endpoints *endpoints, const char *method, const char *pattern,
                  ringlet_handler *handler, void *data);

/* Keep a sentence, unless there is one, in endpoints->refusal. Always -EINVAL. */
int endpoints_refuse(struct endpoints *endpoints, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The route of a path that some pattern is to the letter; NULL when there is none, and then there
 * may still be one that endpoints_find finds. */
const struct endpoint *endpoints_find_literal(const struct endpoints *endpoints,
                                              enum http_method method, struct str path);

/* The route of a normalised path, or NULL. *allowed are the methods, as bits, that the path has
 * routes for; 0 when it fits no pattern. `match` is filled in with a route. */
const struct endpoint *endpoints_find(const struct endpoints *endpoints, enum http_method method,
                                      struct str path, struct endpoint_match *match,
                                      unsigned *allowed);

/* "GET, HEAD, OPTIONS": OPTIONS is always among them. */
void endpoints_write_methods(struct text *out, unsigned allowed);

#endif
