/* What is read of a list are tags that lie in it, one behind the other, and that are tags when read
 * alone. */
#include "base/check.h"
#include "http/entity_tag.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tag(struct http_entity_tag tag)
{
    struct str whole =
        str_of(tag.opaque.at - (tag.weak ? 2 : 0), tag.opaque.len + (tag.weak ? 2 : 0));
    struct http_entity_tag again;

    CHECK(tag.opaque.len >= 2 && tag.opaque.at[0] == '"');
    CHECK(memchr(tag.opaque.at + 1, '"', tag.opaque.len - 1) == tag.opaque.at + tag.opaque.len - 1);
    CHECK(http_entity_tag_read(whole, &again));
    CHECK(again.weak == tag.weak && str_equal(again.opaque, tag.opaque));
    CHECK(http_entity_tag_same_weak(tag, again));
    CHECK(http_entity_tag_same_strong(tag, again) == !tag.weak);
}

static void read_list(struct str list)
{
    const char *end = list.at + list.len, *at = list.at;
    struct http_entity_tag tag;

    while (http_entity_tag_next(&list, &tag)) {
        CHECK(tag.opaque.at >= at && tag.opaque.at + tag.opaque.len <= end);
        CHECK(list.at >= tag.opaque.at + tag.opaque.len && list.at + list.len <= end);
        at = tag.opaque.at + tag.opaque.len;
        check_tag(tag);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    struct http_entity_tag tag;

    CHECK(copy);
    memcpy(copy, data, size);
    read_list(str_of(copy, size));
    if (http_entity_tag_read(str_of(copy, size), &tag))
        check_tag(tag);
    free(copy);
    return 0;
}
