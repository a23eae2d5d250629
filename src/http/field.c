#include "http/field.h"

#include <assert.h>

enum { LANES = 8 };

static_assert((int)HTTP_FIELDS_SLACK >= LANES - 1, "so many are read where there is but one");

/* Lengths of names that are compared together. */
typedef uint16_t lanes __attribute__((vector_size(2 * LANES)));

static struct str name_at(const struct http_request *r, unsigned i)
{
    return str_of(r->lines[i], r->name_lens[i]);
}

/* Between the colon and the CR LF before the next line. */
static struct str value_at(const struct http_request *r, unsigned i)
{
    const char *value = r->lines[i] + r->name_lens[i] + 1;

    return str_trim(str_of(value, (size_t)(r->lines[i + 1] - value) - 2));
}

struct http_field http_field_at(const struct http_request *request, unsigned i)
{
    return (struct http_field){ name_at(request, i), value_at(request, i) };
}

static inline uint64_t difference_at(const char *a, const char *b, size_t at)
{
    uint64_t x, y;

    memcpy(&x, a + at, sizeof x);
    memcpy(&y, b + at, sizeof y);
    return x ^ y;
}

/* Two names, as long as each other, that are the same or differ in case alone. */
static inline bool is_called(const char *sent, struct str name)
{
    const uint64_t fold = 0x2020202020202020;
    const size_t word = sizeof fold;
    uint64_t differing;

    if (name.len < word)
        return str_equal_nocase(str_of(sent, name.len), name);
    /* the last words overlap where the length is no multiple of theirs */
    differing = difference_at(sent, name.at, name.len - word);
    for (size_t i = 0; i + word < name.len; i += word)
        differing |= difference_at(sent, name.at, i);
    if (differing == 0)
        return true;
    return (differing & ~fold) == 0 && str_equal_nocase(str_of(sent, name.len), name);
}

/* Has none of the LANES names from number i on that length? What stands behind the last
 * one's makes no difference. */
static inline bool none_is(const struct http_request *r, unsigned i, lanes len)
{
    lanes lens;
    uint64_t found[2];

    memcpy(&lens, r->name_lens + i, sizeof lens);
    lens = (lanes)(lens == len);
    memcpy(found, &lens, sizeof found);
    return (found[0] | found[1]) == 0;
}

/* The first name of that length from number i on, or a number from field_count on. */
static inline unsigned next_of_len(const struct http_request *r, unsigned i, size_t len)
{
    const lanes all = (lanes){ 0 } + (uint16_t)len;

    while (i < r->field_count && none_is(r, i, all))
        i += LANES;
    while (i < r->field_count && r->name_lens[i] != len)
        i++;
    return i;
}

bool http_field_next(const struct http_request *request, struct str name, unsigned *i,
                     struct str *value)
{
    for (;; ++*i) {
        *i = next_of_len(request, *i, name.len);
        if (*i >= request->field_count) {
            *i = request->field_count;
            return false;
        }
        if (is_called(request->lines[*i], name))
            break;
    }
    *value = value_at(request, (*i)++);
    return true;
}

struct str http_field_first(const struct http_request *request, struct str name)
{
    struct str value = str_of(NULL, 0);
    unsigned at = 0;

    http_field_next(request, name, &at, &value);
    return value;
}
