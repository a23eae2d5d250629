/* ringlet.h - ringlet as a library: an HTTP server that answers from your functions, and from the
 * files of a directory if you name one.
 *
 * A program makes a server, gives it routes, and runs it. Every core it uses has one thread with
 * connections of its own; a handler is called on the thread of the connection's core, so handlers
 * of different cores run at the same time, and those of one core never do. A handler must not
 * block: everybody on its core waits for it.
 *
 * Texts are slices: a pointer and a length, not ended by a NUL. What a request gives is lent until
 * the handler returns. Errors are negative errno values. Functions that take a server are called
 * before ringlet_run, on one thread, and ringlet_free after it; only ringlet_stop may be called at
 * any time, from any thread and from signal handlers.
 *
 * NULL for a pointer that is needed is refused: with -EINVAL where an int is returned (and where it
 * is part of a route, ringlet_run says so with a sentence), with nothing found where something is
 * looked up by its name. A server or a reply that could not be had may so be handed on unlooked at.
 * `data`, `state` and `owner` are the program's, and may be anything; `request` is always the one
 * that the handler was called with. */
#ifndef RINGLET_H
#define RINGLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version, as numbers to compare and as text to show. CMake reads it from here. */
#define RINGLET_VERSION_MAJOR 0
#define RINGLET_VERSION_MINOR 1
#define RINGLET_VERSION_PATCH 0
#define RINGLET_VERSION       "0.1.0"

/* What a shared library shows to those who link with it. */
#define RINGLET_API __attribute__((visibility("default")))

enum {
    RINGLET_ROUTES_MAX = 1024,  /* of a server, a redirect being one and a mount two; more are
                                   refused by ringlet_run */
    RINGLET_PATTERN_MAX = 1024, /* bytes of a pattern; likewise */
    RINGLET_SEGMENTS_MAX = 32,  /* segments of a pattern; likewise */
    RINGLET_PARAMS_MAX = 8,     /* parameters in a pattern; likewise */
    RINGLET_FIELDS_SIZE = 8192, /* bytes of the header fields that a handler sets; -ENOSPC beyond */
    RINGLET_FILE_PATH_MAX = 1024, /* bytes of a path for ringlet_reply_file; -ENOSPC beyond */
    /* A handler that computes or sleeps longer than this, and so holds up its core, is reported on
     * standard error with its route; likewise what is called for its bodies in pieces and its late
     * replies. Time in which others had the CPU does not count. */
    RINGLET_BLOCKED_MS = 100,
    /* A reply that was kept for this long, is not finished nor begun in pieces, and that nothing it
     * has asked for will wake, is reported likewise, once. It stays as it is. */
    RINGLET_UNFINISHED_MS = 60000,
    RINGLET_PIECES_SIZE =
        65536, /* bytes of a reply in pieces that wait to be taken; -EAGAIN then */
    RINGLET_HALF_CLOSED_MS =
        10000, /* how long a client that has ended its own side is waited for */
};

/* The length of a reply in pieces of which nobody knows how many bytes it will have. */
#define RINGLET_LENGTH_UNKNOWN UINT64_MAX

struct ringlet;         /* a server */
struct ringlet_request; /* what a handler answers */
struct ringlet_reply;   /* with what */
struct ringlet_body;    /* of a request, when it is taken in pieces */

/* Borrowed bytes. `at` is NULL when there is nothing of that name. */
struct ringlet_slice {
    const char *at;
    size_t len;
};

/* --- a server --- */

/* How a server is to be. Filled in by ringlet_options_init, so that a program still runs with a
 * later library that has more members. Texts are copied by ringlet_new. */
