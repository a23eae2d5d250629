/* Whatever a client asks for lies within the file, and costs less than it. The first eight bytes
 * are the size of the file, the ninth the cost of a part's head. */
#include "base/check.h"
#include "http/byteranges.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(const struct http_ranges *ranges, uint64_t size, uint64_t part_cost)
{
    uint64_t cost = 0;

    CHECK(ranges->count > 0 && ranges->count <= HTTP_RANGES_MAX);
    for (unsigned i = 0; i < ranges->count; i++) {
        struct http_range range = ranges->list[i];
        CHECK(range.len > 0 && range.at < size && range.len <= size - range.at);
        cost += range.len + part_cost;
    }
    CHECK(ranges->count == 1 || cost < size);
}

/* Written down, the ranges are read as themselves: nothing is left to be joined or refused. */
static void check_again(const struct http_ranges *ranges, uint64_t size, uint64_t part_cost)
{
    char space[1024];
    struct text text = text_in(space, sizeof space);
    struct http_ranges again;

    text_add(&text, STR("bytes="));
    for (unsigned i = 0; i < ranges->count; i++) {
        text_add_number(&text, ranges->list[i].at);
        text_add(&text, STR("-"));
        text_add_number(&text, ranges->list[i].at + ranges->list[i].len - 1);
        text_add(&text, STR(" ,\t"));
    }
    CHECK(!text.cut);
    CHECK(http_ranges_read(&again, text_str(&text), size, part_cost) == 206);
    CHECK(again.count == ranges->count);
    for (unsigned i = 0; i < ranges->count; i++)
        CHECK(again.list[i].at == ranges->list[i].at && again.list[i].len == ranges->list[i].len);
}

static void check_length(const struct http_ranges *ranges, uint64_t size)
{
    const struct http_byteranges form = { STR("0123456789abcdef"), STR("a/b"), size };
    uint64_t length = http_byteranges_length(&form, ranges);

    for (unsigned i = 0; i < ranges->count; i++) {
        CHECK(length > ranges->list[i].len);
        length -= ranges->list[i].len;
    }
    CHECK(length <= ranges->count * http_byteranges_cost(&form) + 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t first = sizeof(uint64_t) + 1;
    struct http_ranges ranges;
    uint64_t file_size;

    if (size < first)
        return 0;
    memcpy(&file_size, data, sizeof file_size);
    file_size &= INT64_MAX;
    uint64_t part_cost = data[sizeof file_size];
    char *copy = malloc(size - first + 1);
    CHECK(copy);
    memcpy(copy, data + first, size - first);
    int status = http_ranges_read(&ranges, str_of(copy, size - first), file_size, part_cost);
    free(copy);
    CHECK(status == 200 || status == 206 || status == 416);
    if (status == 206) {
        check_ranges(&ranges, file_size, part_cost);
        check_again(&ranges, file_size, part_cost);
        check_length(&ranges, file_size);
    }
    return 0;
}
