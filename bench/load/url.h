/* url.h - the parts of an http:// or https:// URL. */
#ifndef LOAD_URL_H
#define LOAD_URL_H

#include "base/str.h"
#include "server/sentence.h"

/* All slices borrow from the text that was read. */
struct url {
    bool tls;
    struct str authority; /* as it goes into Host */
    struct str host;      /* without the brackets of an IPv6 address */
    struct str port;      /* "80" or "443" when none was given */
    struct str target;    /* path and query; "/" when there is none */
};

/* Read `text`; false with the reason in *why. A user name is refused, a fragment is left out. */
bool url_parse(struct str text, struct url *url, struct sentence *why);

/* Whether `target` can stand in a request line: begins with a slash and holds neither white space
 * nor control characters. */
bool url_target_is_good(struct str target);

#endif