struct ringlet_options {
    size_t size;        /* of this struct, as the program knows it */
    const char *host;   /* numeric address; default "127.0.0.1"; "::" is all of IPv6 and IPv4 */
    uint16_t port;      /* default 8080; 0 takes a free one, which the start line names */
    uint32_t cores;     /* threads, each pinned to a CPU; default 0: those the process may use */
    const char *root;   /* directory whose files answer where no route does; default NULL: none */
    const char *engine; /* "auto", "io_uring" or "epoll"; default NULL: auto */
    const char *log;    /* access log: a file, or "-" for standard output; default NULL: none */
    uint32_t drain_ms;  /* from ringlet_stop until what is in flight is cut; default 20,000; over
                           86,400,000 (24 hours) is refused by ringlet_run */
    bool quiet;         /* no line on start; default false */
    bool signals;       /* TERM, INT and QUIT stop it, HUP and USR1 reopen the log, HUP reads
                           certificates again, and PIPE is held back, while it runs; default false:
                           signals are the program's */
    /* HTTPS, beside plain HTTP on `port`. What is given without tls_port is refused by ringlet_run,
     * as a tls_port without a certificate is. */
    int32_t tls_port; /* default -1: no HTTPS; 0 takes a free one, which the start line names */
    /* Files of PEM, up to 16 and ended by a NULL, and as many keys in the same order; the first
     * pair is for clients that ask for no name, or for another. They are read by ringlet_run, and
     * again when they change. Default NULL: none. */
    const char *const *tls_certs, *const *tls_keys;
    bool tls_self_signed; /* instead of those: make a certificate for this host; default false */
    bool https_redirect;  /* `port` redirects (308) to HTTPS, but for the paths below
                             /.well-known/acme-challenge/; default false */
    const char *hsts;     /* what Strict-Transport-Security says over HTTPS: "31536000", seconds,
                             with ",includeSubDomains" or ",preload" behind; default NULL: none */
    uint32_t spin_us;     /* how long a core with requests polls for the next one before it sleeps;
                             takes a whole CPU while they come; default 0: not at all; over 1,000
                             is refused by ringlet_run */
};

/* Fill in the defaults; `size` is sizeof *options. NULL is left alone. */
RINGLET_API void ringlet_options_init(struct ringlet_options *options, size_t size);

/* A server, to be given back by ringlet_free; NULL when memory or descriptors are short. NULL for
 * `options` takes the defaults. What is wrong with them is told by ringlet_run. */
RINGLET_API struct ringlet *ringlet_new(const struct ringlet_options *options);

/* Serve until it is stopped; blocks. Returns what main should return: 0 after a stop, 1 when
 * something failed, 2 when an option or a route is wrong, 78 when the files of rules below `root`
 * are. In all but the first case one sentence on standard error says why. The limit on open files
 * is raised to the hard limit. May be called once. */
RINGLET_API int ringlet_run(struct ringlet *server);

/* Let what is in flight finish, for drain_ms at most, and let ringlet_run return; called again, cut
 * what is left. Before ringlet_run, it will return at once. NULL is allowed. */
RINGLET_API void ringlet_stop(struct ringlet *server);

/* After ringlet_run has returned, or instead of it. NULL is allowed. */
RINGLET_API void ringlet_free(struct ringlet *server);

/* --- routes --- */

/* Answers a request, with one of the calls of ringlet_reply_... that say they finish the reply. One
 * that returns without, and without ringlet_reply_later, has answered 500 and is reported on
 * standard error. `data` is the route's. */
typedef void ringlet_handler(struct ringlet_request *request, struct ringlet_reply *reply,
                             void *data);

/* Let `handler` answer requests with this method (GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS)
 * whose path fits the pattern. Paths are decoded and normalised before: "%2e", "//" and ".." are
 * dealt with. In a pattern a segment "{name}" takes one segment that is not empty, a last segment
 * "{name...}" takes all that is left, slashes and nothing included, and everything else stands for
 * itself. A path with "%2F" in it fits no pattern, as it is no file: 404. Where several patterns
 * fit, a literal one goes first, then the one with more literal bytes before its first parameter,
 * then the one with more of them in all, then the one without "{name...}"; two of one method that
 * fit the same path and differ in none of this are a conflict. Of different methods they may even
 * differ in nothing but the names of their parameters; HEAD counts as GET here.
 *
 * HEAD is answered by GET's handler, without the content, unless it has its own; OPTIONS and 405
 * with Allow (RFC 9110 10.2.1) answer by themselves. Routes go before files.
 *
 * 0, or -EINVAL: a conflict, or a pattern that is none. ringlet_run then refuses to start, with a
 * sentence, so the return value need not be looked at. */
