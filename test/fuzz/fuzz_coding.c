/* What is chosen is there, nothing that is there is wanted more, and what the field refuses by its
 * name is never chosen, as a slow and plain reader of it sees it. */
#include "base/check.h"
#include "http/coding.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_choice(struct http_accept_coding accepts, unsigned available)
{
    enum http_coding chosen = http_coding_choose(accepts, available);

    CHECK(chosen < HTTP_CODINGS);
    CHECK(chosen == HTTP_IDENTITY || ((available & 1u << chosen) && accepts.wish[chosen] > 0));
    for (int i = 0; i < HTTP_CODINGS; i++)
        if (i == HTTP_IDENTITY || (available & 1u << i))
            CHECK(accepts.wish[chosen] >= accepts.wish[i]);
}

enum { MEMBERS_TOLD = 64 }; /* of more the parser need not know */

/* Without a thought for speed: the members of the field one by one, each as the beginning of
 * a text in lower case. False when there are no more. */
static bool plain_member(struct str field, size_t number, char text[16])
{
    size_t at = 0, len = 0;

    for (; number > 0 && at < field.len; at++)
        number -= field.at[at] == ',';
    if (number > 0)
        return false;
    memset(text, 0, 16);
    for (; at < field.len && field.at[at] != ',' && len < 15; at++) {
        char c = field.at[at];
        text[len++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return true;
}

static bool is_zero(const char *weight)
{
    static const char *const zeros[] = { ";q=0", ";q=0.", ";q=0.0", ";q=0.00", ";q=0.000" };

    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        if (strcmp(weight, zeros[i]) == 0)
            return true;
    return false;
}

/* Every member that begins with the name says that it is refused, and there is one. */
static bool is_refused(struct str field, const char *name)
{
    char text[16];
    bool refused = false;

    for (size_t i = 0; i < MEMBERS_TOLD && plain_member(field, i, text); i++) {
        if (strncmp(text, name, strlen(name)) != 0)
            continue;
        if (!is_zero(text + strlen(name)))
            return false;
        refused = true;
    }
    return refused;
}

/* A blank inside a name or a weight makes another member of it: those are left out here. */
static bool is_tidy(struct str field)
{
    for (size_t i = 0; i < field.len; i++)
        if (field.at[i] == ' ' || field.at[i] == '\t' || field.at[i] == '\0')
            return false;
    return true;
}

static void check_refusals(struct str field, struct http_accept_coding accepts)
{
    static const struct {
        const char *name;
        enum http_coding coding;
    } rows[] = { { "br", HTTP_BR }, { "zstd", HTTP_ZSTD }, { "gzip", HTTP_GZIP } };

    for (size_t i = 0; is_tidy(field) && i < sizeof rows / sizeof *rows; i++)
        if (is_refused(field, rows[i].name) &&
            !(rows[i].coding == HTTP_GZIP && memmem(field.at, field.len, "-", 1)))
            CHECK(http_coding_choose(accepts, 1u << rows[i].coding) == HTTP_IDENTITY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    CHECK(copy);
    memcpy(copy, data, size);
    struct http_accept_coding accepts = http_accept_coding(str_of(copy, size));
    check_refusals(str_of(copy, size), accepts);
    free(copy);
    for (unsigned available = 0; available < 1u << HTTP_CODINGS; available += 2)
        check_choice(accepts, available);
    for (int i = 0; i < HTTP_CODINGS; i++)
        CHECK(accepts.wish[i] <= 2000);
    return 0;
}
