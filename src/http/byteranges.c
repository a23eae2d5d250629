#include "http/byteranges.h"

#include "base/check.h"

void http_byteranges_type(struct text *out, const struct http_byteranges *form)
{
    text_add(out, STR("Content-Type: multipart/byteranges; boundary="));
    text_add(out, form->boundary);
    text_add(out, STR("\r\n"));
}

void http_byteranges_part(struct text *out, const struct http_byteranges *form, bool first,
                          struct http_range range)
{
    text_add(out, first ? STR("--") : STR("\r\n--"));
    text_add(out, form->boundary);
    text_add(out, STR("\r\nContent-Type: "));
    text_add(out, form->type);
    text_add(out, STR("\r\n"));
    http_content_range(out, range, form->size);
    text_add(out, STR("\r\n"));
}

void http_byteranges_end(struct text *out, const struct http_byteranges *form)
{
    text_add(out, STR("\r\n--"));
    text_add(out, form->boundary);
    text_add(out, STR("--\r\n"));
}

/* The type may be of any length and is counted, not written. */
static uint64_t part_head_len(const struct http_byteranges *form, bool first,
                              struct http_range range)
{
    const struct http_byteranges untyped = { form->boundary, STR(""), form->size };
    char space[HTTP_PART_HEAD_MAX];
    struct text head = text_in(space, sizeof space);

    http_byteranges_part(&head, &untyped, first, range);
    CHECK(!head.cut);
    return head.len + form->type.len;
}

uint64_t http_byteranges_length(const struct http_byteranges *form,
                                const struct http_ranges *ranges)
{
    char space[HTTP_PART_HEAD_MAX];
    struct text end = text_in(space, sizeof space);

    http_byteranges_end(&end, form);
    uint64_t length = end.len;
    for (unsigned i = 0; i < ranges->count; i++)
        length += part_head_len(form, i == 0, ranges->list[i]) + ranges->list[i].len;
    return length;
}

uint64_t http_byteranges_cost(const struct http_byteranges *form)
{
    const struct http_range last = { form->size > 0 ? form->size - 1 : 0, 1 };

    return part_head_len(form, false, last);
}