RINGLET_API int ringlet_route(struct ringlet *server, const char *method, const char *pattern,
                              ringlet_handler *handler, void *data);

/* The same for a handler that wants the request's body, whole: it is called when that has come, and
 * ringlet_body gives it. The memory for it grows as it comes. A request that announces more than
 * `max` bytes is answered 413 before any of them is read, and one that sends more in chunks as soon
 * as it does. "Expect: 100-continue" (RFC 9110 10.1.1) is granted only here and to
 * ringlet_route_pieces; a body that no handler wants is read and dropped, up to 1 MiB. */
RINGLET_API int ringlet_route_body(struct ringlet *server, const char *method, const char *pattern,
                                   uint64_t max, ringlet_handler *handler, void *data);

/* Takes a piece of a request's body, which is lent for the call. *state is NULL before the first
 * piece and the request's own from then on: the handler gets it from ringlet_body_state, and is its
 * owner. Returns 0, or a status from 400 to 599 to answer the request with, and close. When the
 * handler will never be called (the client has gone, the body breaks the rules) and *state is not
 * NULL, this is called once more with NULL for `bytes`: release it. No more is read from the client
 * before this has returned, and while it has the body paused. `body` is good until the handler is
 * called, or would have been. */
typedef int ringlet_piece(struct ringlet_body *body, const void *bytes, size_t len, void **state,
                          void *data);

/* The same for a handler whose body is taken in pieces by `piece`, and never held: the handler is
 * called after the last one. */
RINGLET_API int ringlet_route_pieces(struct ringlet *server, const char *method,
                                     const char *pattern, uint64_t max, ringlet_piece *piece,
                                     ringlet_handler *handler, void *data);

/* Called on the core's thread when what a body waits for has come. */
typedef void ringlet_body_ready(struct ringlet_body *body, void **state, void *data);

/* Give no piece more, nor call the handler, until ringlet_body_more. What the client sends
 * meanwhile stays with the client, but for some buffers, and it has all the time it takes. Called
 * by the function that takes a piece, or by what was waited with. 0, or -EINVAL for NULL. */
RINGLET_API int ringlet_body_pause(struct ringlet_body *body);

/* Go on; at any time, on this core's thread. Goes on when the caller has returned to the server. 0,
 * or -EINVAL for NULL. */
RINGLET_API int ringlet_body_more(struct ringlet_body *body);

/* As ringlet_reply_timer and ringlet_reply_descriptor, for a body, whose waits end when its handler
 * is called, or never will be: there is no -EALREADY. */
RINGLET_API int ringlet_body_timer(struct ringlet_body *body, uint32_t ms,
                                   ringlet_body_ready *ready);
RINGLET_API int ringlet_body_descriptor(struct ringlet_body *body, int fd, unsigned events,
                                        ringlet_body_ready *ready);

/* Answer GET for this pattern with a redirect (status 301, 302, 303, 307 or 308) to `location`,
 * which is copied. Otherwise like ringlet_route. */
RINGLET_API int ringlet_redirect(struct ringlet *server, const char *pattern, const char *location,
                                 int status);

/* Answer GET for every path below `prefix` ("/static") with what stands at the rest of it in a
 * directory below the root ("/" or "/assets"), as ringlet_reply_file does; but a directory asked
 * for without its slash is redirected to (301), and so is `prefix` alone, which therefore has no
 * other route. A slash at the end of either is the same as none. `directory` holds no "." and no
 * "..". Otherwise like ringlet_route. */
