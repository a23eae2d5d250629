/* What is chosen is there, and nothing that is there is wanted more. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    CHECK(copy);
    memcpy(copy, data, size);
    struct http_accept_coding accepts = http_accept_coding(str_of(copy, size));
    free(copy);
    for (unsigned available = 0; available < 1u << HTTP_CODINGS; available += 2)
        check_choice(accepts, available);
    for (int i = 0; i < HTTP_CODINGS; i++)
        CHECK(accepts.wish[i] <= 2000);
    return 0;
}
