/* entity_tag.h - entity tags and lists of them (RFC 9110 8.8.3, 13.1.1 and 13.1.2). Pure. */
#ifndef HTTP_ENTITY_TAG_H
#define HTTP_ENTITY_TAG_H

#include "base/str.h"

struct http_entity_tag {
    bool weak;         /* W/ stands before it */
    struct str opaque; /* with its quotes */
};

/* Read the whole of `s` as one entity tag. False, and *tag untouched, when it is none. */
bool http_entity_tag_read(struct str s, struct http_entity_tag *tag);

/* Cut the first member off a list of entity tags, of which there may be empty ones (RFC 9110
 * 5.6.1.2); *list keeps the rest. False when nothing is left, or nothing that is a list. A tag may
 * hold commas. */
bool http_entity_tag_next(struct str *list, struct http_entity_tag *tag);

/* The two ways to compare (RFC 9110 8.8.3.2). */
bool http_entity_tag_same_strong(struct http_entity_tag a, struct http_entity_tag b);
bool http_entity_tag_same_weak(struct http_entity_tag a, struct http_entity_tag b);

#endif