RINGLET_API int ringlet_mount(struct ringlet *server, const char *prefix, const char *directory);

/* Let every core have state of its own: `start` is called on each core's thread before it serves,
 * and makes the state; NULL means that it can't, and ringlet_run fails. `end`, unless it is NULL,
 * is called with it on the same thread when the core's last connection is closed. 0, -EINVAL
 * without `start`, or -EALREADY: it was called before. */
RINGLET_API int ringlet_core_state(struct ringlet *server, void *(*start)(void *data),
                                   void (*end)(void *state, void *data), void *data);

/* --- a request --- */

/* The method, as sent. */
RINGLET_API struct ringlet_slice ringlet_method(const struct ringlet_request *request);

/* The path, decoded and normalised; begins with '/'. */
RINGLET_API struct ringlet_slice ringlet_path(const struct ringlet_request *request);

/* What the path has put into the parameter of that name of the route's pattern. */
RINGLET_API struct ringlet_slice ringlet_param(const struct ringlet_request *request,
                                               const char *name);

/* The query as sent, without its '?'; at is NULL when there is no '?'. */
RINGLET_API struct ringlet_slice ringlet_query(const struct ringlet_request *request);

/* The value of the first query parameter of that name, decoded: "%41" and '+' are what they stand
 * for in forms, and a '%' that no two hexadecimal digits follow stands for itself. It may hold any
 * byte. at is NULL when there is none, and when memory is short. */
RINGLET_API struct ringlet_slice ringlet_query_value(struct ringlet_request *request,
                                                     const char *name);

/* The next query parameter, decoded. *at is 0 before the first call and is moved on. False when
 * there are no more, or memory is short. */
RINGLET_API bool ringlet_query_next(struct ringlet_request *request, size_t *at,
                                    struct ringlet_slice *name, struct ringlet_slice *value);

/* The value of the first header field of that name, whatever its case, without the white space
 * around it. */
RINGLET_API struct ringlet_slice ringlet_header(const struct ringlet_request *request,
                                                const char *name);

/* The next header field, in the order sent. *at is 0 before the first call and is moved on. */
RINGLET_API bool ringlet_header_next(const struct ringlet_request *request, size_t *at,
                                     struct ringlet_slice *name, struct ringlet_slice *value);

/* The body, for ringlet_route_body; empty when there is none. */
RINGLET_API struct ringlet_slice ringlet_body(const struct ringlet_request *request);

/* What ringlet_route_pieces has made of the body; NULL when no piece has come. Owned by the handler
 * that asks; only the first call gives it. */
RINGLET_API void *ringlet_body_state(struct ringlet_request *request);

/* The address at the other end of the connection, as text. */
RINGLET_API struct ringlet_slice ringlet_peer(const struct ringlet_request *request);

/* Did it come over HTTPS? */
RINGLET_API bool ringlet_secure(const struct ringlet_request *request);

/* What `start` of ringlet_core_state has made for this core; NULL without. */
RINGLET_API void *ringlet_state(const struct ringlet_request *request);

/* --- a reply --- */

/* The status, from 200 to 599; it is 200 otherwise. 0, or -EINVAL, or -EALREADY once the reply is
 * finished. With 204, 205 and 304 there is no content, whatever is given. */
RINGLET_API int ringlet_reply_status(struct ringlet_reply *reply, int status);

/* Add a header field. 0; -EINVAL when the name is no token, when the value holds a control
 * character but tabs (CR, LF and NUL among them), or when the name is Connection, Content-Length,
 * Date, Keep-Alive, Trailer, Transfer-Encoding or Upgrade, which are the server's; -ENOSPC when
 * RINGLET_FIELDS_SIZE is used up; -EALREADY once the reply is finished. The field is left out then.
 * Content-Type is "text/plain; charset=utf-8" where there is content and no such field was added.
 */
RINGLET_API int ringlet_reply_header(struct ringlet_reply *reply, const char *name,
                                     const char *value);

