/* Any bytes are a head or are not, and both stay true however the bytes come. */
#include "base/check.h"
#include "http/request.h"
#include "reference.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char literal_path[] = "/";

static bool lies_in(struct str s, const char *bytes, size_t len)
{
    return !s.at || (s.at >= bytes && s.at + s.len <= bytes + len);
}

static bool is_root(struct str s)
{
    return s.len == 1 && s.at[0] == literal_path[0];
}

static bool has_no_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.at[i] < 0x20 && s.at[i] != '\t') || s.at[i] == 0x7f)
            return false;
    return true;
}

static void check_field(struct http_field field, const char *bytes, size_t used)
{
    CHECK(field.name.len > 0 && field.value.at);
    CHECK(lies_in(field.name, bytes, used) && lies_in(field.value, bytes, used));
    CHECK(!memchr(field.name.at, ':', field.name.len));
    CHECK(!memchr(field.name.at, ' ', field.name.len));
    CHECK(has_no_control(field.name) && has_no_control(field.value));
    CHECK(str_trim(field.value).len == field.value.len);
}

/* What holds for every request that is taken. */
static void check_request(const struct http_request *r, const char *bytes, size_t used)
{
    CHECK(memcmp(bytes + used - 2, "\r\n", 2) == 0);
    CHECK(r->method < HTTP_METHOD_UNKNOWN &&
          http_method_of(http_request_method_name(r)) == r->method);
    CHECK(lies_in(r->target, bytes, used));
    CHECK(lies_in(r->path, bytes, used) || is_root(r->path));
    CHECK(lies_in(r->query, bytes, used) && lies_in(r->host, bytes, used));
    CHECK(r->target.len > 0 && has_no_control(r->target));
    CHECK(!memchr(r->target.at, ' ', r->target.len));
    CHECK(r->form == HTTP_AUTHORITY_FORM || r->path.len > 0);
    CHECK((r->form == HTTP_ASTERISK_FORM) == str_equal(r->target, STR("*")));
    CHECK(r->minor == 0 || r->minor == 1);
    CHECK(!(r->chunked && (r->has_length || r->length > 0 || r->minor == 0)));
    CHECK(r->length <= INT64_MAX && (r->has_length || r->length == 0));
    CHECK(!r->expects_continue || http_request_has_body(r));
    CHECK(r->field_count <= HTTP_FIELDS_MAX);
    for (unsigned i = 0; i < r->field_count; i++)
        check_field(http_field_at(r, i), bytes, used);
}

/* In memory of its own, so that the sanitizer sees a step beyond it. The reference must agree. */
static ssize_t parse_copy(const char *bytes, size_t len, size_t max_head)
{
    struct http_request r;
    struct reference reference;
    char *copy = malloc(len > 0 ? len : 1);

    CHECK(copy);
    memcpy(copy, bytes, len);
    ssize_t used = http_request_parse(&r, copy, len, max_head);
    CHECK(used >= -505 && used <= (ssize_t)len);
    CHECK(reference_parse(&reference, copy, len, max_head) == used);
    CHECK(!reference_differs(&reference, &r, used));
    if (used > 0)
        check_request(&r, copy, (size_t)used);
    free(copy);
    return used;
}

/* The bytes up to `len` are refused as all of them are, or want more, unless the head ends in them.
 */
static void check_prefix(const char *bytes, size_t len, ssize_t whole)
{
    ssize_t used = parse_copy(bytes, len, HTTP_HEAD_MAX);

    if (whole > 0)
        CHECK(used == ((size_t)whole <= len ? whole : 0));
    else
        CHECK(used == 0 || used == whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    ssize_t whole = parse_copy(bytes, size, HTTP_HEAD_MAX);
    size_t step = 1 + size / 256;

    for (size_t len = 0; len < size; len += step)
        check_prefix(bytes, len, whole);
    if (whole > 1) {
        CHECK(parse_copy(bytes, size, (size_t)whole) == whole);
        CHECK(parse_copy(bytes, size, (size_t)whole - 1) < 0);
        CHECK(parse_copy(bytes, (size_t)whole, HTTP_HEAD_MAX) == whole);
    }
    return 0;
}
