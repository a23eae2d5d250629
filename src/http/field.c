#include "http/field.h"

#include "base/cold.h"
#include "base/words.h"
#include "scan.h"

#include <assert.h>

static_assert((int)HTTP_FIELDS_SLACK >= SCAN_LENGTHS - 1,
              "so many are read where there is but one");

static struct str name_at(const struct http_request *r, unsigned i)
{
    return str_of(r->lines[i], r->name_lens[i]);
}

/* Between the colon and the CR LF before the next line. */
static inline struct str value_at(const struct http_request *r, unsigned i)
{
    const char *value = r->lines[i] + r->name_lens[i] + 1;
    const char *end = r->lines[i + 1] - 2;

    /* as nearly all are sent */
    if (value[0] == ' ' && value[1] > ' ' && end[-1] > ' ')
        return str_of(value + 1, (size_t)(end - value) - 1);
    return str_trim(str_of(value, (size_t)(end - value)));
}

struct http_field http_field_at(const struct http_request *request, unsigned i)
{
    return (struct http_field){ name_at(request, i), value_at(request, i) };
}

/* Can is_same compare it? */
static inline bool is_wordy(struct str name)
{
    return name.len >= 4 && name.len <= 16;
}

/* Are two names of that length the same, in case, too? The words overlap. */
static inline bool is_same(const char *sent, const char *name, size_t len)
{
    if (len < 8)
        return load32(sent) == load32(name) && load32(sent + len - 4) == load32(name + len - 4);
    return load64(sent) == load64(name) && load64(sent + len - 8) == load64(name + len - 8);
}

APART static bool is_same_nocase(const char *sent, struct str name)
{
    return str_equal_nocase(str_of(sent, name.len), name);
}

/* Nearly all who ask for a name write it as those do who send it. */
static inline bool is_called(const char *sent, struct str name)
{
    if (is_wordy(name) && is_same(sent, name.at, name.len))
        return true;
    return is_same_nocase(sent, name);
}

/* The number of the first field from number i on whose name has that length, or field_count. */
static inline unsigned next_of_len(const struct http_request *r, unsigned i, size_t len)
{
    for (; i < r->field_count; i += SCAN_LENGTHS) {
        unsigned found = scan_lengths(r->name_lens + i, (uint16_t)len);
        if (found != 0) {
            i += (unsigned)__builtin_ctz(found);
            break;
        }
    }
    return i < r->field_count && len < HTTP_HEAD_MAX ? i : r->field_count;
}

/* The number of the first field of that name from number i on, or field_count. */
static inline unsigned next_of_name(const struct http_request *r, unsigned i, struct str name)
{
    i = next_of_len(r, i, name.len);
    while (i < r->field_count && !is_called(r->lines[i], name))
        i = next_of_len(r, i + 1, name.len);
    return i;
}

bool http_field_next(const struct http_request *request, struct str name, unsigned *i,
                     struct str *value)
{
    unsigned at = next_of_name(request, *i, name);

    *i = at;
    if (at == request->field_count)
        return false;
    *value = value_at(request, at);
    *i = at + 1;
    return true;
}

APART static struct str first_of_many(const struct http_request *request, struct str name)
{
    struct str value = str_of(NULL, 0);
    unsigned at = 0;

    http_field_next(request, name, &at, &value);
    return value;
}

/* Nearly always the first of that length is it, or among few fields there is none. */
struct str http_field_first(const struct http_request *request, struct str name)
{
    unsigned found = scan_lengths(request->name_lens, (uint16_t)name.len);
    unsigned at = (unsigned)__builtin_ctz(found | 1U << SCAN_LENGTHS);

    if (at >= request->field_count && request->field_count <= SCAN_LENGTHS)
        return str_of(NULL, 0);
    if (at == SCAN_LENGTHS || !is_wordy(name) || !is_same(request->lines[at], name.at, name.len))
        return first_of_many(request, name);
    return value_at(request, at);
}