/* Finish the reply with this content, which is copied. `bytes` may be NULL when `len` is 0. 0,
 * -EINVAL, -ENOMEM, or -EALREADY, which is reported on standard error. */
RINGLET_API int ringlet_reply_send(struct ringlet_reply *reply, const void *bytes, size_t len);

/* Finish the reply with content that is taken over: `release`, unless it is NULL, is called with
 * `owner` on this core's thread when the bytes are not needed any more, which may be at once. Also
 * when this fails: 0, -EINVAL when `bytes` is NULL and `len` is not 0, or -EALREADY. With NULL for
 * `release` the bytes must stay until ringlet_run has returned. */
RINGLET_API int ringlet_reply_give(struct ringlet_reply *reply, const void *bytes, size_t len,
                                   void (*release)(void *owner), void *owner);

/* Finish the reply with text as printf(3) would write it. 0, -ENOMEM, -EINVAL when the format is
 * wrong, or -EALREADY. */
RINGLET_API int ringlet_reply_printf(struct ringlet_reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Finish the reply with a redirect and no content. 0; -EINVAL when the status is not 301, 302, 303,
 * 307 or 308, or `location` is no field value; -ENOSPC; -EALREADY. */
RINGLET_API int ringlet_reply_redirect(struct ringlet_reply *reply, int status,
                                       const char *location);

/* Finish the reply to a GET or HEAD with what stands at this path, decoded, below the root: with
 * everything that a file's answer has (ranges, conditions, variants). A directory stands for its
 * index, with a slash at the end of `path` or without; 404 when nothing is there, and where a
 * directory has no index. 0; -EINVAL for another method, when a status or fields were set, or when
 * the path does not begin with '/'; -ENOSPC when it has over RINGLET_FILE_PATH_MAX bytes;
 * -EALREADY. */
RINGLET_API int ringlet_reply_file(struct ringlet_reply *reply, const char *path);

/* --- a reply that comes later --- */

/* Told that nobody waits for the reply any more: it is not there any longer when this is called. */
typedef void ringlet_gone(void *state);

/* Called on the core's thread when what a reply waits for has come. `state` is that of
 * ringlet_reply_later. */
typedef void ringlet_resume(struct ringlet_reply *reply, void *state);

/* Keep a reply beyond the handler's return: the one returned takes its place, with the status and
 * the fields it has, and takes the same calls, at any time before `gone` and on this core's thread:
 * from the calls of its own timer, or from any other handler or call on this core. The request is
 * not there any more then. Once finished it is not to be used again: it may be gone, and finishing
 * it once more within the same call is reported on standard error. Requests that are pipelined
 * behind it wait. NULL when memory is short, and when the reply is finished or kept already.
 *
 * `gone`, unless it is NULL, is called when the reply is dropped before it is finished: the
 * connection breaks; the client takes nothing of what is sent for as long as the server's write
 * timeout; the server stops. A client that has ended its own side (a FIN) may still read, or may be
 * a browser whose page was closed, which looks the same: it gets what the handler says, and is
 * given up when that says nothing for RINGLET_HALF_CLOSED_MS. */
RINGLET_API struct ringlet_reply *ringlet_reply_later(struct ringlet_reply *reply,
                                                      ringlet_gone *gone, void *state);

/* Let `resume` be called in `ms` milliseconds, once; asked again, only the last one counts, and
 * NULL for `resume` means not at all. For replies of ringlet_reply_later. 0; -EINVAL when it is
 * none; -EALREADY when it is finished. */
RINGLET_API int ringlet_reply_timer(struct ringlet_reply *reply, uint32_t ms,
                                    ringlet_resume *resume);

/* What a descriptor is waited for. An error and a hang-up are both. */
enum { RINGLET_READABLE = 1, RINGLET_WRITABLE = 2 };

/* Let `resume` be called when the descriptor (of a socket, a pipe, an eventfd and the like) is
 * ready for one of `events`, once, beside a timer; asked again, only the last one counts, and NULL
 * for `resume` means not at all, whatever `fd` is. It should be non-blocking, and what it has is
 * read or written by the program. For replies of ringlet_reply_later.
 *
 * A duplicate is watched: the program may close its own at any time, which does not end the wait
 * (and what is at the other end sees no end before the wait has one). It is over when `resume` is
 * called, the reply is finished, or the client has gone: by the time of `gone` nothing of it is
 * left to be called, nor after the stop of a server.
 *
 * 0; -EINVAL when the reply is not kept, the events are none, or the descriptor is none or one that
 * is always ready (of a file or a directory); -EMFILE; -EALREADY when the reply is finished. */
RINGLET_API int ringlet_reply_descriptor(struct ringlet_reply *reply, int fd, unsigned events,
                                         ringlet_resume *resume);

/* Cut the connection without finishing the reply, so that the client sees that something is
 * missing. For replies of ringlet_reply_later, begun or not; `gone` is not called. 0; -EINVAL when
 * it is none; -EALREADY when it is finished. */
RINGLET_API int ringlet_reply_abort(struct ringlet_reply *reply);

/* --- a reply in pieces ---
 *
 * A reply that was kept is begun, given its content in pieces, and ended; all of that may happen in
 * the handler itself, or piece by piece at any later time. What is given in one call of a handler
 * goes out together when that has returned. */

/* Let the content of this reply come in pieces, `length` bytes in all, or RINGLET_LENGTH_UNKNOWN:
 * then it goes out in chunks, or to a client of HTTP/1.0 until the connection is closed. Status and
 * fields are what they are from then on. For replies of ringlet_reply_later; there is no limit on
 * the time it takes, nor on a silence. 0; -EINVAL when it is none; -EALREADY when it is begun or
 * finished.
 *
 * Where the client gets no content (HEAD, 204, 304) pieces are dropped; a reply that is not ended
 * when its head has gone out is dropped then, and `gone` is called. */
RINGLET_API int ringlet_reply_begin(struct ringlet_reply *reply, uint64_t length);

/* The next piece, which is copied. 0; -EAGAIN when more than RINGLET_PIECES_SIZE bytes would wait
 * for the client with it: ask for ringlet_reply_room; -EMSGSIZE when it is longer than that;
 * -ENOMEM; -EINVAL when the reply was not begun; -EALREADY when it was ended. Nothing of it was
 * taken in any of these cases. Also -EINVAL when it goes beyond the length that was promised: that
 * is reported on standard error, the connection is cut, and `gone` called unless the reply is
 * ended before that. */
RINGLET_API int ringlet_reply_piece(struct ringlet_reply *reply, const void *bytes, size_t len);

/* The next piece, which is taken over if this returns 0: `release`, unless it is NULL, is called
 * with `owner` on this core's thread when the bytes are not needed any more, which may be at once;
 * with NULL they must stay until ringlet_run has returned. It may have any length if nothing waits
 * before it, and counts at least 256 bytes. Otherwise like ringlet_reply_piece, without -EMSGSIZE.
 */
RINGLET_API int ringlet_reply_give_piece(struct ringlet_reply *reply, const void *bytes, size_t len,
                                         void (*release)(void *owner), void *owner);

/* Let `resume` be called when at most half of RINGLET_PIECES_SIZE waits for the client, once;
 * asked again, only the last one counts, and NULL means not at all. It is not called before this
 * call's caller has returned to the server. 0; -EINVAL when the reply was not begun; -EALREADY when
 * it was ended. */
RINGLET_API int ringlet_reply_room(struct ringlet_reply *reply, ringlet_resume *resume);

/* No more pieces will come: the reply is finished. 0; -EINVAL when the reply was not begun;
 * -EALREADY when it was ended. Also -EINVAL when there were fewer bytes than promised: that is
 * reported on standard error, and the connection is cut. */
RINGLET_API int ringlet_reply_end(struct ringlet_reply *reply);

#ifdef __cplusplus
}
#endif

#endif
