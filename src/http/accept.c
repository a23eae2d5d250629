#include "http/accept.h"

#include "http/field.h"
#include "http/weight.h"

enum { MEMBERS_MAX = 64 /* of one field; further ones are passed over */ };

/* How exactly a range names a type; the most exact one has the say. */
enum exactness { FITS_NOT, FITS_ALL, FITS_KIND, FITS_EXACTLY };

struct wish {
    enum exactness exactness;
    int weight;
};

static enum exactness fits(struct str range, struct str type)
{
    if (str_equal_nocase(range, type))
        return FITS_EXACTLY;
    if (str_equal(range, STR("*/*")))
        return FITS_ALL;
    if (!str_ends(range, STR("/*")) || range.len - 1 > type.len)
        return FITS_NOT;
    struct str kind = str_of(range.at, range.len - 1);
    return str_equal_nocase(kind, str_of(type.at, kind.len)) ? FITS_KIND : FITS_NOT;
}

/* The weight among a range's parameters; what follows it is no parameter of the range. -1: it
 * breaks the grammar. */
static int weight_among(struct str parameters)
{
    struct str parameter;

    while (str_next(&parameters, ';', &parameter))
        if (parameter.len > 1 && (parameter.at[0] | 0x20) == 'q' && parameter.at[1] == '=')
            return http_weight(parameter);
    return HTTP_WEIGHT_ONE;
}

static void take_member(struct wish *wish, struct str member, struct str type)
{
    struct str range = { 0 };

    str_next(&member, ';', &range);
    enum exactness exactness = fits(range, type);
    int weight = exactness != FITS_NOT ? weight_among(member) : -1;
    if (weight < 0 || exactness < wish->exactness ||
        (exactness == wish->exactness && weight < wish->weight))
        return;
    *wish = (struct wish){ exactness, weight };
}

static void take_field(struct wish *wish, struct str value, struct str type)
{
    struct str member;

    for (int i = 0; i < MEMBERS_MAX && str_next(&value, ',', &member); i++)
        take_member(wish, member, type);
}

static struct wish wish_for(const struct http_request *request, struct str type)
{
    struct wish wish = { FITS_NOT, 0 };
    struct str value;
    unsigned at = 0;

    while (http_field_next(request, STR("Accept"), &at, &value))
        take_field(&wish, value, type);
    return wish;
}

static bool is_more(struct wish a, struct wish b)
{
    return a.weight != b.weight ? a.weight > b.weight : a.weight > 0 && a.exactness > b.exactness;
}

unsigned http_accept_choose(const struct http_request *request, const struct str *types,
                            unsigned count)
{
    struct wish best = { FITS_NOT, 0 };
    unsigned chosen = 0;

    for (unsigned i = 0; i < count; i++) {
        struct wish wish = wish_for(request, types[i]);
        if (!is_more(wish, best))
            continue;
        best = wish;
        chosen = i;
    }
    return chosen;
}

bool http_accept_names(const struct http_request *request, struct str type)
{
    struct wish wish = wish_for(request, type);

    return wish.exactness == FITS_EXACTLY && wish.weight > 0;
}
