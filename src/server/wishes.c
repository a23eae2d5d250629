#include "server/wishes.h"

#include "base/cold.h"

static COLD struct http_accept_coding read_field(struct wishes *wishes, struct str field)
{
    struct http_accept_coding accepts = http_accept_coding(field);

    if (field.len > sizeof wishes->text)
        return accepts;
    if (field.len > 0)
        memcpy(wishes->text, field.at, field.len);
    wishes->known = true;
    wishes->len = field.len;
    wishes->accepts = accepts;
    return accepts;
}

struct http_accept_coding wishes_of(struct wishes *wishes, struct str field)
{
    if (wishes->known && str_equal(field, str_of(wishes->text, wishes->len)))
        return wishes->accepts;
    return read_field(wishes, field);
}
