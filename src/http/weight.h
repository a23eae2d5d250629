/* weight.h - how much one member of a list is wanted (RFC 9110 12.4.2). Pure. */
#ifndef HTTP_WEIGHT_H
#define HTTP_WEIGHT_H

#include "base/str.h"

enum { HTTP_WEIGHT_ONE = 1000 };

/* The weight that a parameter ("q=0.7") is, in thousandths; -1 when it is none. */
int http_weight(struct str parameter);

#endif
