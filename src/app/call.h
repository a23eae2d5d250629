/* call.h - one call of a handler: the request it is shown, and the reply it describes.
 *
 * The functions of ringlet.h that a handler uses are here. Whoever calls the handler makes both,
 * and does what the reply says. */
#ifndef APP_CALL_H
#define APP_CALL_H

#include "app/endpoints.h"
#include "base/list.h"
#include "http/request.h"

enum {
    CALL_FIELDS_ROOM = RINGLET_FIELDS_SIZE, /* memory for the fields of a reply */
    CALL_CONTENT_ROOM = 2048,               /* for content that is copied; more is on the heap */
    CALL_DECODED_ROOM = 2048,               /* for what is decoded of a query; likewise */
};

/* What was decoded of a query beyond the room there is; a list, on the heap. */
struct call_decoded {
    struct call_decoded *next;
    char bytes[];
};

struct ringlet_request {
    const struct http_request *head;
    struct str path; /* normalised */
    const struct endpoint_match *match;
    struct str peer;
    bool secure; /* over HTTPS */
    void *state; /* of the core */
    struct str body;
    void **body_state; /* made of its pieces; NULL: none */
    struct text decoded;
    struct call_decoded *more;
};

struct kept;

struct ringlet_reply {
    int status;
    bool done;          /* finished */
    bool again;         /* and then finished once more */
    bool file;          /* the content is the path of a file, ended by a NUL */
    bool mounted;       /* and the request's path has the same end */
    bool reads;         /* it answers GET or HEAD */
    bool head_only;     /* it answers HEAD */
    bool streams;       /* it is kept, and done: its content comes in pieces */
    bool typed;         /* among the fields is Content-Type */
    struct text fields; /* each with its CRLF */
    struct text copied;
    struct str content;
    void (*release)(void *owner); /* of the content; or NULL */
    void *owner;
    struct kept *kept;    /* where it is kept, or what took its place; or NULL */
    struct list *changes; /* the core's, for what is done to kept ones */
};

/* Free what a request has decoded onto the heap. */
void call_free_decoded(struct ringlet_request *request);

/* ringlet_reply_file for a path with the same end as the request's: a directory named without its
 * slash is redirected to, as one of the site is. */
int call_reply_mounted(struct ringlet_reply *reply, const char *path);

/* Something was done to a reply that may be kept. */
void call_note(struct ringlet_reply *reply);

/* The content is not needed any more. */
static inline void call_release(struct ringlet_reply *reply)
{
    if (reply->release)
        reply->release(reply->owner);
    reply->release = NULL;
}

/* Has a reply with this status content? */
static inline bool call_has_content(int status)
{
    return status != 204 && status != 205 && status != 304;
}

/* Is it a status that a redirect can have? */
bool call_is_redirect(int status);

/* Can this be the value of a field that a handler sets? */
bool call_is_value(struct str value);

#endif
