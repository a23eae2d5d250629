#include "app/endpoints.h"

#include "base/cold.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static_assert(RINGLET_ROUTES_MAX * 2 <= ENDPOINTS_SLOTS, "probing ends");
static_assert((ENDPOINTS_SLOTS & (ENDPOINTS_SLOTS - 1)) == 0, "a mask finds the slot");

void endpoints_init(struct endpoints *endpoints)
{
    memset(endpoints, 0, sizeof *endpoints);
}

void endpoints_release(struct endpoints *endpoints)
{
    for (unsigned i = 0; i < endpoints->count; i++) {
        free(endpoints->all[i]->memory);
        free(endpoints->all[i]);
    }
    endpoints_init(endpoints);
}

int endpoints_refuse(struct endpoints *endpoints, const char *format, ...)
{
    va_list args;

    if (endpoints->refusal[0] != '\0')
        return -EINVAL;
    va_start(args, format);
    vsnprintf(endpoints->refusal, sizeof endpoints->refusal, format, args);
    va_end(args);
    return -EINVAL;
}

/* --- finding --- */

/* Up to 7 bytes. */
static inline uint64_t load(const char *at, size_t len)
{
    uint32_t head, tail;
    uint64_t word = 0;

    if (len < sizeof head) {
        for (size_t i = 0; i < len; i++)
            word = word << 8 | (unsigned char)at[i];
        return word;
    }
    memcpy(&head, at, sizeof head);
    memcpy(&tail, at + len - sizeof tail, sizeof tail);
    return (uint64_t)head << 32 | tail;
}

/* Of the length and both ends: what is looked for was chosen by the program, and every path that
 * falls into a slot is compared. */
static inline size_t slot_of(struct str path)
{
    uint64_t head, tail = 0;

    if (path.len >= sizeof head) {
        memcpy(&head, path.at, sizeof head);
        memcpy(&tail, path.at + path.len - sizeof tail, sizeof tail);
    } else {
        head = load(path.at, path.len);
    }
    uint64_t mixed = (head ^ (tail >> 7 | tail << 57) ^ path.len) * 0x9e3779b97f4a7c15u;
    return (mixed >> 40) & (ENDPOINTS_SLOTS - 1);
}

static inline const struct resource *find_literal(const struct endpoints *endpoints,
                                                  struct str path)
{
    size_t slot = slot_of(path);

    while (endpoints->slots[slot] && !str_equal(endpoints->slots[slot]->pattern, path))
        slot = (slot + 1) & (ENDPOINTS_SLOTS - 1);
    return endpoints->slots[slot];
}

const struct endpoint *endpoints_find_literal(const struct endpoints *endpoints,
                                              enum http_method method, struct str path)
{
    const struct resource *resource = find_literal(endpoints, path);

    return resource && method < ENDPOINTS_METHODS ? resource->by_method[method] : NULL;
}

static struct str cut_segment(struct str *rest, bool *last)
{
    const char *slash = memchr(rest->at, '/', rest->len);
    struct str segment = *rest;

    *last = !slash;
    if (slash) {
        segment.len = (size_t)(slash - rest->at);
        *rest = str_of(slash + 1, rest->len - segment.len - 1);
    }
    return segment;
}

static void add_match(struct endpoint_match *match, struct str name, struct str value)
{
    match->names[match->count] = name;
    match->values[match->count++] = value;
}

static bool fits(const struct resource *resource, struct str path, struct endpoint_match *match)
{
    struct str rest = str_of(path.at + 1, path.len - 1);
    bool last = false;

    match->count = 0;
    for (unsigned i = 0; i < resource->count && !last; i++) {
        const struct endpoint_segment *wanted = &resource->segments[i];
        if (wanted->kind == ENDPOINT_REST) {
            add_match(match, wanted->text, rest);
            return true;
        }
        struct str segment = cut_segment(&rest, &last);
        if (wanted->kind == ENDPOINT_LITERAL && !str_equal(wanted->text, segment))
            return false;
        if (wanted->kind == ENDPOINT_PARAM && segment.len == 0)
            return false;
        if (wanted->kind == ENDPOINT_PARAM)
            add_match(match, wanted->text, segment);
        if (last)
            return i + 1 == resource->count;
    }
    return false;
}

static unsigned methods_of(const struct resource *resource)
{
    unsigned methods = 0;

    for (int method = 0; method < (int)ENDPOINTS_METHODS; method++)
        if (resource->by_method[method])
            methods |= 1u << method;
    return methods;
}

const struct endpoint *endpoints_find(const struct endpoints *endpoints, enum http_method method,
                                      struct str path, struct endpoint_match *match,
                                      unsigned *allowed)
{
    const struct resource *literal = find_literal(endpoints, path);

    *allowed = literal ? methods_of(literal) : 0;
    match->count = 0;
    if (literal && method < ENDPOINTS_METHODS && literal->by_method[method])
        return literal->by_method[method];
    for (unsigned i = 0; i < endpoints->patterns; i++) {
        const struct resource *resource = endpoints->all[i];
        if (!fits(resource, path, match))
            continue;
        *allowed |= methods_of(resource);
        if (method < ENDPOINTS_METHODS && resource->by_method[method])
            return resource->by_method[method];
    }
    return NULL;
}

