#include "http/field.h"

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

bool http_field_next(const struct http_request *request, struct str name, unsigned *i,
                     struct str *value)
{
    for (; *i < request->field_count; ++*i) {
        if (!str_equal_nocase(name_at(request, *i), name))
            continue;
        *value = value_at(request, (*i)++);
        return true;
    }
    return false;
}
