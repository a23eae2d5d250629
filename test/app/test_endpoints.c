/* app/endpoints.c: what is found, in which order, and what is refused. */
#include "app/endpoints.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define GET_HEAD (1u << HTTP_GET | 1u << HTTP_HEAD)

static void handler(struct ringlet_request *request, struct ringlet_reply *reply, void *data)
{
    (void)request;
    (void)reply;
    (void)data;
}

static struct endpoints *make(void)
{
    struct endpoints *endpoints = malloc(sizeof *endpoints);

    assert_non_null(endpoints);
    endpoints_init(endpoints);
    return endpoints;
}

static void unmake(struct endpoints *endpoints)
{
    endpoints_release(endpoints);
    free(endpoints);
}

static void add(struct endpoints *endpoints, const char *method, const char *pattern)
{
    assert_int_equal(endpoints_add(endpoints, method, pattern, handler, NULL), 0);
    assert_string_equal(endpoints->refusal, "");
}

/* The pattern whose route answers, or "". */
static struct str find(const struct endpoints *endpoints, enum http_method method, const char *path,
                       struct endpoint_match *match)
{
    unsigned allowed;
    const struct endpoint *found =
        endpoints_find(endpoints, method, str_from(path), match, &allowed);

    return found ? found->pattern : STR("");
}

static void expect_found(const struct endpoints *endpoints, const char *path, const char *pattern)
{
    struct endpoint_match match;
    struct str found = find(endpoints, HTTP_GET, path, &match);

    if (!str_equal(found, str_from(pattern)))
        fail_msg("%s: %.*s", path, (int)found.len, found.at);
}