void endpoints_write_methods(struct text *out, unsigned allowed)
{
    const char *gap = "";

    allowed |= 1u << HTTP_OPTIONS;
    for (int method = 0; method < (int)ENDPOINTS_METHODS; method++) {
        if (!(allowed & 1u << method))
            continue;
        text_add(out, str_from(gap));
        text_add(out, http_method_name((enum http_method)method));
        gap = ", ";
    }
}

/* --- patterns --- */

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return name.len > 0;
}

static bool has_param(const struct resource *resource, struct str name)
{
    for (unsigned i = 0; i < resource->count; i++)
        if (resource->segments[i].kind != ENDPOINT_LITERAL &&
            str_equal(resource->segments[i].text, name))
            return true;
    return false;
}

/* What is wrong with it as a literal; NULL when nothing is. */
static const char *judge_literal(struct str text, bool last)
{
    if (text.len == 0 && !last)
        return "a segment is empty";
    if (str_equal(text, STR(".")) || str_equal(text, STR("..")))
        return "a normalised path has no segment \".\" or \"..\"";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '{' || c == '}')
            return "a parameter is a whole segment, as in /length/{bytes}";
        if (c < 0x20 || c == 0x7f || c == '%' || c == '?' || c == '#')
            return "paths are written decoded, and without a query";
    }
    return NULL;
}

static const char *add_segment(struct resource *resource, struct str text, bool last)
{
    struct endpoint_segment segment = { ENDPOINT_LITERAL, text };

    if (resource->count == RINGLET_SEGMENTS_MAX)
        return "it has more than 32 segments";
    if (text.len >= 2 && text.at[0] == '{' && text.at[text.len - 1] == '}') {
        segment.kind = ENDPOINT_PARAM;
        segment.text = str_of(text.at + 1, text.len - 2);
        if (str_ends(segment.text, STR("..."))) {
            segment.kind = ENDPOINT_REST;
            segment.text.len -= 3;
        }
        if (!is_name(segment.text))
            return "a parameter's name is made of letters, digits and '_'";
        if (has_param(resource, segment.text))
            return "two parameters have the same name";
        if (segment.kind == ENDPOINT_REST && !last)
            return "what takes all the rest must be the last segment";
    } else {
        const char *wrong = judge_literal(text, last);
        if (wrong)
            return wrong;
    }
    resource->segments[resource->count++] = segment;
    return NULL;
}

/* Each literal counts with the slash before it. */
static void weigh(struct resource *resource)
{
    unsigned params = 0;

    for (unsigned i = 0; i < resource->count; i++) {
        const struct endpoint_segment *segment = &resource->segments[i];
        resource->literal += 1;
        if (segment->kind == ENDPOINT_LITERAL)
            resource->literal += segment->text.len;
        else if (params++ == 0)
            resource->first = resource->literal;
    }
    resource->has_params = params > 0;
    resource->has_rest =
        resource->count > 0 && resource->segments[resource->count - 1].kind == ENDPOINT_REST;
}

static const char *parse(struct resource *resource)
{
    struct str rest = resource->pattern;
    const char *wrong = NULL;
    unsigned params = 0;
    bool last = false;

    if (rest.len == 0 || rest.at[0] != '/')
        return "a pattern begins with '/'";
    if (rest.len > RINGLET_PATTERN_MAX)
        return "it is too long";
    rest = str_of(rest.at + 1, rest.len - 1);
    while (!last && !wrong) {
        struct str segment = cut_segment(&rest, &last);
        wrong = add_segment(resource, segment, last);
        if (!wrong && resource->segments[resource->count - 1].kind != ENDPOINT_LITERAL)
            params++;
    }
    weigh(resource);
    return params > RINGLET_PARAMS_MAX ? "it has more than 8 parameters" : wrong;
}

/* --- adding --- */

/* Is there a path that both fit? */
static bool overlap(const struct resource *a, const struct resource *b)
{
    for (unsigned i = 0; i < a->count && i < b->count; i++) {
        const struct endpoint_segment *one = &a->segments[i], *two = &b->segments[i];
        if (one->kind == ENDPOINT_REST || two->kind == ENDPOINT_REST)
            return true;
        const struct endpoint_segment *literal = one->kind == ENDPOINT_LITERAL ? one : two;
        const struct endpoint_segment *other = literal == one ? two : one;
        if (literal->kind != ENDPOINT_LITERAL)
            continue;
        if (other->kind == ENDPOINT_LITERAL ? !str_equal(one->text, two->text)
                                            : literal->text.len == 0)
            return false;
    }
    return a->count == b->count;
}

