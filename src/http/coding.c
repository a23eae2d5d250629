#include "http/coding.h"

#include "http/weight.h"

enum { WISH_UNNAMED = 1, MEMBERS_MAX = 64 /* further ones are passed over */ };

static const struct str names[HTTP_CODINGS] = {
    [HTTP_IDENTITY] = STR_INIT("identity"),
    [HTTP_GZIP] = STR_INIT("gzip"),
    [HTTP_ZSTD] = STR_INIT("zstd"),
    [HTTP_BR] = STR_INIT("br"),
};

struct str http_coding_name(enum http_coding coding)
{
    return names[coding];
}

/* A recipient takes "x-gzip" for "gzip" (RFC 9110 8.4.1.3). HTTP_CODINGS: none that we know. */
static enum http_coding coding_of(struct str name)
{
    for (int i = 0; i < HTTP_CODINGS; i++)
        if (str_equal_nocase(name, names[i]))
            return (enum http_coding)i;
    return str_equal_nocase(name, STR("x-gzip")) ? HTTP_GZIP : HTTP_CODINGS;
}

/* What follows the name: nothing, or its weight. -1 when it is something else. */
static int weight_of(struct str parameter, bool given)
{
    return given ? http_weight(parameter) : HTTP_WEIGHT_ONE;
}

/* The wishes as they are read; -1: not named. */
struct wishes {
    int of[HTTP_CODINGS];
    int any; /* "*" */
};

static void take_member(struct wishes *wishes, struct str member)
{
    struct str name = { 0 }, parameter = { 0 };

    str_next(&member, ';', &name);
    bool given = str_next(&member, ';', &parameter);
    int weight = weight_of(parameter, given);
    if (weight < 0 || member.len > 0)
        return;
    enum http_coding coding = coding_of(name);
    if (coding != HTTP_CODINGS)
        wishes->of[coding] = 2 * weight;
    else if (str_equal(name, STR("*")))
        wishes->any = 2 * weight;
}

/* "*" stands for all that are not named; identity needs no naming to be acceptable. */
static unsigned short wish_for(const struct wishes *wishes, enum http_coding coding)
{
    if (wishes->of[coding] >= 0)
        return (unsigned short)wishes->of[coding];
    if (coding == HTTP_IDENTITY)
        return wishes->any == 0 ? 0 : WISH_UNNAMED;
    return wishes->any > 0 ? (unsigned short)wishes->any : 0;
}

struct http_accept_coding http_accept_coding(struct str value)
{
    struct wishes wishes = { { -1, -1, -1, -1 }, -1 };
    struct http_accept_coding accepts;
    struct str member;

    for (int i = 0; i < MEMBERS_MAX && str_next(&value, ',', &member); i++)
        take_member(&wishes, member);
    for (int i = 0; i < HTTP_CODINGS; i++)
        accepts.wish[i] = wish_for(&wishes, (enum http_coding)i);
    return accepts;
}

enum http_coding http_coding_choose(struct http_accept_coding accepts, unsigned available)
{
    enum http_coding best = HTTP_IDENTITY;

    for (int i = HTTP_IDENTITY + 1; i < HTTP_CODINGS; i++)
        if ((available & 1u << i) && accepts.wish[i] > 0 && accepts.wish[i] >= accepts.wish[best])
            best = (enum http_coding)i;
    return best;
}
