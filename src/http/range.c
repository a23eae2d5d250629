#include "http/range.h"

/* Digits at the start of *s, cut off it. False when there are none. */
static bool take_number(struct str *s, uint64_t *number)
{
    size_t i = 0;

    *number = 0;
    for (; i < s->len && s->at[i] >= '0' && s->at[i] <= '9'; i++) {
        unsigned digit = (unsigned)(s->at[i] - '0');
        bool over = *number > (UINT64_MAX - digit) / 10;
        *number = over ? UINT64_MAX : *number * 10 + digit;
    }
    *s = str_of(s->at + i, s->len - i);
    return i > 0;
}

static bool take_dash(struct str *s)
{
    if (s->len == 0 || s->at[0] != '-')
        return false;
    *s = str_of(s->at + 1, s->len - 1);
    return true;
}

/* One range-spec (RFC 9110 14.1.2) as the bytes it means. Returns 206; 416 when it can't be
 * satisfied; or 200 when the whole field is to be ignored for it. */
static int read_spec(struct str spec, uint64_t size, struct http_range *range)
{
    uint64_t first = 0, last = 0;
    bool has_first = take_number(&spec, &first);
    bool has_dash = take_dash(&spec);
    bool has_last = has_dash && take_number(&spec, &last);

    if (!has_dash || spec.len > 0 || !(has_first || has_last) ||
        (has_first && has_last && last < first))
        return 200;
    if (!has_first) { /* a suffix, whose length is `last` */
        if (last == 0)
            return 416;
        if (size == 0)
            return 200;
        first = last < size ? size - last : 0;
    }
    if (first >= size)
        return 416;
    if (!has_first || !has_last || last >= size)
        last = size - 1;
    *range = (struct http_range){ first, last - first + 1 };
    return 206;
}

static uint64_t end_of(struct http_range range)
{
    return range.at + range.len;
}

static bool overlap(struct http_range a, struct http_range b)
{
    return a.at < end_of(b) && b.at < end_of(a);
}

static unsigned count_overlapping(const struct http_ranges *ranges)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ranges->count; i++) {
        bool found = false;
        for (unsigned j = 0; j < ranges->count; j++)
            found = found || (j != i && overlap(ranges->list[i], ranges->list[j]));
        count += found;
    }
    return count;
}

/* Make one of two that leave no gap. */
static void join_two(struct http_ranges *ranges)
{
    struct http_range a = ranges->list[0], b = ranges->list[1];

    if (ranges->count != 2 || a.at > end_of(b) || b.at > end_of(a))
        return;
    uint64_t at = a.at < b.at ? a.at : b.at;
    uint64_t end = end_of(a) > end_of(b) ? end_of(a) : end_of(b);
    ranges->list[0] = (struct http_range){ at, end - at };
    ranges->count = 1;
}

static bool is_worth_it(const struct http_ranges *ranges, uint64_t size, uint64_t part_cost)
{
    uint64_t cost = 0;

    if (count_overlapping(ranges) > 2) /* at most two: so the sum is below 2^64 */
        return false;
    for (unsigned i = 0; i < ranges->count; i++)
        cost += ranges->list[i].len + part_cost;
    return ranges->count == 1 || cost < size;
}

/* The list behind the unit. */
static int read_list(struct http_ranges *ranges, struct str list, uint64_t size)
{
    struct http_range range;
    struct str spec;
    int outcome = 200; /* of a list without members */

    while (str_next(&list, ',', &spec)) {
        if (spec.len == 0) /* RFC 9110 5.6.1.2 */
            continue;
        int status = read_spec(spec, size, &range);
        if (status == 200 || (status == 206 && ranges->count == HTTP_RANGES_MAX))
            return 200;
        if (status == 206)
            ranges->list[ranges->count++] = range;
        outcome = ranges->count > 0 ? 206 : 416;
    }
    return outcome;
}

int http_ranges_read(struct http_ranges *ranges, struct str value, uint64_t size,
                     uint64_t part_cost)
{
    const struct str unit = STR("bytes=");

    ranges->count = 0;
    if (value.len < unit.len || !str_equal_nocase(str_of(value.at, unit.len), unit))
        return 200;
    int status = read_list(ranges, str_of(value.at + unit.len, value.len - unit.len), size);
    if (status != 206)
        return status;
    join_two(ranges);
    return is_worth_it(ranges, size, part_cost) ? 206 : 200;
}

void http_content_range(struct text *out, struct http_range range, uint64_t size)
{
    text_add(out, STR("Content-Range: bytes "));
    text_add_number(out, range.at);
    text_add(out, STR("-"));
    text_add_number(out, end_of(range) - 1);
    text_add(out, STR("/"));
    text_add_number(out, size);
    text_add(out, STR("\r\n"));
}

void http_content_range_none(struct text *out, uint64_t size)
{
    text_add(out, STR("Content-Range: bytes */"));
    text_add_number(out, size);
    text_add(out, STR("\r\n"));
}