/* Does `a` go before `b`? */
static bool goes_first(const struct resource *a, const struct resource *b)
{
    if (a->first != b->first)
        return a->first > b->first;
    if (a->literal != b->literal)
        return a->literal > b->literal;
    return !a->has_rest && b->has_rest;
}

/* Could a request with this method be for either? A HEAD could be for a route with GET. */
static bool is_rival(const struct resource *a, const struct resource *b, enum http_method method)
{
    enum http_method wider = method == HTTP_GET ? HTTP_HEAD : method;

    return a != b && b->by_method[wider] && !goes_first(a, b) && !goes_first(b, a) && overlap(a, b);
}

static struct resource *find_same(const struct endpoints *endpoints, const struct resource *wanted)
{
    for (unsigned i = 0; i < endpoints->count; i++)
        if (str_equal(endpoints->all[i]->pattern, wanted->pattern))
            return endpoints->all[i];
    return NULL;
}

static void insert(struct endpoints *endpoints, struct resource *resource)
{
    unsigned at = endpoints->count;

    if (resource->has_params) {
        for (at = 0; at < endpoints->patterns && !goes_first(resource, endpoints->all[at]); at++)
            continue;
        endpoints->patterns++;
    } else {
        size_t slot = slot_of(resource->pattern);
        while (endpoints->slots[slot])
            slot = (slot + 1) & (ENDPOINTS_SLOTS - 1);
        endpoints->slots[slot] = resource;
    }
    memmove(&endpoints->all[at + 1], &endpoints->all[at],
            (endpoints->count - at) * sizeof(struct resource *));
    endpoints->all[at] = resource;
    endpoints->count++;
}

static void set_route(struct resource *resource, const struct endpoint *wanted)
{
    enum http_method method = wanted->method;
    struct endpoint *route = &resource->routes[method];

    *route = *wanted;
    route->pattern = resource->pattern;
    resource->by_method[method] = route;
    if (method == HTTP_GET && !resource->by_method[HTTP_HEAD])
        resource->by_method[HTTP_HEAD] = route;
}

static int check_conflicts(struct endpoints *endpoints, const struct resource *resource,
                           enum http_method method)
{
    const struct endpoint *there = resource->by_method[method];

    if (there && there->method == method)
        return endpoints_refuse(endpoints, "the route %s %s is there already",
                                http_method_name(method).at, resource->pattern.at);
    for (unsigned i = 0; resource->has_params && i < endpoints->patterns; i++)
        if (is_rival(resource, endpoints->all[i], method))
            return endpoints_refuse(
                endpoints,
                "the routes %s %s and %s fit the same paths, and neither is more "
                "literal; make one of them so",
                http_method_name(method).at, resource->pattern.at, endpoints->all[i]->pattern.at);
    return 0;
}

static void discard(struct resource *resource)
{
    if (resource)
        free(resource->memory);
    free(resource);
}

/* `made` is put among the others, or its route among those of one that is there. */
static int settle(struct endpoints *endpoints, struct resource *made, const struct endpoint *wanted)
{
    enum http_method method = wanted->method;
    struct resource *there = find_same(endpoints, made);

    if (endpoints->routes == RINGLET_ROUTES_MAX)
        return endpoints_refuse(endpoints, "there are more than %d routes", RINGLET_ROUTES_MAX);
    int error = check_conflicts(endpoints, there ? there : made, method);
    if (error)
        return error;
    if (!there)
        insert(endpoints, made);
    set_route(there ? there : made, wanted);
    endpoints->routes++;
    return there ? 1 : 0;
}

int endpoints_add_body(struct endpoints *endpoints, const char *method_name, const char *pattern,
                       const struct endpoint_body *body, ringlet_handler *handler, void *data)
{
    struct endpoint wanted = { .handler = handler, .data = data };

    if (!method_name || !pattern)
        return endpoints_refuse(endpoints, "a route has no method or no pattern");
    if (!handler)
        return endpoints_refuse(endpoints, "the route %.16s %.200s: it has no handler", method_name,
                                pattern);

    struct resource *made = calloc(1, sizeof *made);
    if (!made || !(made->memory = strdup(pattern))) {
        discard(made);
        return -ENOMEM;
    }
    wanted.method = http_method_of(str_from(method_name));
    if (body)
        wanted.body = *body;
    made->pattern = str_from(made->memory);
    const char *wrong =
        wanted.method < ENDPOINTS_METHODS ? parse(made) : "no route can have this method";
    int outcome = wrong ? endpoints_refuse(endpoints, "the route %.16s %.200s: %s", method_name,
                                           pattern, wrong)
                        : settle(endpoints, made, &wanted);
    if (outcome != 0)
        discard(made);
    return outcome < 0 ? outcome : 0;
}

int endpoints_add(struct endpoints *endpoints, const char *method, const char *pattern,
                  ringlet_handler *handler, void *data)
{
    return endpoints_add_body(endpoints, method, pattern, NULL, handler, data);
}
