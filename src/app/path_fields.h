/* path_fields.h - the response fields that the operator wants for one path. Pure.
 *
 * They come from three places, and for a field of one name the first of them that sets it counts
 * alone: what was named when the server was started, for who runs a server has the last word; the
 * `_headers` file of the site; what max_age and cors stand for. */
#ifndef APP_PATH_FIELDS_H
#define APP_PATH_FIELDS_H

#include "app/field_rules.h"

#include <stdint.h>

enum {
    PATH_FIELDS_MAX = 4096, /* bytes of lines for one path; those that do not fit are left out */
    PATH_FIELDS_CACHE_MAX = 512,           /* of those of Cache-Control; likewise */
    PATH_FIELDS_HASHED_MAX_AGE = 31536000, /* seconds: what is called after its content is kept */
};

/* Where fields come from. */
struct field_sources {
    const struct field_rules *given; /* when the server was started; or NULL */
    const struct field_rules *file;  /* `_headers`; or NULL */
    bool has_max_age;
    uint32_t max_age; /* seconds a client may keep what is no page and not named after content */
    bool cors;        /* scripts of any site may read it */
};

struct path_fields {
    struct text lines; /* "Name: value\r\n" each; in `space` */
    struct text cache; /* those of Cache-Control, which are for the file itself and no other answer;
                          in `cache_space` */
    struct str type;   /* Content-Type, or empty; borrowed from the rules */
    bool cut;          /* some did not fit */
    char space[PATH_FIELDS_MAX];
    char cache_space[PATH_FIELDS_CACHE_MAX];
};

/* Collect them for a normalised path. */
void path_fields_collect(struct path_fields *fields, const struct field_sources *sources,
                         struct str path);

#endif
