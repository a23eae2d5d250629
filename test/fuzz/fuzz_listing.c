/* Whatever the names: the page has no markup of theirs, and the JSON is JSON. The input is a path
 * and names, each ended by a line feed; a name that begins with '/' is that of a directory. */
#include "base/check.h"
#include "site/listing_json.h"
#include "site/listing_page.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- a page: the tags are ours, and no quote or control gets into them --- */

/* Step over a tag; what is in quotes is one piece. */
static const char *skip_tag(const char *at, const char *end)
{
    bool quoted = false;

    for (at++; at < end && (quoted || *at != '>'); at++) {
        CHECK(*at != '<');
        quoted ^= *at == '"';
    }
    CHECK(at < end);
    return at + 1;
}

static void check_tag(struct str tag)
{
    static const char *const known[] = { "!DOCTYPE", "html",  "head",  "meta", "title",
                                         "style",    "body",  "h1",    "a ",   "a>",
                                         "table",    "thead", "tbody", "tr>",  "th",
                                         "td",       "time",  "span>", "bdi>", "p>" };
    size_t from = tag.len > 1 && tag.at[1] == '/' ? 2 : 1;
    struct str name = str_of(tag.at + from, tag.len - from);

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_starts(name, str_from(known[i])))
            return;
    CHECK(false);
}

static void check_page(struct str page)
{
    const char *at = page.at, *end = page.at + page.len;

    while (at < end) {
        CHECK((unsigned char)*at >= 0x20 || *at == '\n');
        if (*at != '<') {
            at++;
            continue;
        }
        const char *next = skip_tag(at, end);
        check_tag(str_of(at, (size_t)(next - at)));
        at = next;
    }
}

/* --- JSON: a reader of what a listing may be made of --- */

static bool take(struct str *s, struct str word)
{
    bool there = str_starts(*s, word);

    if (there)
        *s = str_of(s->at + word.len, s->len - word.len);
    return there;
}

static void skip_gap(struct str *s)
{
    while (take(s, STR("\n")))
        continue;
}

static void check_string(struct str *s)
{
    CHECK(take(s, STR("\"")));
    while (!take(s, STR("\""))) {
        CHECK(s->len > 0 && (unsigned char)s->at[0] >= 0x20);
        if (take(s, STR("\\u00")))
            CHECK(s->len > 2);
        else if (take(s, STR("\\")))
            CHECK(s->len > 0 && (s->at[0] == '"' || s->at[0] == '\\'));
        *s = str_of(s->at + 1, s->len - 1);
    }
}

static void check_value(struct str *s);

static void check_members(struct str *s, struct str end, bool named)
{
    skip_gap(s);
    while (!take(s, end)) {
        if (named)
            check_string(s);
        CHECK(!named || take(s, STR(":")));
        check_value(s);
        skip_gap(s);
        CHECK(take(s, STR(",")) || str_starts(*s, end));
        skip_gap(s);
    }
}

/* As deep as our own listings go. */
static void check_value(struct str *s)
{
    if (take(s, STR("{"))) {
        check_members(s, STR("}"), true);
    } else if (take(s, STR("["))) {
        check_members(s, STR("]"), false);
    } else if (!take(s, STR("true")) && !take(s, STR("false"))) {
        size_t digits = 0;
        while (digits < s->len && s->at[digits] >= '0' && s->at[digits] <= '9')
            digits++;
        if (digits == 0)
            check_string(s);
        *s = str_of(s->at + digits, s->len - digits);
    }
}

/* --- both --- */

static struct text room_for(size_t max)
{
    struct text out = text_in(malloc(max), max);

    CHECK(out.at);
    return out;
}

static void check_json_of(struct listing *listing, struct str path)
{
    struct text out = room_for(listing_json_max(listing, path));

    listing_json_write(&out, listing, path);
    CHECK(!out.cut);
    struct str rest = text_str(&out);
    check_value(&rest);
    CHECK(str_equal(rest, STR("\n")));
    free(out.at);
}

static void check_page_of(struct listing *listing, struct str path, struct listing_form form)
{
    struct text out = room_for(listing_page_max(listing, path));

    listing_page_write(&out, listing, path, form);
    CHECK(!out.cut);
    check_page(text_str(&out));
    free(out.at);
}

static void add(struct listing *listing, struct str name)
{
    struct listing_entry entry = { .size = name.len << (name.len % 50), .modified = 1 };

    entry.directory = name.len > 1 && name.at[0] == '/';
    if (name.len > 0)
        listing_add(listing, name, entry);
}

/* Cut the first line off *data. */
static struct str next_line(struct str *data)
{
    const char *end = data->len > 0 ? memchr(data->at, '\n', data->len) : NULL;
    size_t len = end ? (size_t)(end - data->at) : data->len;
    struct str line = str_of(data->at, len);

    len += end != NULL;
    *data = str_of(data->at + len, data->len - len);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of((const char *)data, size);
    struct listing listing;
    char path[4096] = "/";

    CHECK(listing_init(&listing) == 0);
    struct str first = next_line(&rest);
    if (first.len > sizeof path - 1)
        first.len = sizeof path - 1;
    if (first.len > 0)
        memcpy(path + 1, first.at, first.len);
    while (rest.len > 0)
        add(&listing, next_line(&rest));
    struct listing_form form = listing_form_of((unsigned)(size % LISTING_FORMS));
    listing_sort(&listing, form);
    check_page_of(&listing, str_of(path, first.len + 1), form);
    check_json_of(&listing, str_of(path, first.len + 1));
    listing_release(&listing);
    return 0;
}