static void the_more_literal_goes_first(void **state)
{
    static const char *const patterns[] = {
        "/{all...}", "/a/{x}", "/a/{rest...}", "/a/{x}/c", "/a/b", "/a/{x}/", "/files/{p...}", "/",
    };
    static const struct {
        const char *path, *pattern;
    } cases[] = {
        { "/", "/" },
        { "/a", "/{all...}" },
        { "/a/", "/a/{rest...}" },
        { "/a/b", "/a/b" },
        { "/a/bb", "/a/{x}" },
        { "/a/b/c", "/a/{x}/c" },
        { "/a/b/", "/a/{x}/" },
        { "/a/b/d", "/a/{rest...}" },
        { "/a/b/c/d", "/a/{rest...}" },
        { "/files/", "/files/{p...}" },
        { "/files", "/{all...}" },
        { "/filesystem", "/{all...}" },
    };
    struct endpoints *endpoints = make();

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        add(endpoints, "GET", patterns[i]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_found(endpoints, cases[i].path, cases[i].pattern);
    unmake(endpoints);
}

static void parameters_are_matched(void **state)
{
    struct endpoints *endpoints = make();
    struct endpoint_match match;

    (void)state;
    add(endpoints, "GET", "/users/{id}/files/{path...}");
    struct str found = find(endpoints, HTTP_GET, "/users/7/files/a/b c/", &match);
    assert_true(str_equal(found, STR("/users/{id}/files/{path...}")));
    assert_int_equal(match.count, 2);
    assert_true(str_equal(match.names[0], STR("id")) && str_equal(match.values[0], STR("7")));
    assert_true(str_equal(match.names[1], STR("path")));
    assert_true(str_equal(match.values[1], STR("a/b c/")));
    assert_true(find(endpoints, HTTP_GET, "/users//files/", &match).len == 0);
    assert_true(find(endpoints, HTTP_GET, "/users/7/files", &match).len == 0);
    unmake(endpoints);
}

static void methods_are_told(void **state)
{
    struct endpoints *endpoints = make();
    struct endpoint_match match;
    char space[128];
    struct text text = text_in(space, sizeof space);
    unsigned allowed;

    (void)state;
    add(endpoints, "GET", "/a/{x}");
    add(endpoints, "DELETE", "/a/b");
    add(endpoints, "HEAD", "/own");
    add(endpoints, "GET", "/own");
    assert_null(endpoints_find(endpoints, HTTP_PUT, STR("/a/b"), &match, &allowed));
    assert_int_equal(allowed, GET_HEAD | 1u << HTTP_DELETE);
    assert_true(str_equal(find(endpoints, HTTP_HEAD, "/a/b", &match), STR("/a/{x}")));
    assert_null(endpoints_find(endpoints, HTTP_TRACE, STR("/a/c"), &match, &allowed));
    assert_int_equal(allowed, GET_HEAD);
    assert_null(endpoints_find(endpoints, HTTP_GET, STR("/b"), &match, &allowed));
    assert_int_equal(allowed, 0);
    assert_int_equal(endpoints_find(endpoints, HTTP_HEAD, STR("/own"), &match, &allowed)->method,
                     HTTP_HEAD);
    assert_null(endpoints_find_literal(endpoints, HTTP_GET, STR("/a/b")));
    assert_null(endpoints_find_literal(endpoints, HTTP_TRACE, STR("/own")));
    assert_non_null(endpoints_find_literal(endpoints, HTTP_GET, STR("/own")));
    endpoints_write_methods(&text, allowed | GET_HEAD | 1u << HTTP_DELETE);
    assert_true(str_equal(text_str(&text), STR("GET, HEAD, OPTIONS, DELETE")));
    unmake(endpoints);
}

static void conflicts_are_refused(void **state)
{
    static const struct {
        const char *first, *method, *second, *says;
    } cases[] = {
        { "/a", "GET", "/a", "the route GET /a is there already" },
        { "/{x}/b", "GET", "/{y}/b", "neither is more literal" },
        { "/{x}/b", "HEAD", "/{y}/b", "neither is more literal" },
        { "/{x}/b/{y}", "GET", "/{x}/{y}/c", "neither is more literal" },
        { "/a", "GET", "a", "begins with '/'" },
        { "/a", "GET", "", "begins with '/'" },
        { "/a", "BREW", "/b", "no route can have this method" },
        { "/a", "CONNECT", "/b", "no route can have this method" },
        { "/a", "GET", "/b{x}", "a whole segment" },
        { "/a", "GET", "/{x", "a whole segment" },
        { "/a", "GET", "/{}", "a parameter's name" },
        { "/a", "GET", "/{1}", "a parameter's name" },
        { "/a", "GET", "/{x...}/b", "must be the last segment" },
        { "/a", "GET", "/{x}/{x}", "the same name" },
        { "/a", "GET", "//b", "a segment is empty" },
        { "/a", "GET", "/../b", "\"..\"" },
        { "/a", "GET", "/%61", "written decoded" },
        { "/a", "GET", "/b?c", "without a query" },
        { "/a", "GET", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "more than 8 parameters" },
        { "/a", "GET", "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3",
          "more than 32 segments" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoints *endpoints = make();
        add(endpoints, "GET", cases[i].first);
        int error = endpoints_add(endpoints, cases[i].method, cases[i].second, handler, NULL);
        assert_int_equal(error, -EINVAL);
        if (!strstr(endpoints->refusal, cases[i].says))
            fail_msg("%s: %s", cases[i].second, endpoints->refusal);
        assert_int_equal(endpoints->count, 1);
        unmake(endpoints);
    }
}

static void what_does_not_overlap_is_no_conflict(void **state)
{
    static const char *const patterns[] = {
        "/{x}/b", "/{x}/c", "/{x}/{y}/d", "/{x}/{y}/{z}/", "/p/{a...}", "/q/{a...}",
    };
    struct endpoints *endpoints = make();

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        add(endpoints, "GET", patterns[i]);
    add(endpoints, "POST", "/{x}/b");
    add(endpoints, "HEAD", "/{x}/b");
    unmake(endpoints);
}

/* Each handler asks for its parameters by its own names. */
static void methods_may_name_their_parameters(void **state)
{
    struct endpoints *endpoints = make();
    struct endpoint_match match;
    unsigned allowed;

    (void)state;
    add(endpoints, "GET", "/{a}/x");
    add(endpoints, "POST", "/{b}/x");
    assert_true(str_equal(find(endpoints, HTTP_GET, "/7/x", &match), STR("/{a}/x")));
    assert_true(str_equal(match.names[0], STR("a")) && str_equal(match.values[0], STR("7")));
    assert_true(str_equal(find(endpoints, HTTP_POST, "/7/x", &match), STR("/{b}/x")));
    assert_true(str_equal(match.names[0], STR("b")) && str_equal(match.values[0], STR("7")));
    assert_true(str_equal(find(endpoints, HTTP_HEAD, "/7/x", &match), STR("/{a}/x")));
    assert_null(endpoints_find(endpoints, HTTP_PUT, STR("/7/x"), &match, &allowed));
    assert_int_equal(allowed, GET_HEAD | 1u << HTTP_POST);
    unmake(endpoints);
}

/* However many patterns they have. */
static void routes_are_counted(void **state)
{
    struct endpoints *endpoints = make();
    char path[64];

    (void)state;
    for (int i = 0; i < RINGLET_ROUTES_MAX / 2; i++) {
        snprintf(path, sizeof path, "/%d", i);
        add(endpoints, "GET", path);
        add(endpoints, "PUT", path);
    }
    assert_int_equal(endpoints_add(endpoints, "POST", "/0", handler, NULL), -EINVAL);
    assert_non_null(strstr(endpoints->refusal, "more than 1024 routes"));
    unmake(endpoints);
}

/* As many literal paths as there may be, alike at both ends, are all found. */
static void many_are_found(void **state)
{
    struct endpoints *endpoints = make();
    char path[64];

    (void)state;
    for (int i = 0; i < RINGLET_ROUTES_MAX; i++) {
        snprintf(path, sizeof path, "/prefix-%04d/suffix-of-all", i);
        add(endpoints, "GET", path);
    }
    for (int i = 0; i < RINGLET_ROUTES_MAX; i++) {
        snprintf(path, sizeof path, "/prefix-%04d/suffix-of-all", i);
        expect_found(endpoints, path, path);
    }
    expect_found(endpoints, "/prefix-9999/suffix-of-all", "");
    assert_int_equal(endpoints_add(endpoints, "GET", "/more", handler, NULL), -EINVAL);
    assert_non_null(strstr(endpoints->refusal, "more than 1024 routes"));
    unmake(endpoints);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_more_literal_goes_first),
        cmocka_unit_test(parameters_are_matched),
        cmocka_unit_test(methods_are_told),
        cmocka_unit_test(conflicts_are_refused),
        cmocka_unit_test(what_does_not_overlap_is_no_conflict),
        cmocka_unit_test(methods_may_name_their_parameters),
        cmocka_unit_test(routes_are_counted),
        cmocka_unit_test(many_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
